"""The runs of a stack: those that are finished, those that are open, and what is failing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from .answers import show, table
from .backfill_following import look
from .backfills import Backfills
from .exports import Exports, State
from .following import span, words_of
from .items import Failing
from .tracking import Totals, Tracker
from .tracking import words_of as words_of_backfill

_COLUMNS = {
    "resource": "name",
    "run": "name",
    "rows": "number",
    "requests": "number",
    "took": "number",
    "counts": "text",
}
_STATED = ("rows", "requests", "started", "finished", "window", "counts")


@dataclass(frozen=True)
class OpenBackfill:
    """A backfill that is not finished, and how far it is; ``id`` is empty where one fails that has no plan yet."""

    id: str
    started: str | None
    totals: Totals | None
    failing: Failing | None


@dataclass(frozen=True)
class Listing:
    """Finished runs, the newest first, each with what its manifest states; and the state of each resource."""

    runs: Sequence[Mapping[str, Any]]
    states: Mapping[str, State]
    backfills: Mapping[str, OpenBackfill | None]

    def as_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        states = [
            {"resource": resource, **asdict(state), "backfill": _as_json(self.backfills[resource])}
            for resource, state in self.states.items()
        ]
        return {"runs": list(self.runs), "resources": states}

    def show(self) -> None:
        """Print the runs as a table, and a few lines for each resource."""
        if self.runs:
            show(table(_COLUMNS, [_cells(run) for run in self.runs]))
        else:
            show("no finished run; storekey export makes one")
        for resource, state in self.states.items():
            for line in [*_lines(state), *_lines_of_backfill(resource, self.backfills[resource])]:
                show(f"{resource}: {line}")


def listed(backfills: Backfills, resources: Sequence[str], limit: int) -> Listing:
    """Find the newest finished runs of all resources together, and the state of each resource."""
    exports = backfills.exports
    found = sorted(((run, resource) for resource in resources for run in exports.runs(resource, limit)), reverse=True)
    runs = [_run(exports, resource, run) for run, resource in found[:limit]]
    return Listing(
        runs,
        {resource: exports.state(resource) for resource in resources},
        {resource: _backfill(backfills, resource) for resource in resources},
    )


def _backfill(backfills: Backfills, resource: str) -> OpenBackfill | None:
    known, tracker = backfills.known(resource), Tracker()
    if not known.plan and not known.failing:
        return None
    look(backfills, resource, tracker, all_of_them=True)
    plan = tracker.plan
    return OpenBackfill(plan.id if plan else "", plan.started if plan else None, tracker.totals, known.failing)


def _as_json(backfill: OpenBackfill | None) -> dict[str, Any] | None:
    if backfill is None:
        return None
    known = asdict(backfill)
    return {**{name: value for name, value in known.items() if name != "totals"}, **(known["totals"] or {})}


def _run(exports: Exports, resource: str, run: str) -> dict[str, Any]:
    """Return what is told of a run; a manifest that cannot be read leaves gaps."""
    manifest = exports.manifest(resource, run) or {}
    return {"resource": resource, "run": run, **{name: manifest.get(name) for name in _STATED}}


def _cells(run: Mapping[str, Any]) -> list[str]:
    counts = run["counts"].get("verdict") if isinstance(run["counts"], dict) else "unreadable"
    return [run["resource"], run["run"], _number(run["rows"]), _number(run["requests"]), _took(run), str(counts)]


def _lines(state: State) -> list[str]:
    lines = [f"open {state.open.id}: {words_of(state)}; {_holder(state.open.leased)}"] if state.open else []
    if not state.open:
        lines.append(words_of(state))
    if state.failing:
        lines.append(f"failing since {state.failing.since}: {state.failing.error}: {state.failing.message}")
    return lines


def _lines_of_backfill(resource: str, backfill: OpenBackfill | None) -> list[str]:
    if backfill is None:
        return []
    how = f"storekey backfill {resource} follows it, or goes on with it"
    lines = [f"open {backfill.id}: {words_of_backfill(backfill.totals)}; {how}"] if backfill.id else []
    if failing := backfill.failing:
        lines.append(f"backfill failing since {failing.since}: {failing.error}: {failing.message}")
    return lines


def _holder(leased: int) -> str:
    return f"leased for {leased} s more" if leased else "no invocation holds it, the next export goes on with it"


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "-"


def _took(run: Mapping[str, Any]) -> str:
    try:
        begun, ended = (datetime.fromisoformat(run[name]) for name in ("started", "finished"))
    except (TypeError, ValueError):
        return "-"
    return span((ended - begun).total_seconds())
