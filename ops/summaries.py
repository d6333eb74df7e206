"""What the commands that run exports share: which resource, why one failed, and what one made that is finished."""

from __future__ import annotations

from typing import Any

from storekey.exports import RESOURCES

from .answers import Options, answer
from .exports import Execution, Exports
from .sources import InputError
from .stack import Stack, StackError

ANY_RESOURCE = "orders, customers or products."
REFUSED_WHY = "the store does not accept the credentials, or there are none"


def open_for(options: Options, resource: str | None) -> Stack:
    """Find the stack, once the resource is one."""
    if resource is not None and resource not in RESOURCES:
        raise InputError(f"resource: is none of those that can be exported; give one of {', '.join(RESOURCES)}")
    return options.open()


def reason(execution: Execution, do: str, again: str) -> str:
    """Tell why an execution failed, and what to ``do`` again."""
    if execution.refused:
        return f"refused: {REFUSED_WHY}; give new ones with storekey credentials set, then {do} again"
    if execution.status == "ABORTED":
        return f"was stopped by somebody; {do} again, it goes on where it stopped"
    why = ": ".join(filter(None, (execution.error, execution.cause))) or execution.status.lower()
    return f"failed ({why}); {do} again, it goes on where it stopped; {again} shows what is open"


def summarize(options: Options, exports: Exports, execution: Execution, resource: str) -> None:
    """Show the run that an execution finished."""
    key = execution.answer.get("manifest")
    if not key:
        answer(options, {"result": "nothing to do", "resource": resource, "run": None})
        return
    manifest = exports.manifest_at(key)
    if not manifest:
        raise StackError(f"manifest: {key} is not there, though the export is finished; look at the bucket's rules")
    window, counts = manifest["window"], manifest["counts"]
    summary: dict[str, Any] = {name: manifest[name] for name in ("resource", "run", "rows", "requests")}
    if "ranges" in manifest:
        summary["ranges"] = len(manifest["ranges"]) - 1  # the last of them is the tail
    summary = {"result": "finished", **summary}
    shown = {
        **summary,
        "window": f"{window['from'] or 'everything'} to {window['to']}",
        "counts": f"{counts['verdict']}: {counts['explanation']}",
        "manifest": key,
    }
    answer(options, {**summary, "window": window, "counts": counts, "manifest": key}, shown=shown)
