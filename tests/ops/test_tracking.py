"""Which ranges of a backfill are looked at, what they make up, and how long the rest may take."""

from __future__ import annotations

from typing import Any

import pytest

from ops.backfills import Plan, Range
from ops.tracking import Tracker, words_of


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def planned(ranges: int = 3, count: int | None = None, run: str = "a") -> Plan:
    return Plan("orders", run, None, count, 4, tuple((10 * one, 10 * one + 10) for one in range(ranges)))


def seen(number: int, rows: int = 5, done: bool = False, **more: Any) -> dict[int, Range]:
    facts = {"requests": 2, "since": 0, "at": 0, "quota_left": None, **more}
    return {number: Range(number, rows=rows, done=done, **facts)}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tracker(clock: Clock) -> Tracker:
    return Tracker(clock)


def test_what_is_done_is_not_looked_at_again_and_told_once(tracker: Tracker) -> None:
    tracker.expect(planned())
    assert tracker.due() == [0, 1, 2, 3], "the tail, too"
    assert [one.number for one in tracker.take(seen(1, done=True) | seen(0))] == [1]
    assert tracker.due() == [0, 2, 3]
    assert tracker.take(seen(1, done=True)) == []
    assert [one.number for one in tracker.at_work] == [0]


def test_of_many_ranges_those_at_work_and_the_next_are_looked_at_and_now_and_then_all(tracker: Tracker) -> None:
    tracker.expect(planned(1000))
    tracker.take(seen(700))
    due = tracker.due()
    assert len(due) == 100
    assert due[:3] == [700, 0, 1]
    assert any(len(tracker.due()) == 1001 for _ in range(20))
    assert len(tracker.due(all_of_them=True)) == 1001


def test_another_plan_begins_anew_and_one_that_is_finished_is_kept(tracker: Tracker) -> None:
    tracker.expect(planned())
    tracker.take(seen(0, done=True))
    tracker.expect(None)
    assert tracker.totals and tracker.totals.done == 1
    tracker.expect(planned(run="b"))
    assert tracker.totals and tracker.totals.done == 0


def test_all_ranges_make_up_the_totals(tracker: Tracker) -> None:
    tracker.expect(planned(count=40))
    tracker.take(seen(0, 10, done=True, at=9, quota_left=90) | seen(1, 4, at=12, quota_left=7) | seen(3, 1, done=True))
    totals = tracker.totals
    assert totals is not None
    assert (totals.rows, totals.requests, totals.done, totals.ranges) == (15, 4 + 6, 1, 3)
    assert totals.quota_left == 7, "the newest"
    assert words_of(totals) == "15 of about 40 rows, 10 requests, quota left 7, 1 of 3 ranges done"


@pytest.mark.parametrize("count", [40, None], ids=["by rows", "by ranges where the store tells no count"])
def test_the_time_that_is_left_follows_the_pace_that_was_seen(
    tracker: Tracker, clock: Clock, count: int | None
) -> None:
    tracker.expect(planned(4, count))
    tracker.take(seen(0, 10, done=True))
    assert tracker.totals and tracker.totals.seconds_left is None
    clock.now += 60
    tracker.take(seen(1, 10, done=True))
    assert tracker.totals.seconds_left == pytest.approx(120)
    assert words_of(tracker.totals).endswith("about 2 min left")


def test_a_pace_is_that_of_the_last_minutes(tracker: Tracker, clock: Clock) -> None:
    tracker.expect(planned(4, 4000))
    for rows in (0, 1000, 1010, 1020, 1030):
        tracker.take(seen(0, rows))
        clock.now += 400
    assert tracker.totals and tracker.totals.seconds_left == pytest.approx(400 * (4000 - 1030) / 10)


def test_it_is_known_how_long_nothing_has_moved(tracker: Tracker, clock: Clock) -> None:
    tracker.expect(planned())
    tracker.take(seen(0, 5))
    clock.now += 70
    tracker.take(seen(0, 5))
    assert tracker.still == 70
    tracker.take(seen(0, 6))
    assert tracker.still == 0


def test_before_a_plan_and_without_ranges_there_are_words_too(tracker: Tracker) -> None:
    assert words_of(tracker.totals) == "planning"
    assert tracker.due() == []
    tracker.expect(planned(0, 12))
    tracker.take(seen(0, 7))
    assert words_of(tracker.totals) == "7 of about 12 rows, 6 requests, in one go, without ranges"
