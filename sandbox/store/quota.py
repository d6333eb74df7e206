"""The store's request quotas: the window that token accounts know and the hour of Basic ones."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from .accounts import Account, BasicAccount
from .replies import json_reply

_HOUR = 3600.0


@dataclass(frozen=True)
class Window:
    """So many requests in a window of so many seconds, whose headers every answer to any account carries; then 429."""

    limit: int = 150
    seconds: float = 30.0


@dataclass(frozen=True)
class Hourly:
    """So many requests of Basic accounts in any hour; then 509, without a word on when it ends."""

    limit: int = 20_000


Quota = Window | Hourly | None


class Meter(Protocol):
    """Counts requests against one quota."""

    def count(self, account: Account) -> tuple[dict[str, str], web.Response | None]:
        """Count one request; the headers of its answer and, if the quota is spent, the answer itself."""


def meter(quota: Quota, clock: Callable[[], float] = time.monotonic) -> Meter:
    """A meter that has counted nothing yet."""
    match quota:
        case Window():
            return _WindowMeter(quota, clock)
        case Hourly():
            return _HourMeter(quota, clock)
        case None:
            return _NoMeter()


class _NoMeter:
    def count(self, account: Account) -> tuple[dict[str, str], web.Response | None]:
        return {}, None


class _WindowMeter:
    def __init__(self, quota: Window, clock: Callable[[], float]) -> None:
        self._quota, self._clock = quota, clock
        self._ends, self._left = clock(), 0

    def count(self, account: Account) -> tuple[dict[str, str], web.Response | None]:
        now = self._clock()
        if now >= self._ends:
            self._ends, self._left = now + self._quota.seconds, self._quota.limit
        spent = self._left <= 0
        self._left = max(0, self._left - 1)
        return self._headers(now), _too_many() if spent else None

    def _headers(self, now: float) -> dict[str, str]:
        return {
            "X-Rate-Limit-Requests-Left": str(self._left),
            "X-Rate-Limit-Requests-Quota": str(self._quota.limit),
            "X-Rate-Limit-Time-Reset-Ms": str(max(1, round((self._ends - now) * 1000))),
            "X-Rate-Limit-Time-Window-Ms": str(round(self._quota.seconds * 1000)),
        }


class _HourMeter:
    def __init__(self, quota: Hourly, clock: Callable[[], float]) -> None:
        self._quota, self._clock = quota, clock
        self._times: deque[float] = deque()

    def count(self, account: Account) -> tuple[dict[str, str], web.Response | None]:
        if not isinstance(account, BasicAccount):
            return {}, None
        now = self._clock()
        while self._times and self._times[0] <= now - _HOUR:
            self._times.popleft()
        spent = len(self._times) >= self._quota.limit
        if not spent:
            self._times.append(now)
        headers = {"X-BC-ApiLimit-Remaining": str(self._quota.limit - len(self._times))}
        return headers, _hour_spent() if spent else None


def _too_many() -> web.Response:
    title = "You have made too many requests to this API."
    return json_reply(429, {"status": 429, "title": title, "type": "about:blank"}).response()


def _hour_spent() -> web.Response:
    message = "The requests-per-hour limit has been reached."
    return json_reply(509, [{"status": 509, "message": message}]).response()
