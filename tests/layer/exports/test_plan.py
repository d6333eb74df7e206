"""A backfill's ranges meet and cover all ids, however the store's rows lie; what does not meet is no backfill."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekey.exports._plan import Plan, Range, divided
from storekey.exports._run import Part, Run
from storekey.exports._state import plain

PLAN = Plan("orders", "v2", end=1_795_500_000, started=1_795_500_060, skew=3, count=9, requests=4, stops=(10, 20))
IDS = st.integers(1, (1 << 63) - 1)


@given(IDS, IDS, st.integers(0, 50_000_000))
def test_ranges_meet_and_end_with_the_last_id(first: int, last: int, count: int) -> None:
    first, last = sorted((first, last))
    plan = replace(PLAN, stops=divided(first, last, count))
    ranges = [*plan.ranges, plan.tail]
    assert ranges[0].after == 0 and ranges[-1].to is None
    assert all(one.to == other.after for one, other in pairwise(ranges))
    assert all(one.to is not None and one.after < one.to for one in plan.ranges)
    assert [one.number for one in ranges] == list(range(len(ranges)))
    assert len(plan.ranges) <= 1_000
    assert not plan.stops or (plan.stops[-1] == last and plan.stops[0] >= first)


@pytest.mark.parametrize(
    ("count", "number", "rows"),
    [
        (1_999, 0, 0),
        (2_000, 2, 1_000),
        (5_000, 5, 1_000),
        (250_000, 40, 6_250),
        (1_000_000, 100, 10_000),
        (20_000_000, 1_000, 20_000),
    ],
)
def test_ranges_hold_as_many_rows_each_as_are_worth_a_worker(count: int, number: int, rows: int) -> None:
    plan = replace(PLAN, stops=divided(101, 100 + count, count))
    assert len(plan.ranges) == number
    assert all(one.to is not None and one.to - max(100, one.after) == rows for one in plan.ranges)


@pytest.mark.parametrize(
    "facts", [(None, None, None), (None, 5, 9_000), (5, None, 9_000), (5, 9_005, None), (5, 5, 9_000)]
)
def test_what_the_store_does_not_tell_makes_no_ranges(facts: tuple[int | None, int | None, int | None]) -> None:
    assert divided(*facts) == ()


def test_ids_may_be_fewer_than_the_rows_that_the_store_counts() -> None:
    assert divided(5, 6, 9_000) == (5, 6)


def test_a_plan_is_kept_as_it_is() -> None:
    assert Plan.from_item({**PLAN.as_item(), "of another version": 1}) == PLAN
    assert plain({"plan": {"M": {"stops": {"L": [{"N": "10"}]}}}}) == {"plan": {"stops": [10]}}
    assert PLAN.as_item()["id"] == PLAN.id == "20261124T060000Z-backfill"


@pytest.mark.parametrize(
    "change",
    [{"id": "20261124T060001Z-backfill"}, {"stops": [10, 10]}, {"stops": [20, 10]}, {"stops": [0]}, {"stops": None}],
)
def test_what_is_no_plan_is_none(change: dict[str, Any]) -> None:
    assert Plan.from_item(PLAN.as_item() | change) is None
    assert Plan.from_item(PLAN.as_item() | {"stops": [1, 2]}) == replace(PLAN, stops=(1, 2))


def test_the_run_of_a_range_begins_behind_the_one_before() -> None:
    run = replace(PLAN, with_lines=True).run(PLAN.ranges[1])
    assert run == Run(
        "backfill",
        "v2",
        end=PLAN.end,
        started=PLAN.started,
        skew=3,
        range=1,
        after=10,
        stop=20,
        last_id=10,
        with_lines=True,
    )


def done(number: int, *parts: Part) -> Run:
    """The finished run of one of the plan's ranges."""
    run = PLAN.run([*PLAN.ranges, PLAN.tail][number])
    return replace(run, parts=list(parts), rows=sum(part.rows for part in parts), requests=2, finished=1_795_500_100)


def part(first: int, last: int, rows: int = 2) -> Part:
    return Part(rows, 100, "ab" * 32, first, last)


def test_runs_that_meet_make_up_one() -> None:
    runs = [done(0, part(1, 4), part(0, 0, 0), part(5, 10)), done(1, part(11, 11, 1), part(12, 20)), done(2)]
    facts: dict[str, Any] = {"lines": "products", "fetched_lines": 3, "incomplete": 1, "archived": 2, "created": 4}
    runs[0] = replace(runs[0], **facts, last_id=10)
    runs[1] = replace(runs[1], **facts | {"lines": "include"}, last_id=19)
    runs[2] = replace(runs[2], **facts | {"lines": ""}, count_after=6, finished=1_795_500_200)
    assert PLAN.joined(runs) == Run(
        "backfill",
        "v2",
        end=PLAN.end,
        started=PLAN.started,
        skew=3,
        last_id=20,
        rows=7,
        requests=10,
        lines="include+products",
        fetched_lines=9,
        incomplete=3,
        archived=6,
        created=12,
        count_before=9,
        count_after=6,
        finished=1_795_500_200,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda run: replace(run, finished=0), id="unfinished"),
        pytest.param(lambda run: replace(run, after=9), id="begins too early"),
        pytest.param(lambda run: replace(run, stop=21), id="ends too late"),
        pytest.param(lambda run: replace(run, rows=3), id="a row too many"),
        pytest.param(lambda run: replace(run, parts=[part(10, 12)]), id="a row of the range before"),
        pytest.param(lambda run: replace(run, parts=[part(15, 21)]), id="a row of the range behind"),
        pytest.param(lambda run: replace(run, parts=[part(15, 16, 1), part(16, 17, 1)]), id="a row twice"),
        pytest.param(lambda run: replace(run, parts=[part(18, 18, 1), part(0, 0, 0), part(12, 12, 1)]), id="disorder"),
    ],
)
def test_runs_that_do_not_meet_make_up_none(wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(ValueError, match="range 1 of 20261124T060000Z-backfill is not what was planned"):
        PLAN.joined([done(0), wrong(done(1, part(12, 18))), done(2)])


def test_a_range_that_is_missing_makes_up_none() -> None:
    with pytest.raises(ValueError, match="zip"):
        PLAN.joined([done(0), done(1)])
    assert PLAN.tail == Range(2, 20)
