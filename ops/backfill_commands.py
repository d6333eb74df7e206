"""The command of the backfills: run one, ask what one would take, give one up."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .answers import FAILED, STILL_RUNNING, Options, answer, fail, told
from .backfill_following import follow, look
from .backfills import Backfills
from .dry_runs import dry_run
from .exports import REFUSED_KINDS, check_exported
from .giving_up import give_up as give_it_up
from .sources import InputError
from .stack import FunctionFailed
from .summaries import ANY_RESOURCE, REFUSED_WHY, open_for, reason, summarize
from .tracking import Tracker, words_of


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
        if not give_up:
            check_exported(stack, resource)
        backfills = Backfills(stack)
        try:
            if dry:
                dry_run(options, backfills, resource, stack.region, timeout)
            elif give_up:
                give_it_up(options, backfills, resource, yes)
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
    tracker, found = Tracker(), next(iter(backfills.running(resource)), None)
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


def _tell(options: Options, resource: str, error: FunctionFailed) -> None:
    """Tell what the function raised, with the remedy for what needs one."""
    if error.kind in REFUSED_KINDS:
        fail(options, f"{resource}: {REFUSED_WHY}; give new ones with storekey credentials set, then try again", FAILED)
    fail(options, f"{resource}: failed ({error.kind}: {error.message}); the log of the function says more", FAILED)
