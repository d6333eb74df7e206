"""What verify finds in the files of a backfill: a run that somebody has changed, and what must be told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ops.verification import differences
from tests.ops.backfilling import Backfilled

Change = Callable[[Backfilled], None]
FIRST = "part-00000-00000.jsonl.gz"
THIRD = "part-00001-00000.jsonl.gz"


def stated(number: int, **fields: Any) -> Change:
    return lambda run: run.manifest["ranges"][number].update(fields)


def other(**fields: Any) -> Change:
    return lambda run: run.manifest.update(fields)


def a_part_moved(run: Backfilled) -> None:
    run.manifest["ranges"][1]["parts"] = 0
    run.manifest["ranges"][2]["parts"] = 1


def both_bounds(run: Backfilled) -> None:
    run.manifest["ranges"][0]["to"] = run.manifest["ranges"][1]["after"] = 13


def a_part_deleted(run: Backfilled) -> None:
    del run.files[run.key(0)]


CHANGED: dict[str, tuple[Change, set[tuple[str, str, str, str]]]] = {
    "a gap between ranges": (stated(1, after=11), {("manifest", "ranges[1].after", "10", "11")}),
    "ranges that overlap": (stated(0, to=14), {("manifest", "ranges[1].after", "14", "10")}),
    "a first range that leaves ids out": (stated(0, after=1), {("manifest", "ranges[0].after", "0", "1")}),
    "no end": (stated(3, to=99), {("manifest", "ranges[3].to", "nothing", "99")}),
    "an end too early": (stated(1, to=None), {("manifest", "ranges[2].after", "nothing", "20")}),
    "an empty range": (stated(2, to=20), {("manifest", "ranges[2].to", "above 20", "20")}),
    "a bound that cuts a part": (both_bounds, {(THIRD, "first_id", "above 13, where its range begins", "12")}),
    "ids behind a range": (
        lambda run: (stated(1, to=19)(run), stated(2, after=19)(run))[0],
        {(THIRD, "last_id", "at most 19, where its range ends", "20")},
    ),
    "rows that do not add up": (
        stated(0, rows=4),
        {("manifest", "ranges[0].rows", "4", "3"), ("manifest", "rows of ranges", "6", "7")},
    ),
    "another first id": (stated(0, first_id=2), {("manifest", "ranges[0].first_id", "2", "1")}),
    "an id of a range without rows": (stated(2, last_id=21), {("manifest", "ranges[2].last_id", "21", "nothing")}),
    "a part more": (stated(3, parts=2), {("manifest", "parts of ranges", "4", "5")}),
    "a part less": (stated(3, parts=0), {("part-00003-00000.jsonl.gz", "key", "no further part", "...")}),
    "a part of another range": (a_part_moved, {(THIRD, "key", "...", "...")}),
    "no ranges": (other(ranges=None), {("manifest", "ranges", "a list of ranges", "nothing")}),
    "an empty list of ranges": (other(ranges=[]), {("manifest", "ranges", "a list of ranges", "an empty one")}),
    "a range that is none": (
        other(ranges=["x"]),
        {("manifest", "ranges[0].after", "int", "nothing"), ("manifest", "ranges[0].parts", "int", "nothing")},
    ),
    "a bound that is a text": (stated(0, to="10"), {("manifest", "ranges[0].to", "int, or null for the last", "str")}),
    "less than no parts": (stated(2, parts=-1), {("manifest", "parts of ranges", "4", "3")}),
    "a missing part": (a_part_deleted, {(FIRST, "object", "there", "not there")}),
}


@pytest.mark.parametrize("resource", ["orders", "products"])
def test_a_backfill_as_it_was_written_holds(resource: str) -> None:
    run = Backfilled(resource=resource)
    if resource == "products":
        run.manifest["lines"] = "include"  # its rows bear lines, as those of orders do
    assert differences(run.manifest, run.streams(), key=run.manifest_key) == []


def test_a_backfill_without_ranges_but_its_tail_holds() -> None:
    run = Backfilled([[5, 6], [7]], bounds=[(0, None, 2)])
    assert differences(run.manifest, run.streams(), key=run.manifest_key) == []


@pytest.mark.parametrize("name", CHANGED)
def test_what_was_changed_is_named(name: str) -> None:
    change, expected = CHANGED[name]
    run = Backfilled()
    key = run.manifest_key
    change(run)
    found = differences(run.manifest, run.streams(), key=key)
    shown = {(one.part.rpartition("/")[2], one.field, one.expected, one.found) for one in found}
    for part, field, wanted, there in expected:
        assert any(
            (one[0], one[1]) == (part, field) and wanted in (one[2], "...") and there in (one[3], "...")
            for one in shown
        ), (part, field, shown)
