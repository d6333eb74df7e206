"""A pretend BigCommerce store: real TLS on this machine, invented data, and every answer that goes wrong."""

from .accounts import SCOPES, BasicAccount, TokenAccount
from .app import Seen
from .faults import Answer, BadGzip, Bomb, Drip, Fault, Redirect, Reset, Slow, Truncate
from .quota import Hourly, Window
from .sandbox import SandboxStore
from .settings import Arriving

__all__ = [
    "SCOPES",
    "Answer",
    "Arriving",
    "BadGzip",
    "BasicAccount",
    "Bomb",
    "Drip",
    "Fault",
    "Hourly",
    "Redirect",
    "Reset",
    "SandboxStore",
    "Seen",
    "Slow",
    "TokenAccount",
    "Truncate",
    "Window",
]
