"""The manifest, and the verdict on a run's rows beside the store's counts."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from storekey.exports._proof import compare, manifest, manifest_key, part_key
from storekey.exports._run import Part, Run

NOON = 1_795_521_600
KINDS = [(True, True), (True, False), (False, True), (False, False)]


def full(rows: int, before: int | None, after: int | None, **more: int) -> Run:
    return Run("full", "v2", NOON, NOON, rows=rows, count_before=before, count_after=after, **more)  # type: ignore[arg-type] # counts


@pytest.mark.parametrize(
    ("run", "verdict"),
    [
        (full(9, 9, 9), "agrees"),
        (full(0, 0, 0), "agrees"),
        (full(9, 9, 9, incomplete=2, archived=1), "agrees"),
        (full(8, 9, 9), "differs"),
        (full(10, 9, 9), "differs"),
        (full(10, 9, 10, created=1), "explained"),
        (full(9, 9, 8), "explained"),
        (full(8, 9, 8), "explained"),
        (full(9, 9, 9, created=1), "agrees"),
        (full(8, 9, 10, created=2), "explained"),
        (full(7, 9, 8), "differs"),
        (full(11, 9, 10, created=1), "differs"),
        (full(11, 9, 9, incomplete=2), "explained"),
        (full(10, 9, 9, archived=1), "explained"),
        (full(12, 9, 9, incomplete=2, archived=1), "explained"),
        (full(13, 9, 9, incomplete=2, archived=1), "differs"),
        (full(8, 9, 9, incomplete=2, archived=1), "differs"),
        (full(9, None, 9), "not comparable"),
        (full(9, 9, None), "not comparable"),
        (replace(full(9, 9, None), mode="incremental"), "agrees"),
        (replace(full(8, 9, None), mode="incremental"), "not comparable"),
        (replace(full(9, None, None), mode="incremental"), "not comparable"),
        (replace(full(9, 9, None), mode="incremental", api="v3"), "agrees"),
        (replace(full(8, 9, None), mode="incremental", api="v3"), "explained"),
        (replace(full(10, 9, None), mode="incremental", api="v3"), "differs"),
    ],
)
def test_the_verdict_of(run: Run, verdict: str) -> None:
    assert compare(run)[0] == verdict


LEFT_OUT = "as many rows as the store counts; the store leaves {} out of its count"


@pytest.mark.parametrize(
    ("run", "explanation"),
    [
        (full(9, None, 9), "the store did not tell a count"),
        (full(9, 9, 9), "as many rows as the store counts"),
        (full(11, 9, 9, incomplete=2), LEFT_OUT.format("incomplete orders")),
        (full(10, 9, 9, archived=1), LEFT_OUT.format("archived orders")),
        (full(12, 9, 9, incomplete=2, archived=1), LEFT_OUT.format("incomplete and archived orders")),
        (full(9, 9, 11, created=3), "3 created and up to 1 removed while the run went on"),
        (full(8, 9, 9), "8 rows, but the store counts 9 before and 9 after the run"),
        (replace(full(9, 9, 9), mode="incremental"), "as many rows as the store counts in the window"),
        (replace(full(8, 9, 9), mode="incremental"), "this count of the store may not know of the window"),
        (
            replace(full(8, 9, 9), mode="incremental", api="v3"),
            "1 rows changed while the run went on; the next window has them",
        ),
        (replace(full(8, 7, 9), mode="incremental", api="v3"), "8 rows, but the store counts 7 in the window"),
    ],
)
def test_a_verdict_is_explained(run: Run, explanation: str) -> None:
    assert compare(run)[1] == explanation


@st.composite
def histories(draw: st.DrawFn) -> tuple[set[int], list[list[tuple[str, int]]]]:
    """The ids at the beginning, and what is removed and created before each page."""
    ids = draw(st.sets(st.integers(1, 30), max_size=12))
    change = st.tuples(st.sampled_from(["remove", "create"]), st.integers(1, 40))
    return ids, draw(st.lists(st.lists(change, max_size=3), max_size=12))


def happens(rows: set[int], changes: list[tuple[str, int]], newest: int) -> int:
    """Let rows come, with ids that there never were, and go; return the newest id."""
    for what, row_id in changes:
        if what == "create":
            newest += 1
            rows.add(newest)
        else:
            rows.discard(row_id)
    return newest


@given(history=histories(), cap=st.integers(1, 5), kinds=st.sampled_from(KINDS), odd=st.sets(st.integers(1, 60)))
def test_what_really_happened_is_never_a_difference(
    history: tuple[set[int], list[list[tuple[str, int]]]],
    cap: int,
    kinds: tuple[bool, bool],
    odd: set[int],
) -> None:
    rows, changes = set(history[0]), list(history[1])
    opened_with = newest = max(rows, default=0)
    counts_incomplete, counts_archived = kinds

    def incomplete(row_id: int) -> bool:
        return row_id in odd and row_id % 2 == 0

    def archived(row_id: int) -> bool:
        return row_id in odd and row_id % 2 == 1

    def count() -> int:
        left_out = [
            row
            for row in rows
            if (incomplete(row) and not counts_incomplete) or (archived(row) and not counts_archived)
        ]
        return len(rows) - len(left_out)

    run = full(0, count(), None)
    while True:
        newest = happens(rows, changes.pop(0) if changes else [], newest)
        page = sorted(row for row in rows if row > run.last_id)[:cap]
        if not page:
            break
        run.rows += len(page)
        run.last_id = page[-1]
        run.incomplete += sum(map(incomplete, page))
        run.archived += sum(map(archived, page))
        run.created += sum(row > opened_with for row in page)
    run.count_after = count()
    assert compare(run)[0] in ("agrees", "explained"), compare(run)


@given(
    rows=st.integers(0, 50),
    dropped=st.integers(1, 50),
    incomplete=st.integers(0, 5),
    archived=st.integers(0, 5),
    kinds=st.sampled_from(KINDS),
)
def test_a_dropped_row_is_a_difference_where_nothing_changed(
    rows: int, dropped: int, incomplete: int, archived: int, kinds: tuple[bool, bool]
) -> None:
    assume(dropped <= rows)
    counted = rows + incomplete * kinds[0] + archived * kinds[1]
    run = full(rows - dropped + incomplete + archived, counted, counted, incomplete=incomplete, archived=archived)
    # As many dropped as may be left out of the count cannot be told from these.
    assume(dropped not in _ambiguous(incomplete, archived, kinds))
    assert compare(run)[0] == "differs"


def _ambiguous(incomplete: int, archived: int, kinds: tuple[bool, bool]) -> list[int]:
    left_out = incomplete * (not kinds[0]) + archived * (not kinds[1])
    return [left_out - other for other in (0, incomplete, archived, incomplete + archived)]


def test_the_manifest_is_one_line_and_the_same_each_time() -> None:
    run = full(4, 4, 4, finished=NOON + 5, part=5, last_id=12, requests=7)
    run.parts = [Part(0, 20, "a", 0, 0), Part(2, 60, "b", 1, 4), Part(1, 50, "c", 9, 9), Part(1, 50, "d", 12, 12)]
    run.parts.append(Part(0, 20, "e", 0, 0))
    before = copy.deepcopy(run)
    first = manifest("shop", "orders", run)
    assert manifest("shop", "orders", Run.from_item(run.as_item())) == first
    assert run == before
    assert "\n" not in json.dumps(first)
    assert first["parts"][1] == {
        "key": "exports/store=shop/resource=orders/dt=2026-11-24/run=20261124T120000Z-full/part-00001.jsonl.gz",
        "rows": 2,
        "bytes": 60,
        "sha256": "b",
        "first_id": 1,
        "last_id": 4,
    }
    assert len(first.pop("parts")) == 5
    assert first == {
        "store": "shop",
        "resource": "orders",
        "run": "20261124T120000Z-full",
        "mode": "full",
        "api": "v2",
        "window": {"from": None, "to": "2026-11-24T12:00:00Z"},
        "rows": 4,
        "requests": 7,
        "first_id": 1,
        "last_id": 12,
        "started": "2026-11-24T12:00:00Z",
        "finished": "2026-11-24T12:00:05Z",
        "lines": None,
        "orders_with_fetched_lines": 0,
        "counts": {
            "store_before": 4,
            "store_after": 4,
            "rows": 4,
            "verdict": "agrees",
            "explanation": "as many rows as the store counts",
        },
        "complete": True,
    }


def test_the_manifest_of_a_backfill_tells_its_ranges() -> None:
    one, other = (replace(full(0, None, None), range=number, requests=number + 2, parts=[]) for number in (0, 1))
    one.parts = [Part(0, 20, "a", 0, 0), *(Part(1, 50, "b", row_id, row_id) for row_id in (3, 4, 10))]
    one.stop, one.rows = 10, 3
    other.after = 10
    found = manifest("shop", "orders", replace(full(3, 3, 3), start=NOON - 60, requests=5), [one, other])
    assert found["window"]["from"] == "2026-11-24T11:59:00Z"
    assert [part["key"].rpartition("/")[2] for part in found["parts"]] == [
        f"part-00000-0000{number}.jsonl.gz" for number in range(4)
    ]
    assert found["ranges"] == [
        {"after": 0, "to": 10, "rows": 3, "requests": 2, "parts": 4, "first_id": 3, "last_id": 10},
        {"after": 10, "to": None, "rows": 0, "requests": 3, "parts": 0, "first_id": None, "last_id": None},
    ]


def test_a_run_without_rows_has_no_ids() -> None:
    empty = manifest("shop", "products", full(0, 0, 0, finished=NOON))
    assert (empty["first_id"], empty["last_id"], empty["parts"], empty["lines"]) == (None, None, [], None)


@pytest.mark.parametrize(("lines", "told"), [("include", "include"), ("products", "products"), ("", None)])
def test_the_manifest_tells_how_lines_came(lines: str, told: str | None) -> None:
    run = replace(full(0, 0, 0, finished=NOON), with_lines=True, lines=lines, fetched_lines=2)
    found = manifest("shop", "orders", run)
    assert (found["lines"], found["orders_with_fetched_lines"]) == (told, 2)


def test_keys_are_where_readers_look_for_them() -> None:
    run = replace(full(0, 0, 0), end=NOON - 43_201)
    assert part_key("shop", "orders", run, 12) == (
        "exports/store=shop/resource=orders/dt=2026-11-23/run=20261123T235959Z-full/part-00012.jsonl.gz"
    )
    assert manifest_key("shop", "orders", run.id) == (
        "exports/_manifests/store=shop/resource=orders/run=20261123T235959Z-full.json"
    )
