"""Slices of a run: what they keep, where they go on, and what they make of an odd store."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from storekey._errors import BadAnswer, RequestRejected, StoreError, Unauthorized, Unavailable, Unreachable
from storekey.exports import _slice, _state
from storekey.exports._state import Busy
from tests.layer.exports.conftest import Place, always, finish, wanted
from tests.layer.exports.fakes import FakeStore


def out_of_time_after(times: int) -> Callable[[], bool]:
    """A clock that lets so many looks pass."""
    looks = iter([False] * times)
    return lambda: next(looks, True)


@pytest.mark.parametrize(
    ("resource", "kind", "inclusive"),
    [
        ("orders", "Basic", True),
        ("orders", "token", False),
        ("customers", "Basic", True),
        ("customers", "token", False),
        ("products", "token", False),
    ],
)
def test_slices_that_have_no_time_export_each_row_once(place: Place, resource: str, kind: Any, inclusive: bool) -> None:
    source = FakeStore(range(1, 9), kind=kind)
    source.inclusive = inclusive
    outcome = finish(place.exporter(source, always), wanted(resource))
    assert place.ids(outcome.run_id, resource) == list(range(1, 9))
    assert place.check(resource) == set(range(1, 9))
    found = place.manifest(outcome.run_id, resource)
    assert len(found["parts"]) == (4 if inclusive and found["api"] == "v2" else 3)
    assert (found["first_id"], found["last_id"], found["requests"]) == (1, 8, source.requests)


def test_a_slice_that_fetches_lines_may_end_in_the_middle_of_a_page(place: Place) -> None:
    source = FakeStore(range(1, 6))
    exporter = place.exporter(source, always, with_lines=True)
    assert not exporter.export(wanted()).complete
    run = place.item()["run"]
    assert (run["rows"], run["last_id"], run["part"], run["lines"]) == (1, 1, 1, "products")
    outcome = finish(exporter, wanted())
    assert place.ids(outcome.run_id) == [1, 2, 3, 4, 5]
    assert all(len(row["_lines"]) == 2 for row in place.rows(outcome.run_id))


def test_a_page_that_is_read_is_written_whole_though_the_time_is_up(place: Place) -> None:
    source = FakeStore(range(1, 9))
    assert not place.exporter(source, out_of_time_after(1)).export(wanted()).complete
    assert (place.item()["run"]["last_id"], source.asked["page"]) == (6, 2)


def test_a_part_is_written_when_it_is_big_enough(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_slice, "PART_BYTES", 1)
    outcome = place.exporter(FakeStore(range(1, 9))).export(wanted())
    parts = place.manifest(outcome.run_id)["parts"]
    assert [(part["first_id"], part["last_id"]) for part in parts] == [(1, 3), (4, 6), (7, 8)]


@pytest.mark.parametrize("error", [Unauthorized("no"), Unavailable("no"), BadAnswer("no"), Unreachable("no")])
def test_what_was_read_before_an_error_is_kept(place: Place, error: StoreError) -> None:
    source = FakeStore(range(1, 9))
    source.at("page", 3, error)
    with pytest.raises(type(error)):
        place.exporter(source).export(wanted())
    run = place.item()["run"]
    assert (run["last_id"], run["rows"], len(place.keys("exports/store=shop/"))) == (6, 6, 1)
    source.queries.clear()
    outcome = place.exporter(source).export(wanted())
    assert source.queries[0]["min_id"] == 6
    assert place.ids(outcome.run_id) == list(range(1, 9))


def test_an_error_in_the_middle_of_a_page_keeps_the_rows_before_it(place: Place) -> None:
    source = FakeStore(range(1, 6))
    source.at("lines", 3, Unauthorized("no"))
    exporter = place.exporter(source, with_lines=True)
    with pytest.raises(Unauthorized):
        exporter.export(wanted())
    assert place.item()["run"]["last_id"] == 2
    outcome = exporter.export(wanted())
    assert [row["_lines"][0]["id"] for row in place.rows(outcome.run_id)] == [100, 200, 300, 400, 500]


def test_no_answer_in_the_time_left_is_no_error_after_some_rows(place: Place) -> None:
    source = FakeStore(range(1, 9))
    source.at("page", 2, Unreachable("no time left"))
    assert not place.exporter(source, out_of_time_after(1)).export(wanted()).complete
    source.at("page", 3, Unreachable("no time left"))
    with pytest.raises(Unreachable):
        place.exporter(source, always).export(wanted())
    assert place.item()["run"]["last_id"] == 3


@pytest.mark.parametrize(
    ("include", "lines", "fetched"),
    [
        ("honoured", "include", 0),
        ("ignored", "products", 5),
        ("rejected", "products", 5),
        ("partly", "include", 3),
        ("truncated", "include", 5),
    ],
)
def test_every_order_gets_all_its_lines(place: Place, include: str, lines: str, fetched: int) -> None:
    source = FakeStore(range(1, 6), include=include)
    outcome = place.exporter(source, with_lines=True).export(wanted())
    assert [row["_lines"] for row in place.rows(outcome.run_id)] == [source.lines_of[n] for n in range(1, 6)]
    found = place.manifest(outcome.run_id)
    assert (found["lines"], found["orders_with_fetched_lines"]) == (lines, fetched)
    assert (source.asked["lines"], "include" in source.queries[-1]) == (fetched, lines == "include")


def test_an_error_that_has_nothing_to_do_with_lines_is_raised(place: Place) -> None:
    source = FakeStore(range(1, 6), include="rejected")
    source.at("page", 2, RequestRejected("no"))
    with pytest.raises(RequestRejected):
        place.exporter(source, with_lines=True).export(wanted())


@pytest.mark.parametrize(("include", "kept"), [("ignored", []), ("truncated", [200])])
def test_an_order_that_disappears_keeps_the_lines_that_came_with_it(
    place: Place, include: str, kept: list[int]
) -> None:
    source = FakeStore(range(1, 6), include=include)
    source.at("lines", 2, lambda: source.remove(2))
    outcome = place.exporter(source, with_lines=True).export(wanted())
    rows = {row["id"]: [line["id"] for line in row["_lines"]] for row in place.rows(outcome.run_id)}
    assert rows == {n: kept if n == 2 else [n * 100, n * 100 + 1] for n in range(1, 6)}


def test_orders_without_lines_bear_none_where_none_are_wanted(place: Place) -> None:
    outcome = place.exporter(FakeStore([1])).export(wanted())
    assert set(place.rows(outcome.run_id)[0]) >= {"_run", "_exported_at", "_api"}
    assert "_lines" not in place.rows(outcome.run_id)[0]


@pytest.mark.parametrize("include", ["honoured", "ignored"])
def test_half_an_emoji_in_a_line_stops_nothing_and_breaks_no_reader(place: Place, include: str) -> None:
    source = FakeStore(range(1, 4), include=include)
    source.lines_of[2][0]["name"] = "cut off \ud83d"
    outcome = place.exporter(source, with_lines=True).export(wanted())
    assert place.rows(outcome.run_id)[1]["_lines"][0]["name"] == "cut off \ufffd"


@pytest.mark.parametrize("include", ["honoured", "ignored"])
@pytest.mark.parametrize("odd", [float("inf"), float("nan")])
def test_a_number_of_a_line_that_no_json_knows_is_a_bad_answer(place: Place, include: str, odd: float) -> None:
    source = FakeStore(range(1, 4), include=include)
    source.lines_of[2][0]["price"] = odd
    with pytest.raises(BadAnswer):
        place.exporter(source, with_lines=True).export(wanted())


@pytest.mark.parametrize("include", ["honoured", "ignored"])
def test_numbers_of_a_line_keep_their_values(place: Place, include: str) -> None:
    source = FakeStore([1], include=include)
    source.lines_of[1][0]["numbers"] = numbers = [361.95, -7e-300, 1e22, 0, 2**63, 12345678901234567890123]
    outcome = place.exporter(source, with_lines=True).export(wanted())
    (row,) = place.rows(outcome.run_id)
    assert row["_lines"][0]["numbers"] == numbers


def test_a_lease_is_kept_while_a_page_takes_its_time(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_state, "LEASE_SECONDS", 1)
    monkeypatch.setattr(_slice, "RENEW_SECONDS", 0.2)
    source = FakeStore(range(1, 6))
    others: list[object] = []

    def wait() -> None:
        time.sleep(2.2)
        others.append(place.state.acquire("orders", "other"))

    source.at("page", 2, wait)
    place.exporter(source).export(wanted())
    assert isinstance(others[0], Busy)
