"""Dates as the store's rows bear them, and as ours do."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any


def seconds_of(date: Any) -> float | None:
    """Read a row's date, RFC-2822 in v2 and ISO-8601 in v3, into Unix seconds; None where it is neither."""
    if not isinstance(date, str):
        return None
    try:
        parsed = datetime.fromisoformat(date) if date[:4].isdigit() else parsedate_to_datetime(date)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def iso_milliseconds(seconds: float) -> str:
    """Write Unix seconds as ``2026-11-24T08:43:12.345Z``, of one length so that texts sort as times do."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso(seconds: int | None) -> str | None:
    """Write Unix seconds as ``2026-11-24T08:42:00Z``."""
    return None if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
