"""The runs of a stack: those that are finished, those that are open, and what is failing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from .answers import show, table
from .exports import Exports, State
from .following import span, words_of

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
class Listing:
    """Finished runs, the newest first, each with what its manifest states; and the state of each resource."""

    runs: Sequence[Mapping[str, Any]]
    states: Mapping[str, State]

    def as_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        states = [{"resource": resource, **asdict(state)} for resource, state in self.states.items()]
        return {"runs": list(self.runs), "resources": states}

    def show(self) -> None:
        """Print the runs as a table, and a few lines for each resource."""
        if self.runs:
            show(table(_COLUMNS, [_cells(run) for run in self.runs]))
        else:
            show("no finished run; storekey export makes one")
        for resource, state in self.states.items():
            for line in _lines(state):
                show(f"{resource}: {line}")


def listed(exports: Exports, resources: Sequence[str], limit: int) -> Listing:
    """Find the newest finished runs of all resources together, and the state of each resource."""
    found = sorted(((run, resource) for resource in resources for run in exports.runs(resource, limit)), reverse=True)
    runs = [_run(exports, resource, run) for run, resource in found[:limit]]
    return Listing(runs, {resource: exports.state(resource) for resource in resources})


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
