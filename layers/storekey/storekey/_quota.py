"""The store's quota, which all its apps share, and the pace that leaves them a reserve of it.

Headers and meaning: BigCommerce, "API rate limits" (token: a window of 30 s, 429) and the older article on Basic
accounts (20,000 requests an hour, rolling, counted anew each minute, 509 without a reset header).
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

BASIC_REQUESTS_PER_HOUR = 20_000
BASIC_RECOUNT_SECONDS = 60.0
TOKEN_WINDOW_SECONDS = 30.0
LONGEST_HOLD = 60.0
MANY = 1_000_000
_LONGEST_WAIT = 86_400.0


@dataclass(frozen=True)
class Told:
    """What an answer tells of the quota, the reserve taken off.

    Requests that are ``left``, the ``seconds`` until they are counted anew, and those that a new window has, or 0 where
    none begins: a Basic account's hour goes on.
    """

    left: int
    usual: int
    seconds: float


class Pace(Protocol):
    """Says when requests are sent, for all calls of a client; safe with threads."""

    def ask(self) -> float:
        """Return 0 where a request may be sent now, and count it as sent; or the seconds after which to ask again."""

    def note(self, status: int | None, headers: Mapping[str, str]) -> None:
        """Learn from an answer, or hear that none came (None). Raises nothing: an answer counts in any case."""


class OwnPace:
    """Holds requests back by what the store last answered here, whatever other environments send."""

    def __init__(self, reserve_percent: float) -> None:
        self._reserve = reserve_percent
        self._until = 0.0

    def ask(self) -> float:
        """Return the seconds until the reserve is not touched any more."""
        return max(0.0, self._until - time.monotonic())

    def note(self, status: int | None, headers: Mapping[str, str]) -> None:
        """Take the last answer's word."""
        if status is not None:
            self._until = time.monotonic() + hold_after(headers, self._reserve)


def told_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an answer says to wait, the longer of its two headers, or None where it says nothing."""
    reset = _number(headers, "X-Rate-Limit-Time-Reset-Ms")
    retry = _number(headers, "X-Retry-After")
    waits = [wait for wait in (None if reset is None else reset / 1000, retry) if wait is not None]
    return min(max(waits), _LONGEST_WAIT) if waits else None


def refused_wait(status: int, headers: Mapping[str, str]) -> float:
    """Return the seconds for which a 429 or 509 keeps all requests back; for a 429 that tells nothing it is one."""
    told = told_wait(headers)
    if told is not None:
        return told
    return BASIC_RECOUNT_SECONDS if status == 509 else 1.0


def told_quota(headers: Mapping[str, str], reserve_percent: float) -> Told | None:
    """Return what an answer tells of the quota, or None where it tells nothing."""
    counts = _above(headers, reserve_percent)
    if not counts:
        return None
    left, usual = counts
    return Told(_requests(left), _requests(usual), _seconds(headers, usual))


def hold_after(headers: Mapping[str, str], reserve_percent: float) -> float:
    """Return the seconds to hold back the next request so that the reserve stays for the store's other apps."""
    counts = _above(headers, reserve_percent)
    return _seconds(headers, counts[1]) if counts and counts[0] <= 0 else 0.0


def left(headers: Mapping[str, str]) -> float | None:
    """Return how many requests an answer says are left, or None where it says nothing."""
    window = _number(headers, "X-Rate-Limit-Requests-Left")
    return window if window is not None else _number(headers, "X-BC-ApiLimit-Remaining")


def left_percent(headers: Mapping[str, str]) -> float | None:
    """Return how much of the quota an answer says is left, in percent, or None where it says nothing."""
    if not (counts := _above(headers, reserve_percent=0)):
        return None
    requests, quota = counts
    return min(100.0, 100 * requests / (quota or BASIC_REQUESTS_PER_HOUR))


def granted(headers: Mapping[str, str], reserve_percent: float) -> tuple[int, float] | None:
    """Return how many requests a store grants us, the reserve taken off, and in how many seconds; None as above."""
    ours = 1 - reserve_percent / 100
    if quota := _number(headers, "X-Rate-Limit-Requests-Quota"):
        window = _number(headers, "X-Rate-Limit-Time-Window-Ms") or TOKEN_WINDOW_SECONDS * 1000
        return _requests(quota * ours), window / 1000
    if _number(headers, "X-BC-ApiLimit-Remaining") is None:
        return None
    return _requests(BASIC_REQUESTS_PER_HOUR * ours), 3600.0


def _above(headers: Mapping[str, str], reserve_percent: float) -> tuple[float, float] | None:
    """Return the requests left above the reserve and those of a new window, 0 for a Basic account, or None."""
    left = _number(headers, "X-Rate-Limit-Requests-Left")
    quota = _number(headers, "X-Rate-Limit-Requests-Quota")
    if left is not None and quota:
        reserve = quota * reserve_percent / 100
        return left - reserve, quota - reserve
    remaining = _number(headers, "X-BC-ApiLimit-Remaining")
    return None if remaining is None else (remaining - BASIC_REQUESTS_PER_HOUR * reserve_percent / 100, 0.0)


def _seconds(headers: Mapping[str, str], usual: float) -> float:
    """Return the seconds until requests are counted anew.

    A minute at most, longer than any window: an odd header must not silence an environment for hours.
    """
    return min(told_wait(headers) or 0.0, LONGEST_HOLD) if usual else BASIC_RECOUNT_SECONDS


def _requests(number: float) -> int:
    return max(0, min(MANY, math.ceil(number)))


def _number(headers: Mapping[str, str], name: str) -> float | None:
    try:
        number = float(headers.get(name, ""))
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
