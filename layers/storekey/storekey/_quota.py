"""The store's quota, which all its apps share.

Headers and meaning: BigCommerce, "API rate limits" (token: a window of 30 s, 429) and the older article on Basic
accounts (20,000 requests an hour, rolling, counted anew each minute, 509 without a reset header).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

BASIC_REQUESTS_PER_HOUR = 20_000
BASIC_RECOUNT_SECONDS = 60.0
LONGEST_HOLD = 60.0
_LONGEST_WAIT = 86_400.0


def told_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an answer says to wait, the longer of its two headers, or None where it says nothing."""
    reset = _number(headers, "X-Rate-Limit-Time-Reset-Ms")
    retry = _number(headers, "X-Retry-After")
    waits = [wait for wait in (None if reset is None else reset / 1000, retry) if wait is not None]
    return min(max(waits), _LONGEST_WAIT) if waits else None


def hold_after(headers: Mapping[str, str], reserve_percent: float) -> float:
    """Return the seconds to hold back the next request so that the reserve stays for the store's other apps.

    A minute at most, longer than any window: an odd header must not silence an environment for hours.
    """
    left = _number(headers, "X-Rate-Limit-Requests-Left")
    quota = _number(headers, "X-Rate-Limit-Requests-Quota")
    if left is not None and quota:
        return min(told_wait(headers) or 0.0, LONGEST_HOLD) if left <= quota * reserve_percent / 100 else 0.0
    remaining = _number(headers, "X-BC-ApiLimit-Remaining")
    if remaining is not None and remaining <= BASIC_REQUESTS_PER_HOUR * reserve_percent / 100:
        return BASIC_RECOUNT_SECONDS
    return 0.0


def left(headers: Mapping[str, str]) -> float | None:
    """Return how many requests an answer says are left, or None where it says nothing."""
    window = _number(headers, "X-Rate-Limit-Requests-Left")
    return window if window is not None else _number(headers, "X-BC-ApiLimit-Remaining")


def _number(headers: Mapping[str, str], name: str) -> float | None:
    try:
        number = float(headers.get(name, ""))
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
