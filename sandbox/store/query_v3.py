"""What the parameters of a v3 list select: ``name:operator`` filters and order, without network."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from operator import eq, ge, gt, le, lt
from typing import Any

from .parameters import BadParameterError, Params, integer, moment, parsed
from .query import DATES, Read, Test, compared, in_order, read
from .rows import Row, Table

_BOUNDS = {"min": ge, "max": le, "greater": gt, "less": lt}
_DATED = frozenset({"", "min", "max"})


@dataclass(frozen=True)
class ListingV3:
    """Which filters a list knows, each name with its operators ("" is equality), and what it sorts by.

    ``directed``: whether the order's direction is a parameter of its own; else ``sort`` is ``name:asc``.
    """

    filters: Mapping[str, frozenset[str]]
    sorts: Mapping[str, Read]
    directed: bool = False

    def select(self, table: Table, params: Params, now: float) -> list[int]:
        """The ids of all rows that the filters select, in the order asked for. Raises BadParameterError."""
        ids = self._by_id(table, params)
        tests = list(self._tests(params, now))
        if tests:
            ids = [row_id for row_id in ids if all(test(table.row(row_id)) for test in tests)]
        name, descending = self._order(params) or ("id", False)
        if name == "id":
            return ids[::-1] if descending else ids
        return [row.id for row in in_order(map(table.row, ids), self.sorts[name], descending)]

    def sorted(self, params: Params) -> bool:
        """Whether an order other than that of the ids is asked for."""
        return self._order(params) is not None

    def _by_id(self, table: Table, params: Params) -> list[int]:
        found = {operator: parsed(params, f"id:{operator}", integer) for operator in self.filters["id"] & {*_BOUNDS}}
        lows = [*_given(found, "min", 0), *_given(found, "greater", 1)]
        highs = [*_given(found, "max", 0), *_given(found, "less", -1)]
        ids = table.ids(max(lows, default=None), min(highs, default=None))
        wanted = parsed(params, "id:in", _integers) if "in" in self.filters["id"] else None
        return ids if wanted is None else [row_id for row_id in ids if row_id in wanted]

    def _tests(self, params: Params, now: float) -> Iterator[Test]:
        for name, operators in self.filters.items():
            for operator in operators if name != "id" else ():
                test = self._test(name, operator, params, now)
                if test:
                    yield test

    def _test(self, name: str, operator: str, params: Params, now: float) -> Test | None:
        full = f"{name}:{operator}" if operator else name
        if full not in params:
            return None
        if name in DATES:
            return compared(DATES[name].read, _BOUNDS.get(operator, eq), parsed(params, full, partial(moment, now=now)))
        wanted = frozenset(params[full].split(",") if operator == "in" else [params[full]])
        return compared(_text(name), _within, wanted)

    def _order(self, params: Params) -> tuple[str, bool] | None:
        if "sort" not in params:
            return None
        name, colon, direction = params["sort"].partition(":")
        direction = params.get("direction", "asc") if self.directed else direction
        if name not in self.sorts or direction not in {"asc", "desc"} or bool(colon) is self.directed:
            raise BadParameterError("sort")
        return name, direction == "desc"


def _given(found: Mapping[str, int | None], operator: str, offset: int) -> list[int]:
    value = found.get(operator)
    return [] if value is None else [value + offset]


def _integers(text: str) -> frozenset[int]:
    return frozenset(map(integer, text.split(",")))


def _text(name: str) -> Callable[[Row], str]:
    return lambda row: str(row.data[name])


def _within(value: Any, wanted: Container[Any]) -> bool:
    return value in wanted


def _number(name: str) -> Read:
    return lambda row: float(row.data[name])


CUSTOMERS_V3 = ListingV3(
    filters={
        "id": frozenset({"in"}),
        **dict.fromkeys(DATES, _DATED),
        **dict.fromkeys(("email", "company", "phone", "customer_group_id"), frozenset({"in"})),
    },
    sorts={"last_name": read("last_name"), **{name: date.read for name, date in DATES.items()}},
)
PRODUCTS_V3 = ListingV3(
    filters={
        "id": frozenset({"in", *_BOUNDS}),
        "date_modified": _DATED,
        **dict.fromkeys(("name", "sku"), frozenset({"", "in"})),
    },
    sorts={
        "id": lambda row: row.id,
        "date_modified": DATES["date_modified"].read,
        "date_last_imported": lambda row: None,  # nothing is imported here
        **{name: read(name) for name in ("name", "sku", "is_visible", "inventory_level", "total_sold")},
        **{name: _number(name) for name in ("price", "calculated_price")},
    },
    directed=True,
)
