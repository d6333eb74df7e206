"""Where a list ends, and how the rows of a full run compare with the store's counts."""

from __future__ import annotations

from typing import Any

import pytest

from storekey._errors import RateLimited, Unavailable
from tests.layer.exports.conftest import Place, always, finish, wanted
from tests.layer.exports.fakes import Clock, FakeStore

LISTS = [("orders", "Basic"), ("customers", "token"), ("products", "token")]


@pytest.mark.parametrize("mode", ["incremental", "full"])
@pytest.mark.parametrize(("resource", "kind"), LISTS)
def test_an_empty_answer_is_not_the_end_of_a_list(place: Place, resource: str, kind: Any, mode: str) -> None:
    source = FakeStore(range(1, 9), kind=kind)
    source.empty_pages = {1, 3, 5}
    outcome = finish(place.exporter(source), wanted(resource, mode))
    assert place.ids(outcome.run_id, resource) == list(range(1, 9))


@pytest.mark.parametrize(
    ("resource", "kind", "mode", "inclusive", "pages"),
    [
        ("orders", "Basic", "incremental", False, 2 + 2),
        ("orders", "Basic", "incremental", True, 2 + 1),  # the last row, repeated, says that the answer is genuine
        ("orders", "Basic", "full", False, 2 + 2),
        ("orders", "Basic", "full", True, 2 + 2),
        ("customers", "token", "incremental", False, 2 + 2),
        ("products", "token", "incremental", False, 2 + 1),  # an envelope that tells a total, too
        ("products", "token", "full", False, 2 + 2),
    ],
)
def test_an_end_is_asked_for_again_where_it_is_doubtful(
    place: Place, resource: str, kind: Any, mode: str, inclusive: bool, pages: int
) -> None:
    source = FakeStore(range(1, 6), kind=kind)
    source.inclusive = inclusive
    outcome = place.exporter(source).export(wanted(resource, mode))
    assert place.ids(outcome.run_id, resource) == [1, 2, 3, 4, 5]
    assert source.asked["page"] == pages


def test_an_end_that_could_not_be_asked_for_again_is_none_yet(place: Place) -> None:
    source = FakeStore(range(1, 6))
    source.at("page", 4, Unavailable("no"))
    with pytest.raises(Unavailable):
        place.exporter(source).export(wanted(mode="full"))
    assert (place.item()["run"]["finished"], place.keys("exports/_manifests/")) == (0, [])
    source.add(6, age=0)
    outcome = place.exporter(source).export(wanted(mode="full"))
    assert place.ids(outcome.run_id) == [1, 2, 3, 4, 5, 6]
    assert place.manifest(outcome.run_id)["counts"]["verdict"] == "explained"


def test_a_quota_that_is_spent_at_a_doubtful_end_is_a_wait(place: Place) -> None:
    source = FakeStore(range(1, 6))
    source.at("page", 4, RateLimited("spent", retry_after=3))
    exporter = place.exporter(source, always)
    outcome = finish(exporter, wanted())
    assert place.ids(outcome.run_id) == [1, 2, 3, 4, 5]
    assert place.manifest(outcome.run_id)["requests"] == source.requests


def test_a_full_run_counts_before_it_asks_for_its_end_again(place: Place) -> None:
    source = FakeStore(range(1, 6))
    pages: list[int] = []
    source.at("count", 2, lambda: pages.append(source.asked["page"]))
    place.exporter(source).export(wanted(mode="full"))
    assert (source.asked["count"], pages) == (2, [source.asked["page"] - 1])


def test_a_full_run_ends_with_a_count_that_nothing_came_after(place: Place) -> None:
    source = FakeStore(range(1, 6))
    source.at("page", 4, lambda: source.add(6, age=0))
    source.at("page", 6, lambda: source.add(7, age=0))
    outcome = place.exporter(source).export(wanted(mode="full"))
    assert place.ids(outcome.run_id) == [1, 2, 3, 4, 5, 6, 7]
    counts = place.manifest(outcome.run_id)["counts"]
    assert (counts["store_before"], counts["store_after"], counts["verdict"]) == (5, 7, "explained")


def test_a_row_that_goes_as_its_end_is_asked_for_again_is_no_difference(place: Place) -> None:
    source = FakeStore(range(1, 6))
    source.at("page", 4, lambda: source.remove(3))
    outcome = place.exporter(source).export(wanted(mode="full"))
    assert place.manifest(outcome.run_id)["counts"]["verdict"] == "agrees"


@pytest.mark.parametrize("age", [0, 30, 86_400])
def test_an_order_that_appears_during_a_full_run_is_no_difference(place: Place, age: int) -> None:
    source = FakeStore(range(1, 6))
    source.clock = Clock()
    source.at("page", 1, lambda: source.add(6, age))
    outcome = place.exporter(source).export(wanted(mode="full"))
    assert place.manifest(outcome.run_id)["counts"]["verdict"] == "explained"


def test_orders_created_after_the_last_page_are_no_difference(place: Place) -> None:
    source = FakeStore(range(1, 7))

    def remove() -> None:
        source.remove(4)
        source.remove(5)

    def create() -> None:
        source.add(7, age=-1)
        source.add(8, age=-1)

    source.at("page", 2, remove)
    source.at("count", 2, create)
    outcome = place.exporter(source).export(wanted(mode="full"))
    assert place.ids(outcome.run_id) == [1, 2, 3, 6, 7, 8]
    assert place.manifest(outcome.run_id)["counts"]["verdict"] in ("agrees", "explained")


def test_an_incomplete_order_that_is_paid_meanwhile_is_no_difference(place: Place) -> None:
    source = FakeStore(range(1, 6))
    source.uncounted_status = 0
    source.add(6, status_id=0)
    source.add(7, status_id=0)

    def pay() -> None:
        source.rows[6]["status_id"] = 11
        source.change(6)

    source.at("page", 1, pay)
    outcome = place.exporter(source).export(wanted(mode="full"))
    assert place.manifest(outcome.run_id)["counts"]["verdict"] == "explained"


def test_a_row_that_is_counted_and_never_listed_is_a_difference(place: Place) -> None:
    source = FakeStore(range(1, 9))
    hidden = source.rows[8]

    def hide() -> None:
        source.remove(8)

    def show() -> None:
        source.rows[8] = hidden

    source.at("page", 3, hide)
    source.at("count", 2, show)
    source.at("page", 5, hide)
    outcome = place.exporter(source).export(wanted(mode="full"))
    counts = place.manifest(outcome.run_id)["counts"]
    assert (counts["rows"], counts["store_after"], counts["verdict"]) == (7, 8, "differs")
