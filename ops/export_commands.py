"""The commands of the exports: run one, list the runs, verify the files of one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress

from storekey.exports import RESOURCES

from .answers import DIFFERS, FAILED, STILL_RUNNING, Options, answer, fail, show, table, told
from .backfills import Backfills
from .exports import Exports
from .following import follow
from .found import Difference
from .listing import listed
from .manifests import RUN, manifest_key, prefix_of
from .sources import InputError
from .summaries import ANY_RESOURCE, open_for, reason, summarize
from .verification import differences

_PARTS = {"part": "name", "rows": "number", "bytes": "number", "ids": "name", "verdict": "name"}
_DIFFERENCES = {"part": "name", "field": "name", "line": "text", "expected": "text", "found": "text"}


def export(
    context: typer.Context,
    resource: Annotated[str, typer.Argument(help=ANY_RESOURCE)],
    full: Annotated[bool, typer.Option("--full", help="All rows, not only those changed since the last run.")] = False,
    wait: Annotated[bool, typer.Option(help="Follow the export until it is finished.")] = True,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to follow it; it goes on after that.")] = 3600.0,
) -> None:
    """Export a resource now, and follow it: its rows, requests, what is left of the quota, and the lag."""
    options: Options = context.obj
    with told(options):
        stack, mode = open_for(options, resource), "full" if full else "incremental"
        exports = Exports(stack)
        arn = exports.start(resource, mode)
        name, again = arn.rpartition(":")[2], f"storekey --stack {stack.name} runs {resource}"
        if not wait:
            answer(options, {"result": "started", "execution": name, "follow": again})
            return
        print(f"storekey: started {name}", file=sys.stderr)
        execution = follow(exports, arn, resource, timeout)
        if execution.running:
            fail(options, f"{resource}: {name} is still running, and goes on; follow it with {again}", STILL_RUNNING)
        if execution.status != "SUCCEEDED":
            fail(options, f"{resource}: {reason(execution, 'export', again)}", FAILED)
        summarize(options, exports, execution, resource)


def runs(
    context: typer.Context,
    resource: Annotated[str | None, typer.Argument(help=f"{ANY_RESOURCE} All of them if left out.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many finished runs.")] = 10,
) -> None:
    """Show the finished runs, the newest first, and of each resource the open run and what is failing."""
    options: Options = context.obj
    with told(options):
        backfills = Backfills(open_for(options, resource))
        found = listed(backfills, [resource] if resource else list(RESOURCES), limit)
        if options.as_json:
            answer(options, found.as_json())
        else:
            found.show()


def verify(
    context: typer.Context,
    run: Annotated[str, typer.Argument(help="A finished run, as storekey runs shows it.")],
    resource: Annotated[str | None, typer.Option(help=f"{ANY_RESOURCE} Found by the run if left out.")] = None,
) -> None:
    """Read a run's manifest and all its files, and tell whether they hold what it states."""
    options: Options = context.obj
    with told(options):
        if not RUN.fullmatch(run):
            raise InputError("run: is no run's name; give one as storekey runs shows it, 20261124T084200Z-incremental")
        stack = open_for(options, resource)
        backfills = Backfills(stack)
        exports = backfills.exports
        place, manifest = _found(backfills, run, resource)
        key = manifest_key(stack.settings.store_name, place, run)
        found = _differences(exports, manifest, key)
        _tell(options, {"run": run, "resource": place}, manifest, found)
        if found:
            raise typer.Exit(DIFFERS)


def _found(backfills: Backfills, run: str, resource: str | None) -> tuple[str, Mapping[str, Any]]:
    """Find the one manifest of a run."""
    exports = backfills.exports
    tried = {place: exports.manifest(place, run) for place in ([resource] if resource else RESOURCES)}
    found = {place: manifest for place, manifest in tried.items() if manifest is not None}
    if len(found) > 1:
        raise InputError(f"run: {run} is one of {' and of '.join(found)}; tell which with --resource")
    for place, manifest in found.items():
        return place, manifest
    unfinished = [open_ for place in tried for open_ in (exports.state(place).open, backfills.known(place).plan)]
    if any(one and one.id == run for one in unfinished):
        raise InputError(f"run: {run} is not finished yet; storekey runs shows how far it is")
    raise InputError(f"run: {run} is no finished run of {', '.join(tried)}; storekey runs shows those that are")


def _differences(exports: Exports, manifest: Mapping[str, Any], key: str) -> list[Difference]:
    """Verify a run, with a bar on a terminal."""
    parts = exports.parts(prefix_of(manifest) or key)
    console = Console(stderr=True)
    columns = (BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=_bytes(manifest))
        return differences(manifest, parts, key=key, advance=lambda size: progress.advance(task, size))


def _parts(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the parts that a manifest states, whatever else it says."""
    parts = manifest.get("parts")
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _bytes(manifest: Mapping[str, Any]) -> int:
    sizes = (part.get("bytes") for part in _parts(manifest))
    return sum(size for size in sizes if isinstance(size, int))


def _tell(options: Options, run: Mapping[str, str], manifest: Mapping[str, Any], found: list[Difference]) -> None:
    """Show each part and whether it holds, then each difference, then the sum of it."""
    parts = _parts(manifest)
    counts = manifest.get("counts")
    summary = {
        "result": "differs" if found else "holds",
        **run,
        "parts": len(parts),
        "rows": manifest.get("rows"),
        "bytes": _bytes(manifest),
        "counts": counts.get("verdict") if isinstance(counts, dict) else None,
    }
    if options.as_json:
        answer(options, {**summary, "differences": [asdict(one) for one in found]})
        return
    wrong = {one.part for one in found}
    show(table(_PARTS, [_row(part, wrong) for part in parts]))
    if found:
        show(table(_DIFFERENCES, [_cells(one) for one in found]))
    answer(options, summary)


def _row(part: Mapping[str, Any], wrong: set[str]) -> list[str]:
    key = str(part.get("key"))
    ids = f"{part.get('first_id')} to {part.get('last_id')}" if part.get("rows") else "-"
    return [_name(key), f"{part.get('rows')}", f"{part.get('bytes')}", ids, "differs" if key in wrong else "holds"]


def _cells(one: Difference) -> list[str]:
    line = "" if one.line is None else f"{one.line}" + (f" and {one.more} more" if one.more else "")
    return [_name(one.part), one.field, line, one.expected, one.found]


def _name(key: str) -> str:
    return key.rpartition("/")[2]
