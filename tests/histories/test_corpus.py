"""The corpus is the same everywhere, makes sense, and holds what it is for."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from .corpus import FIRST_ORDER, HOUR, Change, History, history

SEEDS = range(60)
_DIGEST = "from tests.histories.test_corpus import digest; print(digest())"


def digest() -> str:
    return hashlib.sha256(repr([history(seed) for seed in SEEDS]).encode()).hexdigest()


def test_a_seed_gives_the_same_history_in_every_process() -> None:
    root = Path(__file__).parents[2]
    told = subprocess.run(
        [sys.executable, "-c", _DIGEST],
        cwd=root,
        env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == digest()


def test_seeds_give_different_histories() -> None:
    assert len({repr(history(seed).runs) for seed in SEEDS}) == len(SEEDS)


def test_every_change_names_orders_that_the_store_has_at_that_moment() -> None:
    for seed in SEEDS:
        played = history(seed)
        live = set(range(FIRST_ORDER, FIRST_ORDER + played.behaviour.orders))
        newest = max(live)
        for change in played.changes():
            if change.kind == "insert":
                newest += 1
                assert change.ids == (newest,)
                live.add(newest)
            assert set(change.ids) <= live
            if change.kind in {"archive", "remove"}:
                live -= set(change.ids)


def test_no_two_changes_write_the_same_note() -> None:
    for seed in SEEDS:
        notes = [change.note for change in history(seed).changes() if change.note]
        assert len(notes) == len(set(notes))


def test_the_last_run_is_quiet_and_hours_after_the_others() -> None:
    for seed in SEEDS:
        *runs, last = history(seed).runs
        assert 2 <= len(runs) <= 5
        assert last.steps == () and last.pause >= 2 * HOUR


def test_the_steps_of_a_run_are_in_the_order_of_its_requests() -> None:
    for seed in SEEDS:
        for run in history(seed).runs:
            requests = [step.request for step in run.steps]
            assert requests == sorted(requests)


def test_the_corpus_holds_the_changes_and_stores_that_it_is_for() -> None:
    corpus = [history(seed) for seed in SEEDS]
    changes = [change for played in corpus for change in played.changes()]
    assert {change.kind for change in changes} == {"edit", "insert", "archive", "remove"}
    assert sum(_is_bulk(change) for change in changes) >= 5
    assert any(step.change is None for played in corpus for run in played.runs for step in run.steps)
    assert _values(corpus, "clock_skew") >= {-600, 0, 600}
    assert _values(corpus, "page_cap") == {None, 100, 50}
    for name in ("inclusive", "include_lines", "list_archived", "count_filters", "count_incomplete"):
        assert _values(corpus, name) == {True, False}


def _is_bulk(change: Change) -> bool:
    return change.kind == "edit" and len(change.ids) > 1_000


def _values(corpus: list[History], name: str) -> set[object]:
    return {getattr(played.behaviour, name) for played in corpus}
