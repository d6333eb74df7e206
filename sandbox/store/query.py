"""What the parameters of a v2 list select: filters, order and paging, without network or clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from operator import eq, ge, gt, le, lt
from typing import Any

from .dates import parse_date
from .parameters import BadParameterError, Params, amount, integer, paging, parsed
from .rows import Row, Table

Read = Callable[[Row], Any]
Test = Callable[[Row], bool]


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


@dataclass(frozen=True)
class Select:
    """A list's parameters, applied to its rows.

    ``inclusive`` says whether a row on a bound belongs to it, ``listed`` whether a row is shown at all. Its methods
    raise BadParameterError and TooManyError.
    """

    listing: Listing
    params: Params
    inclusive: bool
    listed: Test | None = None

    def page(self, table: Table, *caps: int | None) -> list[Row]:
        """The page of rows that is asked for, no longer than any of the caps."""
        page, limit = paging(self.params, *caps)
        name, descending = _order(self.listing, self.params)
        found = self.all(table, descending and name == "id")
        ordered = found if name == "id" else in_order(found, self.listing.sorts[name], descending)
        return list(islice(ordered, (page - 1) * limit, page * limit))

    def all(self, table: Table, descending: bool = False) -> Iterator[Row]:
        """All rows that the filters select, by id."""
        tests = [*([self.listed] if self.listed else []), *self._bounds(), *self._equals()]
        low, high = self._id_range()
        by_id = table.rows(low, high, descending)
        return (row for row in by_id if all(test(row) for test in tests)) if tests else by_id

    def _id_range(self) -> tuple[int | None, int | None]:
        low, high = (parsed(self.params, name, integer) for name in ("min_id", "max_id"))
        if self.inclusive:
            return low, high
        return (None if low is None else low + 1), (None if high is None else high - 1)

    def _bounds(self) -> Iterator[Test]:
        compares = {"min": ge, "max": le} if self.inclusive else {"min": gt, "max": lt}
        for name, of in self.listing.bounds.items():
            for side, compare in compares.items():
                bound = parsed(self.params, f"{side}_{name}", of.parse)
                if bound is not None:
                    yield compared(of.read, compare, bound)

    def _equals(self) -> Iterator[Test]:
        for name, of in self.listing.equals.items():
            wanted = parsed(self.params, name, of.parse)
            if wanted is not None:
                yield compared(of.read, eq, wanted)


def compared(value_of: Read, compare: Callable[[Any, Any], bool], other: Any) -> Test:
    """Whether a row's value compares so with another one."""
    return lambda row: compare(value_of(row), other)


def in_order(rows: Iterable[Row], value_of: Read, descending: bool) -> Iterator[Row]:
    """The rows in the order of a value and, where that is the same, of their ids; None comes first."""

    def key(row: Row) -> tuple[bool, Any, int]:
        value = value_of(row)
        return value is not None, "" if value is None else value, row.id

    return iter(sorted(rows, key=key, reverse=descending))


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


def _order(listing: Listing, params: Params) -> tuple[str, bool]:
    # A list without sorts documents no such parameter, and an undocumented one is ignored.
    wanted = params.get("sort", "id") if listing.sorts else "id"
    name, _, direction = wanted.partition(":")
    if name not in {"id", *listing.sorts} or direction not in {"", "asc", "desc"}:
        raise BadParameterError("sort")
    return name, direction == "desc"


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
