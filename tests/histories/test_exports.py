"""Nothing is lost and nothing stale, whatever changes in the store and whatever happens to the invocations."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storekey.exports import _run, _slice
from storekey.exports._routes import Route
from tests.histories.corpus import History, history
from tests.histories.exported import differences
from tests.histories.replay import Replay

SEEDS = st.integers(0, 1_000_000)


def small(seed: int) -> History:
    """A history of few rows on many short pages, whose runs follow each other closely."""
    random = Random(seed)
    whole = history(seed, orders=random.randint(20, 50))
    *runs, quiet = whole.runs
    restless = [replace(run, pause=random.choice((1, 5, 61, 200, 1000))) for run in runs]
    cap = random.randint(4, 20)
    whole = replace(whole, runs=(*restless, quiet))
    return replace(
        whole, behaviour=replace(whole.behaviour, page_cap=cap, include_page_cap=random.choice((None, cap, 2)))
    )


@settings(max_examples=15)
@given(SEEDS)
def test_the_exports_of_a_changing_store_end_as_the_store_is(seed: int) -> None:
    assert lost_in(Replay(small(seed))) == []


@settings(max_examples=30)
@given(SEEDS)
def test_killed_sleeping_and_refused_invocations_lose_nothing_either(seed: int) -> None:
    assert lost_in(Replay(small(seed), Random(seed))) == []


@pytest.mark.parametrize(
    ("mode", "number"),
    [
        ("incremental", 1),
        pytest.param("backfill", 1, id="the plan of a backfill"),
        pytest.param("backfill", 2, id="its first range"),
        pytest.param("backfill", 6, id="its end"),
    ],
)
@pytest.mark.parametrize("kind", ["kill", "sleep", "fault"])
def test_every_call_of_a_run_may_be_the_last_one_or_a_long_one(kind: str, mode: str, number: int) -> None:
    """At each call to the store, DynamoDB and S3, before it and after it, until a run is done before it gets there."""
    begun = small(7)
    begun = replace(begun, behaviour=replace(begun.behaviour, orders=24, page_cap=5, include_page_cap=None))
    met, at = 1, 0
    while met:
        at += 1
        replay = Replay(replace(begun, runs=begun.runs[-1:]), Random(at), mode=mode, fate=(kind, number, at))
        assert lost_in(replay) == []
        met = replay.tally.killed + replay.tally.slept + replay.tally.faults
    assert at > 4


@pytest.mark.parametrize("seed", [0])
def test_histories_of_the_corpus_as_they_are_compared_with_other_systems(seed: int) -> None:
    assert lost_in(Replay(history(seed), Random(seed))) == []


def lost_in(replay: Replay) -> list[str]:
    """What was lost, stale or repeated at any time of a replay."""
    world = replay.play()
    return replay.behind + differences(world)


def loses(lives: bool = False) -> bool:
    """Tell whether some history ends with rows lost, stale, or repeated."""

    def ends_badly(seed: int) -> bool:
        try:
            return bool(lost_in(Replay(small(seed), Random(seed) if lives else None)))
        except AssertionError:
            return True

    return any(ends_badly(seed) for seed in range(60))


def test_without_the_overlap_of_windows_rows_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    # An overlap that does not even cover bounds that leave their own row out.
    monkeypatch.setattr(_run, "OVERLAP_SECONDS", -1)
    assert loses()


def test_windows_that_end_in_the_stores_future_lose_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_run, "LAG_SECONDS", -600)
    assert loses()


def test_pages_by_number_lose_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    query = Route.query

    def by_number(self: Route, window: object, position: object) -> dict[str, object]:
        asked = query(self, window, position)  # type: ignore[arg-type] # passed through
        asked.pop("min_id", None)
        counted[window] = counted.get(window, 0) + 1
        return {**asked, "page": counted[window]}

    counted: dict[object, int] = {}
    monkeypatch.setattr(Route, "query", by_number)
    assert loses()


def test_parts_that_are_noted_before_they_are_written_lose_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    save = _slice.Slice._save

    def hasty(self: _slice.Slice) -> None:
        self._state.save(self._lease, self._run)
        save(self)

    monkeypatch.setattr(_slice.Slice, "_save", hasty)
    assert loses(lives=True)
