"""What an invocation decides before it reads a row: whether there is anything to do, and which window is opened."""

from __future__ import annotations

from typing import Any

import pytest

from storekey.exports._exporter import Exporter, Outcome, Wanted, _is_finished, busy
from storekey.exports._run import Run
from storekey.exports._state import Busy, Lease

NOON = 1_795_521_600
LAST = NOON - 900  # the end of the last window
FINISHED = {"incremental": "20261124T114500Z-incremental", "full": "20261124T080000Z-full"}


class Told:
    """A store whose clock is five seconds ahead and which counts seven rows, and a state that keeps what is noted."""

    def __init__(self, store_time: int, kind: str) -> None:
        self.time = lambda: store_time
        self.kind = lambda: kind
        self.counted: list[Any] = []
        self.saved: list[Any] = []
        self.noted: list[int] = []

    def count(self, *asked: Any) -> int:
        self.counted.append(asked)
        return 7

    def note_skew(self, lease: Lease, lowest: int) -> None:
        assert lease.key
        self.noted.append(lowest)

    def save(self, lease: Lease, run: Run) -> None:
        self.saved.append((lease.key, run))


def opened(
    known: dict[str, Any],
    mode: str = "incremental",
    resource: str = "orders",
    *,
    ahead: int = 5,
    kind: str = "Basic",
    lines: bool = True,
) -> tuple[Any, Told]:
    told = Told(NOON + ahead, kind)
    source: Any = told
    files: Any = None
    exporter = Exporter(source, source, files, "shop", lines, lambda: False, lambda: NOON + 0.9)
    return exporter._open(Lease(resource, 1, known), Wanted(resource, mode, "", "one")), told


def run(start: int | None, mode: str = "incremental", api: str = "v2", lines: bool = True, skew: int = 5) -> Run:
    end = NOON + skew - 60
    return Run(mode, api, end, NOON, skew=skew, start=start, with_lines=lines, count_before=7)


@pytest.mark.parametrize(
    ("known", "mode", "start"),
    [
        ({}, "incremental", None),
        ({"watermark": LAST}, "incremental", LAST - 60),
        ({"watermark": LAST, "skew": 5}, "incremental", LAST - 60),
        ({"watermark": LAST, "skew": 2}, "incremental", LAST - 60),
        ({"watermark": LAST, "skew": 5, "lowest_skew": 2}, "incremental", LAST - 63),
        ({"watermark": LAST, "abandoned": NOON - 56, "skew": 5}, "incremental", LAST - 60),
        ({"watermark": LAST, "skew": 5, "lowest_skew": 2}, "full", None),
    ],
)
def test_a_window_begins_where_the_last_one_ended_and_earlier_where_the_clock_was_set_back(
    known: dict[str, Any], mode: str, start: int | None
) -> None:
    found, told = opened(known, mode)
    assert found == run(start, mode)
    assert told.saved == [("orders", found)]
    assert told.noted == []
    ((route, filters),) = told.counted
    assert filters == route.filters(found.window)


@pytest.mark.parametrize(
    ("known", "noted", "start"),
    [
        ({"watermark": LAST, "skew": 5}, [-10], LAST - 75),
        ({"watermark": LAST, "skew": 5, "lowest_skew": 2}, [-10], LAST - 75),
        ({"watermark": LAST, "skew": 5, "lowest_skew": -10}, [], LAST - 75),
        ({"watermark": LAST, "skew": 5, "lowest_skew": -20}, [], LAST - 85),
    ],
)
def test_a_clock_that_was_set_back_is_remembered_until_a_run_is_finished(
    known: dict[str, Any], noted: list[int], start: int
) -> None:
    found, told = opened(known, ahead=-10)
    assert (found, told.noted) == (run(start, skew=-10), noted)


@pytest.mark.parametrize(
    ("known", "mode", "outcome"),
    [
        ({"watermark": NOON - 55}, "incremental", Outcome(complete=True, wait=1)),
        ({"watermark": NOON - 50}, "incremental", Outcome(complete=True, wait=6)),
        ({"watermark": NOON + 900}, "incremental", Outcome(complete=True, wait=60)),
        ({"watermark": NOON - 55}, "full", Outcome(complete=False, wait=1)),
        ({"abandoned": NOON - 53}, "incremental", Outcome(complete=False, wait=3)),
        ({"watermark": LAST, "abandoned": NOON - 53}, "incremental", Outcome(complete=False, wait=3)),
    ],
)
def test_a_window_that_would_end_no_later_than_the_last_is_not_opened(
    known: dict[str, Any], mode: str, outcome: Outcome
) -> None:
    found, told = opened(known, mode)
    assert (found, told.saved, told.counted) == (outcome, [], [])


def test_lines_are_of_orders_alone_and_the_api_is_that_of_the_credentials() -> None:
    assert opened({}, lines=False)[0] == run(None, lines=False)
    assert opened({}, resource="customers")[0] == run(None, lines=False)
    assert opened({}, resource="customers", kind="token")[0] == run(None, lines=False, api="v3")


@pytest.mark.parametrize(
    ("mode", "followed", "finished"),
    [
        ("incremental", "", False),
        ("incremental", FINISHED["incremental"], True),
        ("incremental", "20261124T113000Z-incremental", True),
        ("incremental", "20261124T120000Z-incremental", False),
        ("incremental", FINISHED["full"], True),
        ("full", FINISHED["full"], True),
        ("full", "20261124T120000Z-full", False),
        ("full", "20261124T113000Z-incremental", False),
    ],
)
def test_a_caller_is_told_that_the_run_it_follows_was_finished_by_another(
    mode: str, followed: str, finished: bool
) -> None:
    wanted = Wanted("orders", mode, followed, "one")
    assert _is_finished(Lease("orders", 1, {"finished": FINISHED}), wanted) is finished
    assert not _is_finished(Lease("orders", 1, {}), wanted)


def test_while_another_is_about_it_a_caller_waits_a_minute_at_most() -> None:
    assert busy(Busy(5, "r")) == Outcome(complete=False, run_id="r", wait=5, busy=True)
    assert busy(Busy(180, "")).wait == 60
