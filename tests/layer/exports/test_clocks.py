"""The store's clock and ours: what changes while one of them is wrong is exported all the same."""

from __future__ import annotations

import pytest

from storekey._errors import RateLimited
from tests.layer.exports.conftest import Place, always, finish, wanted
from tests.layer.exports.fakes import Clock, FakeStore


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source(clock: Clock) -> FakeStore:
    source = FakeStore(range(1, 9), kind="token")
    source.clock = clock
    return source


def test_what_changes_on_a_clock_that_was_set_back_is_not_lost(place: Place, source: FakeStore, clock: Clock) -> None:
    exporter = place.exporter(source)
    exporter.export(wanted())
    source.clock_offset = -3600
    source.add(9, age=0)
    assert exporter.export(wanted()).run is None
    clock.now += 3600 + 300
    exporter.export(wanted())
    assert 9 in place.check()


def test_a_clock_of_ours_that_is_wrong_moves_no_window(place: Place, source: FakeStore, clock: Clock) -> None:
    exporter = place.exporter(source)
    first = exporter.export(wanted()).run
    clock.now += 86_400
    source.clock_offset = 300 - 86_400
    source.change(3)
    source.clock_offset += 300
    second = exporter.export(wanted()).run
    assert first and second and second.end == first.end + 600
    assert 3 in place.ids(second.id)
    clock.now -= 2 * 86_400
    source.clock_offset += 2 * 86_400 + 300
    third = exporter.export(wanted()).run
    assert third and (third.start, third.end) == (second.end - 60, second.end + 300)


def test_a_clock_that_was_set_back_while_a_run_went_on_loses_nothing(
    place: Place, source: FakeStore, clock: Clock
) -> None:
    source.clock_offset = 0
    place.exporter(source, always).export(wanted())
    source.clock_offset = -1800
    source.add(9, age=0)
    finish(place.exporter(source), wanted())
    clock.now += 1800 + 300
    finish(place.exporter(source), wanted())
    assert 9 in place.check()


def test_what_changed_on_a_clock_set_back_survives_an_abandoned_run(
    place: Place, source: FakeStore, clock: Clock
) -> None:
    place.exporter(source).export(wanted("products"))
    source.clock_offset = -3600
    source.add(9, age=0)
    clock.now += 3600 + 300
    place.exporter(source, always).export(wanted("products"))
    source.credentials = "Basic"  # the next slice abandons the run of v3
    place.exporter(source).export(wanted("products"))
    clock.now += 60
    finish(place.exporter(source), wanted("products"))
    assert 9 in place.check("products")


def test_what_changed_on_a_clock_that_was_wrong_for_a_while_is_not_lost(
    place: Place, source: FakeStore, clock: Clock
) -> None:
    exporter = place.exporter(source)
    exporter.export(wanted())
    source.clock_offset = -3600
    source.add(9, age=0)
    assert exporter.export(wanted()).run is None  # it has seen that clock
    source.clock_offset = 0
    clock.now += 900
    exporter.export(wanted())
    assert 9 in place.check()


def test_the_lowest_of_several_wrong_clocks_counts(place: Place, source: FakeStore, clock: Clock) -> None:
    exporter = place.exporter(source)
    exporter.export(wanted())
    for row_id, offset in ((9, -1800), (10, -3600), (11, -600)):
        source.clock_offset = offset
        source.add(row_id, age=0)
        assert exporter.export(wanted()).run is None
    assert place.item()["lowest_skew"] == -3600
    source.clock_offset = 0
    clock.now += 900
    outcome = exporter.export(wanted())
    assert {9, 10, 11} <= set(place.ids(outcome.run_id))


def test_a_wrong_clock_is_remembered_though_the_run_could_not_be_opened(
    place: Place, source: FakeStore, clock: Clock
) -> None:
    exporter = place.exporter(source)
    exporter.export(wanted())
    source.clock_offset = -3600
    source.add(9, age=0)
    clock.now += 3600 + 300
    source.at("count", 2, RateLimited("spent", retry_after=1))
    assert exporter.export(wanted()).run is None
    source.clock_offset = 0
    exporter.export(wanted())
    assert 9 in place.check()


def test_a_wrong_clock_is_forgotten_with_a_run_that_made_up_for_it(
    place: Place, source: FakeStore, clock: Clock
) -> None:
    exporter = place.exporter(source)
    exporter.export(wanted())
    source.clock_offset = -3600
    exporter.export(wanted())
    source.clock_offset = 0
    clock.now += 300
    second = exporter.export(wanted()).run
    clock.now += 300
    third = exporter.export(wanted()).run
    assert second and third and third.start == second.end - 60
    assert "lowest_skew" not in place.item()
