"""The comparison counts right, and a history ends alike whoever syncs it; the other systems themselves are not run."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.store import SandboxStore
from tests.histories.corpus import HOUR, History, history

from .faults import Outcome
from .measure import Measured, Tally, tally, version
from .play import Played, is_list
from .playback import Playback
from .report import faults_sheet, histories_sheet, written
from .single import SINGLE

RFC, ISO = "Tue, 24 Nov 2026 08:00:00 +0000", "2026-11-24T08:00:00.000000Z"


def order(order_id: int, note: str | None = "", modified: str = RFC, deleted: bool = False) -> dict[str, Any]:
    return {"id": order_id, "date_modified": modified, "staff_notes": note, "is_deleted": deleted}


def sync(*rows: dict[str, Any], requests: int = 1, broken: bool = False) -> Measured:
    return Measured(rows, requests, broken)


def test_a_row_that_no_sync_gave_out_is_never_and_an_old_version_is_stale() -> None:
    counts = tally(
        [sync(order(1), order(2)), sync(order(3, "b"))], [order(1), order(2, "new"), order(3, "b"), order(4)]
    )
    assert (counts.rows, counts.never, counts.stale, counts.lost, counts.lossy) == (4, 1, 1, 2, 1)


def test_the_last_version_given_out_counts() -> None:
    assert tally([sync(order(1, "a")), sync(order(1, "b"))], [order(1, "b")]).lost == 0
    assert tally([sync(order(1, "b")), sync(order(1, "a"))], [order(1, "b")]).stale == 1


def test_a_row_that_left_the_store_is_not_missed() -> None:
    assert tally([sync(order(1), order(2))], [order(1)]).lost == 0


def test_only_rows_twice_in_one_sync_are_repeated() -> None:
    counts = tally([sync(order(1), order(1), order(1)), sync(order(1), broken=True)], [order(1)])
    assert (counts.repeated, counts.emitted, counts.syncs, counts.broken) == (2, 4, 2, 1)


def test_dates_and_empty_texts_compare_in_whatever_form_a_system_writes_them() -> None:
    assert version(order(1, None, ISO)) == version(order(1, "", RFC))
    assert version(order(1)) != version(order(1, deleted=True))


def test_tallies_add_up_and_divide_only_by_rows() -> None:
    both = tally([sync(order(1), requests=3)], [order(1)]) + tally([sync(order(1), requests=5)], [order(1, "b")])
    assert both == Tally(2, 2, 0, 1, 1, 2, 0, 2, 0, 8)
    assert both.requests_per_thousand == 4000
    assert Tally().requests_per_thousand is None


def test_the_tables_take_the_place_between_their_marks() -> None:
    page = "before\n<!-- make compare ARGS=--write: from here -->\nold\n<!-- to here -->\nafter\n"
    sheets = [
        histories_sheet([Played("b", "1", -5, Tally(1)), Played("a", "1", 0, Tally(1, rows=1_234)), *_two("b")], "all"),
        faults_sheet([Outcome("b", "502", False, "", Tally(), Tally())]),
    ]
    new = written(page, sheets)
    assert new.startswith("before\n<!-- make") and new.endswith("<!-- to here -->\nafter\n")
    assert "**all**" in new and "old" not in new
    assert [line.split(" | ")[:3] for line in new.splitlines() if line.startswith(("| a", "| b"))] == [
        ["| b", "right", "2"],
        ["| b", "behind", "1"],
        ["| a", "right", "1"],
        ["| b", "502", "makes no such request"],
    ]
    assert written(new, sheets) == new
    with pytest.raises(ValueError, match="no place"):
        written("a page without marks", sheets)


def _two(system: str) -> list[Played]:
    return [Played(system, str(seed), 0, Tally(1)) for seed in (2, 3)]


@pytest.mark.parametrize("seed", [1, 3])
def test_a_history_ends_alike_however_many_requests_a_sync_makes(seed: int) -> None:
    assert _end(history(seed), requests=0) == _end(history(seed), requests=40)


@pytest.mark.parametrize("name", SINGLE)
def test_a_history_of_one_thing_can_be_played(name: str) -> None:
    assert _end(SINGLE[name], requests=2)


def test_changes_come_between_the_pages_and_carry_the_stores_time() -> None:
    played = SINGLE["an order already read changes, before page 2"]
    store = SandboxStore(orders=played.behaviour.orders, seed=played.seed)
    playback = Playback(store, played, counted=is_list)
    playback.begin(played.runs[0])
    seen = []
    for _ in range(3):
        store.get("v2/time")
        store.get("v2/orders")
        seen.append(store.orders[100]["staff_notes"])
    assert seen == ["", "a", "a"]
    assert version(store.snapshot("orders")[100])[0] == playback.now - 2
    assert playback.now == store.clock()


def _end(played: History, requests: int) -> dict[int, tuple[object, ...]]:
    store = SandboxStore(orders=played.behaviour.orders, seed=played.seed)
    playback = Playback(store, played, counted=is_list)
    for run in played.runs:
        playback.begin(run)
        for _ in range(requests):
            store.get("v2/orders")
        playback.end()
    assert played.runs[-1].pause >= HOUR
    return {order_id: version(row)[1:] for order_id, row in store.snapshot("orders").items()}
