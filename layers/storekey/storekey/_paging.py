"""Walks through a list by the ids of its rows, so that no row is lost or seen twice when the list changes meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

PAGE_ROWS = 250

Row = dict[str, Any]


def by_id(fetch: Callable[[Mapping[str, Any]], list[Row]], filters: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the rows of a v2 list in ascending order of id.

    ``fetch`` gets one page's query. Each page begins at the last id seen; whether the store counts that id in or not,
    its row is not repeated. A page without a new row is the end: a short page is none, for the store may cap it.
    """
    query = {**filters, "sort": "id:asc", "limit": PAGE_ROWS, "page": 1}
    last: int | None = None
    while rows := [row for row in fetch(query) if last is None or row["id"] > last]:
        yield from rows
        last = max(row["id"] for row in rows)
        query["min_id"] = last
