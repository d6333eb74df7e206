"""The state in DynamoDB: leases, fences, and what no write may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from storekey.exports import _state
from storekey.exports._run import Part, Run
from storekey.exports._state import LEASE_SECONDS, Busy, Lease, LeaseLost, State
from tests.layer.exports.conftest import Place

NOON = 1_795_521_600
PROGRESS = {"run": "r", "rows": 3, "requests": 2, "at": NOON}


@dataclass
class Clock:
    now: int = NOON


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(_state, "_now", lambda: clock.now)
    return clock


@pytest.fixture
def state(place: Place, clock: Clock) -> State:
    return place.state


def lease(state: State, owner: str = "one") -> Lease:
    found = state.acquire("orders", owner)
    assert isinstance(found, Lease), found
    return found


def open_run(state: State, held: Lease, end: int = NOON, mode: str = "incremental") -> Run:
    run = Run(mode, "v2", end, NOON, skew=5)
    state.save(held, run)
    return run


def test_a_lease_is_one_owners_until_it_is_released(state: State, place: Place, clock: Clock) -> None:
    held = lease(state)
    run = open_run(state, held)
    assert state.acquire("orders", "other") == Busy(LEASE_SECONDS + 1, run.id)
    assert isinstance(state.acquire("products", "other"), Lease)
    clock.now += 30
    assert state.acquire("orders", "other") == Busy(LEASE_SECONDS - 29, run.id)
    state.release(held)
    assert "owner" not in place.item() and "lease_until" not in place.item()
    assert lease(state, "other").run == run


def test_a_lease_that_is_not_renewed_expires(state: State, clock: Clock) -> None:
    held = lease(state)
    open_run(state, held)
    clock.now += LEASE_SECONDS
    assert state.acquire("orders", "other") == Busy(1, "20261124T120000Z-incremental")
    state.renew(held, PROGRESS)
    clock.now += LEASE_SECONDS
    assert isinstance(state.acquire("orders", "other"), Busy)
    clock.now += 1
    assert lease(state, "other").fence == held.fence + 1


def test_an_expired_lease_that_nobody_took_goes_on(state: State, place: Place, clock: Clock) -> None:
    held = lease(state)
    open_run(state, held)
    clock.now += 10 * LEASE_SECONDS
    state.renew(held, PROGRESS)
    assert place.item()["lease_until"] == clock.now + LEASE_SECONDS


def test_an_owner_takes_over_what_its_dead_invocation_left(state: State) -> None:
    dead, alive = lease(state), lease(state)
    assert alive.fence == dead.fence + 1
    open_run(state, alive)
    with pytest.raises(LeaseLost):
        state.renew(dead, PROGRESS)


WRITES: dict[str, Callable[[State, Lease, Run], None]] = {
    "renew": lambda state, held, run: state.renew(held, PROGRESS),
    "renew for a part": lambda state, held, run: state.renew(held, PROGRESS, 3),
    "save": lambda state, held, run: state.save(held, run),
    "note skew": lambda state, held, run: state.note_skew(held, -7),
    "close": lambda state, held, run: state.close(held, run),
    "abandon": lambda state, held, run: state.abandon(held, run),
}


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize(
    "then", ["it holds the lease", "it has released it", "it has finished the run", "it has begun another"]
)
def test_who_lost_the_lease_changes_nothing(state: State, place: Place, clock: Clock, name: str, then: str) -> None:
    zombie = lease(state)
    run = open_run(state, zombie)
    clock.now += LEASE_SECONDS + 1
    owner = lease(state, "other")
    if "finished" in then or "another" in then:
        state.close(owner, run)
    if then != "it holds the lease":
        state.release(owner)
    if "another" in then:
        open_run(state, lease(state, "other"), NOON + 100)
    before = place.item()
    with pytest.raises(LeaseLost):
        WRITES[name](state, zombie, run)
    state.release(zombie)
    assert place.item() == before


@pytest.mark.parametrize("name", WRITES)
def test_a_write_whose_answer_got_lost_is_repeated_harmlessly(state: State, place: Place, name: str) -> None:
    held = lease(state)
    run = open_run(state, held)
    WRITES[name](state, held, run)
    once = place.item()
    WRITES[name](state, held, run)
    assert place.item() == once


def test_a_lease_or_a_release_whose_answer_got_lost_is_repeated_harmlessly(state: State, place: Place) -> None:
    lease(state)
    held = lease(state)
    open_run(state, held)
    state.release(held)
    once = place.item()
    state.release(held)
    assert place.item() == once
    assert lease(state, "other").fence == held.fence + 1


def test_the_watermark_never_moves_back(state: State, place: Place) -> None:
    held = lease(state)
    state.close(held, open_run(state, held))
    run = open_run(state, held, NOON - 1)
    before = place.item()
    with pytest.raises(LeaseLost):
        state.close(held, run)
    assert place.item() == before


def test_a_finished_run_leaves_its_end_and_its_name(state: State, place: Place, clock: Clock) -> None:
    held = lease(state)
    state.close(held, open_run(state, held))
    state.close(held, open_run(state, held, NOON + 9, "full"))
    state.release(held)
    assert place.item() == {
        "resource": "orders",
        "fence": clock.now + 1,
        "created": clock.now,
        "skew": 5,
        "watermark": NOON + 9,
        "finished": {"incremental": "20261124T120000Z-incremental", "full": "20261124T120009Z-full"},
    }


def test_an_open_run_goes_on_where_it_was_noted(state: State, place: Place) -> None:
    held = lease(state)
    run = open_run(state, held)
    run.last_id, run.cursor, run.part, run.rows = 7, "abc", 1, 3
    run.parts = [Part(3, 100, "sha", 1, 7)]
    state.save(held, run)
    state.renew(held, PROGRESS, 1)
    assert place.item()["progress"] == PROGRESS
    found = lease(state).run
    run.writing = 1
    assert found == run


def test_an_abandoned_run_leaves_the_watermark(state: State, place: Place) -> None:
    held = lease(state)
    state.close(held, open_run(state, held))
    state.renew(held, PROGRESS)
    state.abandon(held, open_run(state, held, NOON + 9))
    assert not {"run", "progress"} & set(place.item())
    assert (place.item()["watermark"], place.item()["abandoned"], lease(state).run) == (NOON, NOON + 9, None)


def test_the_lowest_skew_stays_noted_until_a_run_is_finished(state: State, place: Place) -> None:
    held = lease(state)
    state.note_skew(held, -3600)
    assert held.known["lowest_skew"] == -3600
    state.abandon(held, open_run(state, held))
    state.release(held)
    assert lease(state).known["lowest_skew"] == -3600
    held = lease(state)
    state.close(held, open_run(state, held))
    assert "lowest_skew" not in place.item()
    assert place.item()["skew"] == 5


def test_the_last_failure_and_since_when_stay_noted_until_a_run_is_finished(
    state: State, place: Place, clock: Clock
) -> None:
    state.note_failure("orders", "Forbidden", "a scope is missing")
    clock.now += 60
    state.note_failure("orders", "Unavailable", "")
    assert place.item()["failing"] == {"error": "Unavailable", "message": "", "at": NOON + 60}
    assert place.item()["failing_since"] == NOON
    held = lease(state)
    run = open_run(state, held)
    assert "failing" in place.item()
    state.close(held, run)
    assert not {"failing", "failing_since"} & place.item().keys()


def test_a_failure_does_not_take_the_lease(state: State, place: Place) -> None:
    held = lease(state)
    state.note_failure("orders", "Forbidden", "")
    open_run(state, held)
    assert place.item()["fence"] == held.fence


def test_only_items_that_there_are_are_read(state: State) -> None:
    lease(state)
    assert list(state.read(["orders", "products"])) == ["orders"]


def test_what_aws_refuses_is_raised_unless_it_must_hide_nothing(place: Place) -> None:
    lost: Any = State(place.dynamodb, "no-such-table")
    with pytest.raises(place.dynamodb.exceptions.ResourceNotFoundException):
        lost.acquire("orders", "one")
    with lost.at_best():
        lost.read(["orders"])
    with pytest.raises(KeyError), lost.at_best():
        raise KeyError("own mistake")
