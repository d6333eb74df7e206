"""What routes are: functions from what they are asked to a reply, without a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .accounts import Account
from .parameters import Params
from .replies import Reply


@dataclass(frozen=True)
class Call:
    """What a route is asked: the ids in its path (0 where there is none), its parameters, its body, and by whom."""

    id: int
    params: Params
    body: bytes = b""
    sub_id: int = 0
    account: Account | None = None


Handler = Callable[[Call], Reply]
# By path below the store's root, with {id} for a number, then by method.
Routes = dict[str, dict[str, Handler]]


class NotFoundError(LookupError):
    """There is no such route or row: 404."""


class BadBodyError(ValueError):
    """The body is no JSON: 400."""
