"""How a backfill is given up: what runs is stopped, what is unfinished is dropped, and a noted failure forgotten."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from .answers import Options, agreed, answer
from .backfill_following import look
from .backfills import Backfills, Known
from .stack import StackError
from .tracking import Tracker, words_of

_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.5

_GIVEN_UP, _FINISHED, _FORGOTTEN, _STOPPED = "given up", "finished", "failure forgotten", "stopped"


def give_up(options: Options, backfills: Backfills, resource: str, yes: bool) -> None:
    """Stop all executions that run, and give up the unfinished plan, or forget a failure that was noted without one."""
    arns, before, tracker = backfills.running(resource), backfills.known(resource), Tracker()
    tracker.expect(before.plan)  # which may be finished by the time of the look
    look(backfills, resource, tracker, all_of_them=True)
    run = tracker.plan.id if tracker.plan else None
    if not (arns or run or before.failing):
        answer(options, {"result": "nothing to give up", "resource": resource, "run": None})
        return
    names = [arn.rpartition(":")[2] for arn in arns]
    if not yes and not agreed(_question(resource, run or ", ".join(names), tracker, before), "--give-up"):
        answer(options, {"result": "kept", "resource": resource, "run": run})
        return
    _stop(backfills, arns, resource)
    look(backfills, resource, tracker, all_of_them=True)
    answered = backfills.call(resource, abandon=True)
    result, run = outcome(answered, run, before, backfills.known(resource))
    totals = tracker.totals
    facts: dict[str, Any] = {
        "result": result,
        "resource": resource,
        "run": run,
        "stopped": names,
        "ranges": totals.ranges if totals else 0,
        "ranges_done": totals.done if totals else 0,
        "rows": totals.rows if totals else 0,
    }
    answer(options, facts, shown={**facts, "stopped": ", ".join(names) or None, **_told(result, resource, run, before)})


def _question(resource: str, what: str, tracker: Tracker, known: Known) -> str:
    if what:
        return f"give up {what} of {resource} ({words_of(tracker.totals)})"
    return f"forget that the backfill of {resource} failed ({known.failing})"


def _stop(backfills: Backfills, arns: Sequence[str], resource: str) -> None:
    for arn in arns:
        backfills.stop(arn)
    ends = time.monotonic() + _STOP_SECONDS
    for arn in arns:
        while backfills.execution(arn, resource).running:
            if time.monotonic() > ends:
                name = arn.rpartition(":")[2]
                raise StackError(f"execution: {name} does not stop; look at it in Step Functions, then give up again")
            time.sleep(_POLL_SECONDS)


def outcome(answered: Mapping[str, Any], run: str | None, before: Known, after: Known) -> tuple[str, str | None]:
    """Tell what came of it, and of which run."""
    if answered["abandoned"]:
        return _GIVEN_UP, answered["run"]
    if after.finished != before.finished:
        return _FINISHED, after.finished
    if run:
        return _GIVEN_UP, run  # by somebody else, just before
    return (_FORGOTTEN if before.failing else _STOPPED), None


def _told(result: str, resource: str, run: str | None, before: Known) -> dict[str, str]:
    """Say to persons what is left of it."""
    if result == _GIVEN_UP:
        left = f"the files that this one has written stay in the bucket under run={run}, without a manifest"
        return {"kept": f"finished runs are as they were; {left}, and are not counted"}
    if result == _FINISHED:
        return {"kept": f"it was finished before it could be given up, and counts; storekey runs {resource} shows it"}
    if result == _FORGOTTEN:
        return {"forgotten": f"{before.failing}; export-failed rings for it no more. There was no plan to give up"}
    return {"kept": "finished runs are as they were; this one had no plan yet, and has written nothing"}
