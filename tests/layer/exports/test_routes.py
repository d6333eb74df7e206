"""Which list is read, with which query, and what of a page is new."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekey.exports._routes import RESOURCES, Position, Window, after, route, route_of
from storekey.exports._rows import Page, decode_v2

NOON = 1_795_521_600
START, END = datetime(2026, 11, 24, 11, tzinfo=UTC), datetime(2026, 11, 24, 12, tzinfo=UTC)
WINDOW = Window(NOON, NOON - 3600)


def page_of(*ids: int, cursor: str | None = None) -> Page:
    return Page(decode_v2(json.dumps([{"id": row_id} for row_id in ids]).encode()).rows, cursor=cursor)


@pytest.mark.parametrize(
    ("resource", "kind", "api", "path"),
    [
        ("orders", "Basic", "v2", "orders"),
        ("orders", "token", "v2", "orders"),
        ("customers", "Basic", "v2", "customers"),
        ("customers", "token", "v3", "customers"),
        ("products", "Basic", "v2", "products"),
        ("products", "token", "v3", "catalog/products"),
    ],
)
def test_a_token_reads_v3_where_there_is_a_list(resource: str, kind: str, api: str, path: str) -> None:
    found = route(resource, kind)  # type: ignore[arg-type] # a literal
    assert (found.api, found.path) == (api, path)
    assert route_of(resource, api) == found


def test_a_v2_list_is_asked_for_behind_the_last_id_by_id() -> None:
    there = route("orders", "Basic")
    dates = {"min_date_modified": START, "max_date_modified": END}
    first = {**dates, "sort": "id:asc", "page": 1, "limit": 250}
    assert there.query(WINDOW, Position()) == first
    assert there.query(WINDOW, Position(7)) == first | {"min_id": 7}
    assert there.filters(WINDOW) == dates


def test_v3_products_are_asked_for_behind_the_last_id_and_customers_by_cursor() -> None:
    dates = {"date_modified:min": START, "date_modified:max": END}
    products, customers = route("products", "token"), route("customers", "token")
    first = {**dates, "sort": "id", "direction": "asc", "limit": 250}
    assert products.query(WINDOW, Position()) == first
    assert products.query(WINDOW, Position(7, "abc")) == first | {"id:greater": 7}
    assert customers.query(WINDOW, Position()) == {**dates, "limit": 250}
    assert customers.query(WINDOW, Position(7, "abc")) == {**dates, "after": "abc", "limit": 250}


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize("kind", ["Basic", "token"])
def test_a_full_run_asks_for_everything(resource: str, kind: str) -> None:
    there = route(resource, kind)  # type: ignore[arg-type] # a literal
    assert there.filters(Window(NOON, everything=True)) == {}
    assert list(there.filters(Window(NOON)).values()) == [END]


def test_a_range_is_asked_for_up_to_its_last_id_counted_in_or_not() -> None:
    window = Window(NOON, everything=True, stop=20)
    asked = route("orders", "Basic").query(window, Position(7))
    assert asked == {"sort": "id:asc", "page": 1, "min_id": 7, "max_id": 21, "limit": 250}
    assert route("products", "token").query(window, Position())["id:max"] == 21


def test_a_row_that_the_bound_counts_in_is_not_repeated() -> None:
    there = route("orders", "Basic")
    assert [row.id for row in there.new_rows(page_of(7, 8, 9), Position(7))] == [8, 9]
    assert there.new_rows(page_of(7), Position(7)) == []
    assert there.new_rows(page_of(), Position(7)) == []
    assert [row.id for row in there.new_rows(page_of(7, 8, 9, 10), Position(7), 9)] == [8, 9]


@pytest.mark.parametrize("ids", [(9, 8), (8, 8), (8, 10, 9), (6, 8), (5,), (1, 2, 3)])
def test_rows_out_of_order_or_begun_anew_are_a_value_error(ids: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="not in the order of their ids"):
        route("orders", "Basic").new_rows(page_of(*ids), Position(7))


def test_the_position_behind_a_page_is_its_last_row_and_its_cursor() -> None:
    page = page_of(3, 4, cursor="abc")
    assert after(page, page.rows) == Position(4, "abc")
    assert after(page_of(3), page_of(3).rows) == Position(3)


@given(
    ids=st.sets(st.integers(1, 60)),
    inclusive=st.booleans(),
    cap=st.integers(2, 9),
    removals=st.lists(st.integers(1, 60)),
)
def test_every_row_that_stays_comes_once_in_order(
    ids: set[int], inclusive: bool, cap: int, removals: list[int]
) -> None:
    there, rows, gone = route("orders", "Basic"), set(ids), iter(removals)
    seen: list[int] = []
    position = Position()
    while True:
        low = there.query(WINDOW, position).get("min_id", 0)
        page = page_of(*sorted(row for row in rows if row > low or (inclusive and row == low))[:cap])
        new = there.new_rows(page, position)
        if not new:
            break
        seen += [row.id for row in new]
        position = after(page, new)
        rows.discard(next(gone, 0))
    assert seen == sorted(set(seen))
    assert rows <= set(seen) <= ids
