"""Dates as the store writes and reads them: RFC-2822 in UTC out, RFC-2822 or ISO-8601 in any offset in."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache

_RFC_2822 = re.compile(r"([A-Za-z]{3}, )?\d{1,2} [A-Za-z]{3} \d{4} \d\d:\d\d:\d\d ([+-]\d{4}|GMT|UTC?|Z)")


def rfc_2822(seconds: float) -> str:
    """Write Unix seconds as the store does, cut to whole seconds: ``Wed, 10 Jan 2018 21:05:30 +0000``."""
    day, second = divmod(int(seconds), 86_400)
    return f"{_day(day)} {second // 3600:02}:{second // 60 % 60:02}:{second % 60:02} +0000"


def iso_8601(seconds: float) -> str:
    """Write Unix seconds as v3 does: ``2018-01-10T21:05:30+00:00``."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()


def http_date(seconds: float) -> str:
    """Write Unix seconds for the ``Date`` header."""
    return format_datetime(datetime.fromtimestamp(int(seconds), UTC), usegmt=True)


@lru_cache(maxsize=1 << 18)
def parse_date(text: str) -> float | None:
    """Read a date into Unix seconds; None if it is none.

    A date that was encoded twice, or whose ``+`` became a space, is none.
    """
    try:
        parsed = parsedate_to_datetime(text) if _RFC_2822.fullmatch(text) else datetime.fromisoformat(text)
    except ValueError:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


@lru_cache(maxsize=4096)
def _day(day: int) -> str:
    return format_datetime(datetime.fromtimestamp(day * 86_400, UTC)).removesuffix(" 00:00:00 +0000")
