"""Numbers, spans of time and moments as persons read them."""

from __future__ import annotations

import math
from datetime import UTC, datetime

_SPANS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def number(value: float | None, unit: str = "") -> str:
    """Write a number, a small one with one digit behind the point, and its unit."""
    if value is None:
        return "no data"
    digits = 0 if abs(value) >= 100 or value == math.floor(value) else 1
    return f"{value:,.{digits}f}{f' {unit}' if unit else ''}"


def span(seconds: float | None) -> str:
    """Write seconds in the largest unit that fits, as in 3 h."""
    if seconds is None:
        return "no data"
    size, name = next(((size, name) for size, name in _SPANS if abs(seconds) >= 2 * size), _SPANS[-1])
    return f"{seconds / size:,.0f} {name}"


def clock(seconds: float) -> str:
    """Write a moment in UTC, to the minute."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def ago(seconds: float | None, now: float) -> str:
    """Write how long ago a moment was."""
    return "no data" if seconds is None else f"{span(max(0.0, now - seconds))} ago"
