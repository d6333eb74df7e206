"""The command of the backfills: run one, ask what one would take, give one up."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer

from .answers import FAILED, STILL_RUNNING, Options, answer, fail, told
from .backfill_following import follow, look
from .backfills import Backfills
from .dry_runs import dry_run
from .exports import REFUSED_KINDS, check_exported
from .sources import InputError
from .stack import FunctionFailed, StackError
from .summaries import ANY_RESOURCE, REFUSED_WHY, open_for, reason, summarize
from .tracking import Tracker, words_of

_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.5


def backfill(
    context: typer.Context,
    resource: Annotated[str, typer.Argument(help=ANY_RESOURCE)],
    dry: Annotated[bool, typer.Option("--dry-run", help="Tell what it takes and costs; nothing is begun.")] = False,
    give_up: Annotated[bool, typer.Option("--give-up", help="Stop it, and give up what is unfinished.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Give up without being asked.")] = False,
    wait: Annotated[bool, typer.Option(help="Follow it until it is finished.")] = True,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to follow it; it goes on after that.")] = 86_400.0,
) -> None:
    """Export all of a resource in ranges of ids, several at once; goes on with an unfinished backfill."""
    options: Options = context.obj
    with told(options):
        _check(dry, give_up, yes)
        stack = open_for(options, resource)
        check_exported(stack, resource)
        backfills = Backfills(stack)
        try:
            if dry:
                dry_run(options, backfills, resource, stack.region, timeout)
            elif give_up:
                _give_up(options, backfills, resource, yes)
            else:
                _run(options, backfills, resource, wait, timeout, f"storekey --stack {stack.name}")
        except FunctionFailed as error:
            _tell(options, resource, error)


def _check(dry: bool, give_up: bool, yes: bool) -> None:
    if dry and give_up:
        raise InputError("--give-up: does not go with --dry-run, which begins nothing; give one of the two")
    if yes and not give_up:
        raise InputError("--yes: answers what --give-up asks; give both, or neither")


def _run(options: Options, backfills: Backfills, resource: str, wait: bool, timeout: float, command: str) -> None:
    """Start a backfill, or find the one that runs, and follow it."""
    tracker, found = Tracker(), backfills.running(resource)
    look(backfills, resource, tracker, all_of_them=True)
    arn = found or backfills.start(resource)
    name, doing = arn.rpartition(":")[2], "is running already" if found else "started"
    follow_it = f"{command} backfill {resource}"
    if not wait:
        result = {"result": doing, "execution": name, "run": tracker.plan.id if tracker.plan else None}
        answer(options, {**result, "follow": follow_it})
        return
    print(f"storekey: {f'following {name}, which {doing}' if found else f'started {name}'}", file=sys.stderr)
    if tracker.plan:
        goes_on = "is at" if found else "goes on with"
        print(f"storekey: {resource}: {goes_on} {tracker.plan.id}: {words_of(tracker.totals)}", file=sys.stderr)
    execution = follow(backfills, arn, resource, tracker, timeout)
    if execution.running:
        fail(options, f"{resource}: {name} is still running, and goes on; follow it with {follow_it}", STILL_RUNNING)
    if execution.status != "SUCCEEDED":
        fail(options, f"{resource}: {reason(execution, 'backfill', f'{command} runs {resource}')}", FAILED)
    summarize(options, backfills.exports, execution, resource)


def _give_up(options: Options, backfills: Backfills, resource: str, yes: bool) -> None:
    """Stop the execution that runs, and give the unfinished plan up."""
    tracker, arn = Tracker(), backfills.running(resource)
    look(backfills, resource, tracker, all_of_them=True)
    if not arn and not tracker.plan:
        answer(options, {"result": "nothing to give up", "resource": resource, "run": None})
        return
    name = arn.rpartition(":")[2] if arn else None
    run, how_far = tracker.plan.id if tracker.plan else None, words_of(tracker.totals)
    if not yes and not _agreed(f"give up {run or name} of {resource} ({how_far})"):
        answer(options, {"result": "kept", "resource": resource, "run": run})
        return
    if arn:
        _stop(backfills, arn)
    given_up = backfills.call(resource, abandon=True)
    totals = tracker.totals
    facts: dict[str, Any] = {
        "result": "given up",
        "resource": resource,
        "run": given_up.get("run") or run,
        "stopped": name,
        "ranges": totals.ranges if totals else 0,
        "ranges_done": totals.done if totals else 0,
        "rows": totals.rows if totals else 0,
    }
    kept = "finished runs are as they were; what this one has written has no manifest, and does not count"
    answer(options, facts, shown={**facts, "kept": kept})


def _agreed(what: str) -> bool:
    print(f"storekey: {what}? [y/N] ", end="", file=sys.stderr, flush=True)
    typed = sys.stdin.readline()
    if not typed:
        print(file=sys.stderr)
        raise InputError("--give-up: asks whether it is meant; answer y, or give --yes as well")
    return typed.strip().lower() in ("y", "yes")


def _stop(backfills: Backfills, arn: str) -> None:
    backfills.stop(arn)
    ends = time.monotonic() + _STOP_SECONDS
    while backfills.execution(arn).running:
        if time.monotonic() > ends:
            raise StackError("execution: does not stop; look at it in Step Functions, then give up again")
        time.sleep(_POLL_SECONDS)


def _tell(options: Options, resource: str, error: FunctionFailed) -> None:
    """Tell what the function raised, with the remedy for what needs one."""
    if error.kind in REFUSED_KINDS:
        fail(options, f"{resource}: {REFUSED_WHY}; give new ones with storekey credentials set, then try again", FAILED)
    fail(options, f"{resource}: failed ({error.kind}: {error.message}); the log of the function says more", FAILED)
