"""The manifest of a finished run, and how its rows compare with the store's own counts: pure functions of the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ._dates import iso
from ._run import Run

DIFFERS = "differs"


def prefix(store_name: str, resource: str, run: Run) -> str:
    """Return the prefix under which the parts of a run lie."""
    end = iso(run.end) or ""
    return f"exports/store={store_name}/resource={resource}/dt={end[:10]}/run={run.id}/"


def part_key(store_name: str, resource: str, run: Run, part: int) -> str:
    """Return the key of one part of a run."""
    number = f"{part:05}" if run.range is None else f"{run.range:05}-{part:05}"
    return f"{prefix(store_name, resource, run)}part-{number}.jsonl.gz"


def manifest_key(store_name: str, resource: str, run_id: str) -> str:
    """Return the key of a run's manifest."""
    return f"exports/_manifests/store={store_name}/resource={resource}/run={run_id}.json"


def manifest(store_name: str, resource: str, run: Run, ranges: Sequence[Run] = ()) -> dict[str, Any]:
    """Return the manifest of a finished run, the same one each time; ``ranges`` are what a backfill is made up of."""
    verdict, explanation = compare(run)
    parts = _parts(store_name, resource, ranges or [run])
    with_rows = [part for part in parts if part["rows"]]
    return {
        "store": store_name,
        "resource": resource,
        "run": run.id,
        "mode": run.mode,
        "api": run.api,
        "window": {"from": iso(run.start), "to": iso(run.end)},
        "rows": run.rows,
        "requests": run.requests,
        "parts": parts,
        "first_id": with_rows[0]["first_id"] if with_rows else None,
        "last_id": with_rows[-1]["last_id"] if with_rows else None,
        "started": iso(run.started),
        "finished": iso(run.finished),
        "lines": run.lines or None,
        "orders_with_fetched_lines": run.fetched_lines,
        "counts": {
            "store_before": run.count_before,
            "store_after": run.count_after,
            "rows": run.rows,
            "verdict": verdict,
            "explanation": explanation,
        },
        **({"ranges": [_range(one) for one in ranges]} if ranges else {}),
        "complete": True,
    }


def _parts(store_name: str, resource: str, runs: Sequence[Run]) -> list[dict[str, Any]]:
    return [
        {"key": part_key(store_name, resource, run, number), **asdict(part)}
        for run in runs
        for number, part in enumerate(run.parts)
    ]


def _range(run: Run) -> dict[str, Any]:
    with_rows = [part for part in run.parts if part.rows]
    return {
        "after": run.after,
        "to": run.stop,
        "rows": run.rows,
        "requests": run.requests,
        "parts": len(run.parts),
        "first_id": with_rows[0].first_id if with_rows else None,
        "last_id": with_rows[-1].last_id if with_rows else None,
    }


def compare(run: Run) -> tuple[str, str]:
    """Return the verdict on a run's rows beside the store's counts, and why.

    ``agrees``, ``explained`` (by what changed meanwhile, or by orders that the store does not count), ``differs``, or
    ``not comparable``.
    """
    if run.count_before is None or (run.everything and run.count_after is None):
        return "not comparable", "the store did not tell a count"
    return _compare_all(run) if run.everything else _compare_window(run, run.count_before)


def _compare_all(run: Run) -> tuple[str, str]:
    """Compare a run over everything with the counts before and after it.

    Every row that was there from beginning to end must be in it. So at least those counted before, less those removed
    meanwhile; at most those counted before and those created meanwhile, or those counted after. Orders that were never
    paid (status 0) and archived ones may or may not be counted.
    """
    before, after = run.count_before or 0, run.count_after or 0
    removed = max(0, before + run.created - after)
    for uncounted, named in _perhaps_uncounted(run):
        rows = run.rows - uncounted
        beside = f"; the store leaves {named} out of its count" if named else ""
        if rows == before == after:
            return ("explained" if named else "agrees"), f"as many rows as the store counts{beside}"
        if before - removed <= rows <= max(before + run.created, after):
            change = f"{run.created} created and up to {removed} removed while the run went on"
            return "explained", f"{change}{beside}"
    return DIFFERS, f"{run.rows} rows, but the store counts {before} before and {after} after the run"


def _perhaps_uncounted(run: Run) -> list[tuple[int, str]]:
    """Return what the store's count may leave out: how many rows, and in words; nothing first."""
    return [
        (0, ""),
        (run.incomplete, "incomplete orders"),
        (run.archived, "archived orders"),
        (run.incomplete + run.archived, "incomplete and archived orders"),
    ]


def _compare_window(run: Run, count: int) -> tuple[str, str]:
    if run.rows == count:
        return "agrees", "as many rows as the store counts in the window"
    if run.api == "v2":
        return "not comparable", "this count of the store may not know of the window"
    if run.rows < count:
        return "explained", f"{count - run.rows} rows changed while the run went on; the next window has them"
    return DIFFERS, f"{run.rows} rows, but the store counts {count} in the window"
