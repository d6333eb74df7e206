"""The words of one exchange with the store: what is sent, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

MAX_BODY = 64 * 1024 * 1024


@dataclass(frozen=True)
class Request:
    """One request, and the most bytes of its answer, unpacked.

    Its headers hold the credentials, its address and body may name people: they do not show.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    max_body: int = MAX_BODY


@dataclass(frozen=True)
class Answer:
    """The store's answer: status, headers (any case), unpacked body, and seconds until it was there."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    seconds: float = 0.0


class Fault(Enum):
    """Why there is no usable answer."""

    UNREACHABLE = "unreachable"
    TLS = "tls"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Failure:
    """No usable answer. ``sent`` is False only where the request surely did not arrive."""

    fault: Fault
    reason: str
    sent: bool = True
    status: int | None = None
