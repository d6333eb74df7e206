"""Paging by id: every row once, whatever the bounds mean and whatever changes between the pages."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from storekey._paging import Row, by_id


@given(
    ids=st.sets(st.integers(1, 60)),
    inclusive=st.booleans(),
    cap=st.integers(2, 9),
    removals=st.lists(st.integers(1, 60)),
)
def test_every_row_that_stays_comes_once_in_order(
    ids: set[int], inclusive: bool, cap: int, removals: list[int]
) -> None:
    rows, gone = set(ids), iter(removals)

    def fetch(query: Mapping[str, Any]) -> list[Row]:
        low = query.get("min_id")
        page = sorted(row for row in rows if low is None or (row >= low if inclusive else row > low))[:cap]
        rows.discard(next(gone, 0))
        return [{"id": row} for row in page]

    seen = [row["id"] for row in by_id(fetch, {})]
    assert seen == sorted(set(seen))
    assert rows <= set(seen) <= ids


def test_filters_go_with_every_page() -> None:
    queries: list[dict[str, Any]] = []

    def fetch(query: Mapping[str, Any]) -> list[Row]:
        queries.append(dict(query))
        return [{"id": 7}] if len(queries) == 1 else []

    assert list(by_id(fetch, {"status_id": 11})) == [{"id": 7}]
    first = {"status_id": 11, "sort": "id:asc", "limit": 250, "page": 1}
    assert queries == [first, first | {"min_id": 7}]
