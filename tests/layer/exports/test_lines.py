"""The lines of an order: whether they came with it, whether all of them did, and fetching the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekey.exports import _lines
from storekey.exports._lines import PAGE_LINES, SHORT_PAGE, Line, as_json, decode_lines
from storekey.exports._rows import Facts, decode_v2

Json = dict[str, Any]


def facts(order: Json) -> Facts:
    return decode_v2(json.dumps([{"id": 1, **order}]).encode()).rows[0].facts


def sent(found: list[Json]) -> list[Line]:
    return decode_lines(json.dumps(found).encode())


def read(found: list[Line]) -> list[Json]:
    """Lines as whoever reads the export finds them."""
    back: list[Json] = json.loads(as_json(found))
    return back


def inlined(order: Json) -> list[Json] | None:
    found = _lines.inlined(facts(order))
    return None if found is None else read(found)


def all_there(order: Json, found: list[Json]) -> bool:
    return _lines.all_there(facts(order), sent(found))


def fetched(order: Json, fetch: Callable[[int], list[Json]]) -> list[Json]:
    return read(_lines.fetched(facts(order), lambda page: sent(fetch(page))))


def lines(*ids: int, quantity: int = 1) -> list[Json]:
    return [{"id": line_id, "quantity": quantity} for line_id in ids]


def paged(found: list[Json], cap: int, asked: list[int] | None = None) -> Any:
    def fetch(page: int) -> list[Json]:
        if asked is not None:
            asked.append(page)
        return found[(page - 1) * cap : page * cap]

    return fetch


@pytest.mark.parametrize(
    "consignments",
    [
        None,
        [],
        "x",
        {"shipping": [{"line_items": None}]},
        {"a": {"line_items": {}}},
        {"line_items": ["x"]},
        {"shipping": [{"line_items": {"url": "x"}}]},
        {"shipping": [{"line_items": [{}]}]},
    ],
)
def test_what_is_no_consignments_of_lines_inlines_none(consignments: Any) -> None:
    assert inlined({"id": 1, "consignments": consignments}) is None


def test_an_order_without_consignments_inlines_none() -> None:
    assert inlined({"id": 1}) is None


def test_lines_of_all_consignments_come_once_in_the_order_of_their_ids() -> None:
    order = {
        "consignments": {
            "shipping": [{"line_items": lines(5, 3)}, {"line_items": lines(4, 3)}],
            "downloads": [{"line_items": lines(1)}],
            "pickups": [],
            "email": {"gift_certificates": []},
        }
    }
    assert inlined(order) == lines(1, 3, 4, 5)


def test_what_a_line_calls_line_items_is_its_own() -> None:
    bundle = {"id": 1, "quantity": 1, "line_items": lines(7)}
    assert inlined({"consignments": {"shipping": [{"line_items": [bundle]}]}}) == [bundle]


@pytest.mark.parametrize("odd", ["7", None, [7], {}])
def test_a_line_with_an_odd_id_is_no_accident(odd: Any) -> None:
    order = {"consignments": {"shipping": [{"line_items": [*lines(1), {"id": odd, "quantity": 1}]}]}}
    assert inlined(order) is None


@pytest.mark.parametrize(
    ("total", "expected"), [(4, True), (3, False), (5, False), (None, True), ("4", True), (True, True), (0, False)]
)
def test_the_order_itself_tells_whether_all_are_there(total: Any, expected: bool) -> None:
    assert all_there({"items_total": total}, lines(1, 2, quantity=2)) is expected


def test_lines_are_at_hand_where_all_of_them_came_with_the_order() -> None:
    order = {"consignments": {"shipping": [{"line_items": lines(2, 1)}]}}
    assert _lines.at_hand(facts(order | {"items_total": 2})) == sent(lines(1, 2))
    assert _lines.at_hand(facts(order | {"items_total": 3})) is None
    assert _lines.at_hand(facts({"items_total": 0})) is None
    assert _lines.at_hand(facts({"items_total": 0, "consignments": {}})) == []


def test_odd_quantities_count_for_nothing() -> None:
    odd: list[Json] = [{"id": 1, "quantity": "2"}, {"id": 2}, {"id": 3, "quantity": True}, {"id": 4, "quantity": 2}]
    assert all_there({"items_total": 2}, odd)


@given(
    count=st.integers(0, 30),
    cap=st.integers(1, 9),
    quantity=st.integers(1, 3),
    told=st.sampled_from([True, False, None]),
)
def test_all_lines_are_fetched_however_the_store_caps_its_pages(
    count: int, cap: int, quantity: int, told: bool | None
) -> None:
    found = lines(*range(1, count + 1), quantity=quantity)
    # True: the order tells the right total; False: another one; None: none at all.
    total = count * quantity + (0 if told else 1)
    order = {} if told is None else {"items_total": total}
    assert fetched(order, paged(found, cap)) == found


def test_no_page_is_asked_for_behind_the_last_line() -> None:
    asked: list[int] = []
    fetched({"items_total": 6}, paged(lines(1, 2, 3, quantity=2), 2, asked))
    assert asked == [1, 2]


@given(
    quantities=st.lists(st.integers(0, 2), max_size=130),
    zeros=st.integers(0, 130),
    cap=st.sampled_from([SHORT_PAGE, 60, PAGE_LINES]),
    told=st.none() | st.integers(0, 130),
)
def test_lines_that_count_for_nothing_are_fetched_too(
    quantities: list[int], zeros: int, cap: int, told: int | None
) -> None:
    every = enumerate([*quantities, *[0] * zeros], 1)
    found: list[Json] = [{"id": number, "quantity": quantity} for number, quantity in every]
    total = sum(quantities) if told is None else told
    assert fetched({"items_total": total}, paged(found, cap)) == found


def test_a_full_page_that_makes_up_the_order_is_no_end() -> None:
    asked: list[int] = []
    found = [*lines(*range(1, 51)), *lines(51, 52, quantity=0)]
    assert fetched({"items_total": 50}, paged(found, 50, asked)) == found
    assert asked == [1, 2]
    asked.clear()
    assert fetched({"items_total": 50}, paged(found[:50], 50, asked)) == found[:50]
    assert asked == [1, 2]
    asked.clear()
    assert fetched({}, paged(found[:3], 50, asked)) == found[:3]
    assert asked == [1, 2]


def test_a_page_that_is_repeated_for_ever_is_an_end() -> None:
    assert fetched({"items_total": 9}, lambda page: lines(1, 2)) == lines(1, 2)


def test_an_order_that_is_gone_has_no_lines() -> None:
    assert fetched({"items_total": 9}, lambda page: []) == []


def test_lines_keep_their_text_and_each_stands_on_one_line() -> None:
    body = b'[ {"id": 7,\r\n "price": 0.12345678901234567890, "name": "A\\u00e9\\/"} , {"id":8} ]'
    assert as_json(decode_lines(body)) == (
        b'[{"id": 7,   "price": 0.12345678901234567890, "name": "A\\u00e9\\/"},{"id":8}]'
    )
