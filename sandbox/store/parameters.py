"""Reads the parameters of lists: pages, numbers, amounts and dates."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from .dates import parse_date

DEFAULT_LIMIT = 50
MAX_LIMIT = 250
Params = Mapping[str, str]
_DATE_ALONE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class BadParameterError(ValueError):
    """A parameter whose value the store answers with 400 in v2 and 422 in v3."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The field '{name}' is invalid.")


class TooManyError(ValueError):
    """A ``limit`` above 250, which the store answers with 413."""


def paging(params: Params, *caps: int | None) -> tuple[int, int]:
    """The page, counted from 1, and its size, which is no more than any of the caps."""
    page, limit = _positive(params, "page", 1), _positive(params, "limit", DEFAULT_LIMIT)
    if limit > MAX_LIMIT:
        raise TooManyError(f"limit must not be above {MAX_LIMIT}")
    return page, min([limit, *(cap for cap in caps if cap is not None)])


def included(params: Params) -> set[str]:
    """The names that ``include`` asks for."""
    return set(params.get("include", "").split(","))


def parsed(params: Params, name: str, parse: Callable[[str], Any]) -> Any:
    """A parameter's value, None if it is absent or silently ignored; raises BadParameterError."""
    try:
        return parse(params[name]) if name in params else None
    except ValueError:
        raise BadParameterError(name) from None


def integer(text: str) -> int:
    """Read a whole number, in ASCII digits."""
    if not text.isascii():
        raise ValueError(text)
    return int(text)


def amount(text: str) -> Decimal:
    """Read an amount of money."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(text) from None


def moment(text: str, now: float) -> float:
    """Read a date as v3 does: one without a time gets the time of day that it is now. Raises ValueError."""
    if _DATE_ALONE.fullmatch(text):
        text += datetime.fromtimestamp(int(now), UTC).strftime("T%H:%M:%S+00:00")
    seconds = parse_date(text)
    if seconds is None:
        raise ValueError(text)
    return seconds


def _positive(params: Params, name: str, default: int) -> int:
    value: int | None = parsed(params, name, integer)
    if value is not None and value < 1:
        raise BadParameterError(name)
    return default if value is None else value
