"""What a list's parameters select: filters, order and paging, without network or clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import islice
from operator import ge, gt, le, lt
from typing import Any

from .dates import parse_date
from .rows import Row, Table

DEFAULT_LIMIT = 50
MAX_LIMIT = 250
Params = Mapping[str, str]
Read = Callable[[Row], Any]
_Test = Callable[[Row], bool]


class BadParameterError(ValueError):
    """A parameter whose value the store answers with 400."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The field '{name}' is invalid.")


class TooManyError(ValueError):
    """A ``limit`` above 250, which the store answers with 413."""


@dataclass(frozen=True)
class Field:
    """A value of a row that a parameter is compared with.

    ``parse`` raises ValueError for a value that is refused and gives None for one that is silently ignored.
    """

    read: Read
    parse: Callable[[str], Any]


@dataclass(frozen=True)
class Listing:
    """Which parameters a list knows: ``min_x`` and ``max_x`` for bounds, ``x`` for equals, ``sort=x`` for sorts."""

    bounds: Mapping[str, Field]
    equals: Mapping[str, Field]
    sorts: Mapping[str, Read]


def select(table: Table, listing: Listing, params: Params, inclusive: bool, listed: _Test | None = None) -> list[Row]:
    """The page of rows that the parameters ask for.

    ``inclusive`` says whether a row on a bound belongs to it, ``listed`` whether a row is shown at all.
    Raises BadParameterError and TooManyError.
    """
    page, limit = paging(params)
    name, descending = _order(listing, params)
    tests = [*([listed] if listed else []), *_bounds(listing, params, inclusive), *_equals(listing, params)]
    low, high = _id_range(params, inclusive)
    by_id = table.rows(low, high, descending and name == "id")
    found = (row for row in by_id if all(test(row) for test in tests)) if tests else by_id
    return _page(found if name == "id" else _sorted(found, listing.sorts[name], descending), page, limit)


def paging(params: Params, default: int = DEFAULT_LIMIT) -> tuple[int, int]:
    """The page, counted from 1, and its size."""
    page, limit = _positive(params, "page", 1), _positive(params, "limit", default)
    if limit > MAX_LIMIT:
        raise TooManyError(f"limit must not be above {MAX_LIMIT}")
    return page, limit


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


def field(*path: str, parse: Callable[[str], Any] = str) -> Field:
    """A field of the row's object, found by its path of names."""
    return Field(read(*path), parse)


def read(*path: str) -> Read:
    """Reads a field of the row's object by its path of names."""

    def read_path(row: Row) -> Any:
        value: Any = row.data
        for name in path:
            value = value[name]
        return value

    return read_path


DATES = {
    "date_created": Field(lambda row: row.created, parse_date),
    "date_modified": Field(lambda row: row.modified, parse_date),
}
ORDERS = Listing(
    bounds={"total": Field(lambda row: Decimal(row.data["total_inc_tax"]), amount), **DATES},
    equals={
        "customer_id": field("customer_id", parse=integer),
        "email": field("billing_address", "email"),
        "status_id": field("status_id", parse=integer),
        "cart_id": field("cart_id"),
        "payment_method": field("payment_method"),
        "channel_id": field("channel_id", parse=integer),
        "external_order_id": field("external_order_id"),
    },
    sorts={
        **{name: date.read for name, date in DATES.items()},
        **{name: read(name) for name in ("id", "customer_id", "status_id", "channel_id", "external_id")},
    },
)
CUSTOMERS = Listing(
    bounds=DATES,
    equals={
        "customer_group_id": field("customer_group_id", parse=integer),
        **{name: field(name) for name in ("first_name", "last_name", "company", "email", "phone")},
    },
    sorts={},
)
PRODUCTS = Listing(
    bounds=DATES,
    equals={name: field(name) for name in ("name", "sku", "condition", "availability")},
    sorts={},
)


def _id_range(params: Params, inclusive: bool) -> tuple[int | None, int | None]:
    low, high = (_parsed(params, name, integer) for name in ("min_id", "max_id"))
    if inclusive:
        return low, high
    return (None if low is None else low + 1), (None if high is None else high - 1)


def _bounds(listing: Listing, params: Params, inclusive: bool) -> Iterator[_Test]:
    compares = {"min": ge, "max": le} if inclusive else {"min": gt, "max": lt}
    for name, of in listing.bounds.items():
        for side, compare in compares.items():
            bound = _parsed(params, f"{side}_{name}", of.parse)
            if bound is not None:
                yield _test(of.read, compare, bound)


def _equals(listing: Listing, params: Params) -> Iterator[_Test]:
    for name, of in listing.equals.items():
        wanted = _parsed(params, name, of.parse)
        if wanted is not None:
            yield _test(of.read, lambda value, wanted: value == wanted, wanted)


def _test(value_of: Read, compare: Callable[[Any, Any], bool], other: Any) -> _Test:
    return lambda row: compare(value_of(row), other)


def _order(listing: Listing, params: Params) -> tuple[str, bool]:
    # A list without sorts documents no such parameter, and an undocumented one is ignored.
    wanted = params.get("sort", "id") if listing.sorts else "id"
    name, _, direction = wanted.partition(":")
    if name not in {"id", *listing.sorts} or direction not in {"", "asc", "desc"}:
        raise BadParameterError("sort")
    return name, direction == "desc"


def _sorted(rows: Iterator[Row], value_of: Read, descending: bool) -> Iterator[Row]:
    def key(row: Row) -> tuple[bool, Any, int]:
        value = value_of(row)
        return value is not None, "" if value is None else value, row.id

    return iter(sorted(rows, key=key, reverse=descending))


def _page(rows: Iterator[Row], page: int, limit: int) -> list[Row]:
    return list(islice(rows, (page - 1) * limit, page * limit))


def _positive(params: Params, name: str, default: int) -> int:
    value: int | None = _parsed(params, name, integer)
    if value is not None and value < 1:
        raise BadParameterError(name)
    return default if value is None else value


def _parsed(params: Params, name: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(params[name]) if name in params else None
    except ValueError:
        raise BadParameterError(name) from None
