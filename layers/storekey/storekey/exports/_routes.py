"""Which lists of the store make up a resource, and how each is walked through: pure, without network or clock.

Parameters and operators: BigCommerce's specifications of v2 orders, customers and products, and of v3 customers
(cursors) and catalog/products (``id:greater``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from storekey._credentials import Kind
from storekey._paging import PAGE_ROWS

from ._rows import Page, Row, decode_v2, decode_v3

RESOURCES = ("orders", "customers", "products")


@dataclass(frozen=True)
class Window:
    """The rows that a run is about: ``start`` < date_modified <= ``end``, in Unix seconds of the store's clock.

    ``start`` None means from the beginning. A run over ``everything`` lists all rows whatever their date, for it is
    also the census of the ids that there are; up to the id ``stop``, where there is one.
    """

    end: int
    start: int | None = None
    everything: bool = False
    stop: int | None = None

    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """Return the dates to filter by, None where there is no bound."""
        if self.everything:
            return None, None
        return (None if self.start is None else _date(self.start)), _date(self.end)


@dataclass(frozen=True)
class Position:
    """How far a run has come: the last id, and where the list goes on by cursors, its last cursor."""

    last_id: int = 0
    cursor: str = ""


@dataclass(frozen=True)
class Route:
    """One list of the store. ``query`` asks for the page after a position, ``newest`` for its last row alone.

    ``most`` names the filter for the highest id; a list that goes on by cursors has none.
    """

    api: str
    path: str
    decode: Callable[[bytes], Page]
    place: Callable[[Position], dict[str, Any]]
    date: str
    newest: Mapping[str, Any]
    most: str = ""
    total_path: str = ""
    by_cursor: bool = False

    def query(self, window: Window, position: Position) -> dict[str, Any]:
        """Return the parameters of the page that follows a position in a window."""
        # One more than the last id that is wanted: whether a bound counts it in is not documented, and either is right.
        most = {} if window.stop is None else {self.most: window.stop + 1}
        return {**self.filters(window), **self.place(position), **most, "limit": PAGE_ROWS}

    def filters(self, window: Window) -> dict[str, Any]:
        """Return the parameters that select a window's rows."""
        start, end = window.bounds()
        bounds = {self.date.format("min"): start, self.date.format("max"): end}
        return {name: value for name, value in bounds.items() if value is not None}

    def new_rows(self, page: Page, position: Position, stop: int | None = None) -> list[Row]:
        """Return the page's rows behind a position, up to the id ``stop``; none means that the list has ended.

        A bound may count its own row in, so a repeated one is dropped. Raises ValueError for rows that are not in
        the order of their ids: behind the last of them some would be missed.
        """
        ids = [row.id for row in page.rows]
        if any(one >= other for one, other in pairwise(ids)) or (ids and ids[0] < position.last_id):
            raise ValueError("the rows are not in the order of their ids")
        return [row for row in page.rows if row.id > position.last_id and (stop is None or row.id <= stop)]


def route(resource: str, kind: Kind) -> Route:
    """Return the list of a resource that credentials of a kind can read: v3's, where there is one, with a token."""
    return _V3.get(resource, _V2[resource]) if kind == "token" else _V2[resource]


def route_of(resource: str, api: str) -> Route:
    """Return the list of a resource in a version of the API, ``v2`` or ``v3``."""
    return (_V2 if api == "v2" else _V3)[resource]


def after(page: Page, rows: list[Row]) -> Position:
    """Return the position behind the new rows of a page."""
    return Position(rows[-1].id, page.cursor or "")


def _min_id(position: Position) -> dict[str, Any]:
    # The last id itself, not the next: whether the bound counts it in is not documented, and either way is right.
    return {"sort": "id:asc", "page": 1, **({"min_id": position.last_id} if position.last_id else {})}


def _greater(position: Position) -> dict[str, Any]:
    return {"sort": "id", "direction": "asc", **({"id:greater": position.last_id} if position.last_id else {})}


def _cursor(position: Position) -> dict[str, Any]:
    return {"after": position.cursor} if position.cursor else {}


def _date(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


_V2 = {
    name: Route(
        "v2",
        name,
        decode_v2,
        _min_id,
        "{}_date_modified",
        {"sort": "id:desc", "limit": 1},
        most="max_id",
        total_path=f"{name}/count",
    )
    for name in RESOURCES
}
_V3 = {
    "customers": Route("v3", "customers", decode_v3, _cursor, "date_modified:{}", {}, by_cursor=True),
    "products": Route(
        "v3",
        "catalog/products",
        decode_v3,
        _greater,
        "date_modified:{}",
        {"sort": "id", "direction": "desc", "limit": 1},
        most="id:max",
    ),
}
