"""The commands of the webhooks: make them what they must be, look at them, try dead letters again, take hooks away."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .answers import REFUSED, STILL_RUNNING, Options, agreed, answer, fail, told
from .hook_status import show_hooks, shown_of, status_of
from .hooks import Standing, Webhooks
from .redriving import Redrive
from .stack import StackError

_DONE = ("created", "updated", "enabled", "deleted")
_LISTED = ("url", "hooks", "missing", "blocked", "detail")
_OFF = "deploy with WebhooksEnabled=false now; the next sync would make them again"

hooks = typer.Typer(no_args_is_help=True, help="Keep the store's webhooks, and look after what they bring.")


@hooks.command()
def sync(context: typer.Context) -> None:
    """Make the store's webhooks those that the stack wants, and tell what the store did not take."""
    options: Options = context.obj
    with told(options):
        standing = Webhooks(options.open()).call()
        _tell(options, standing, "incomplete" if standing.incomplete else "complete")
        if standing.incomplete:
            raise typer.Exit(REFUSED)


@hooks.command("list")
def list_hooks(context: typer.Context) -> None:
    """Show all webhooks of the account, wherever they deliver to; nothing is changed."""
    options: Options = context.obj
    with told(options):
        standing = Webhooks(options.open()).call("list")
        if not options.as_json:
            show_hooks(standing)
        known = standing.as_json()
        answer(options, {name: known[name] for name in _LISTED}, shown=shown_of(standing))
        if standing.trouble:
            raise typer.Exit(REFUSED)


@hooks.command()
def status(context: typer.Context) -> None:
    """Show the webhooks, the queue, dead letters, what came in and went out, and alarms; exit 1 if one is wrong."""
    options: Options = context.obj
    with told(options):
        stack = options.open()
        found = status_of(Webhooks(stack), f"storekey --stack {stack.name}")
        if not options.as_json:
            show_hooks(found.standing)
        answer(options, found.facts, shown=found.shown)
        if found.wrong:
            raise typer.Exit(REFUSED)


@hooks.command()
def redrive(
    context: typer.Context,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to follow it; it goes on after that.")] = 60.0,
) -> None:
    """Have the dead letters tried again: SQS moves them back into the queue."""
    options: Options = context.obj
    with told(options):
        stack = options.open()
        dead, way_back = Webhooks(stack).backlog("WebhookDeadLetterQueueUrl"), Redrive(stack)
        if not dead.waiting and not way_back.running():
            answer(options, {"result": "nothing to redrive", "dead_letters": 0, "moved": 0})
            return
        task, again = way_back.run(timeout), f"storekey --stack {stack.name} hooks"
        total = dead.waiting if task.total is None else task.total
        if task.running:
            so_far = f"{task.moved:,} of {total:,} dead letters moved so far"
            fail(options, f"redrive: {so_far}, SQS goes on; follow it with {again} redrive", STILL_RUNNING)
        if task.status != "COMPLETED":
            why = f"{task.status.lower()}{f' ({task.failure})' if task.failure else ''} after {task.moved:,} messages"
            raise StackError(f"redrive: {why}; mend what it names, then try again, the others are still there")
        moved = {"result": "moved", "dead_letters": total, "moved": task.moved}
        answer(options, moved, shown={**moved, "detail": f"they are tried again; {again} status shows what is left"})


@hooks.command()
def remove(
    context: typer.Context, yes: Annotated[bool, typer.Option("--yes", help="Remove without being asked.")] = False
) -> None:
    """Delete this stack's webhooks at the store; to be run before webhooks are turned off in the stack."""
    options: Options = context.obj
    with told(options):
        webhooks = Webhooks(options.open())
        standing = webhooks.call("list")
        _check(options, standing)
        count = len(standing.ours)
        if not count:
            _tell(options, standing, "nothing to remove", _OFF)
            return
        if not yes and not agreed(f"remove {count} webhooks that deliver to {standing.url}", "hooks remove"):
            _tell(options, standing, "kept")
            return
        standing = webhooks.call("remove")
        _check(options, standing)
        _tell(options, standing, "incomplete" if standing.ours else "removed", "" if standing.ours else _OFF)
        if standing.ours:
            raise typer.Exit(REFUSED)


def _check(options: Options, standing: Standing) -> None:
    if standing.trouble:
        fail(options, f"nothing was removed: {standing.trouble}", REFUSED)


def _tell(options: Options, standing: Standing, result: str, next_step: str = "") -> None:
    """Show what was done, and how the hooks stand."""
    known = standing.as_json()
    if not options.as_json:
        show_hooks(standing)
    facts: dict[str, Any] = {"result": result, **known}
    failed = {"failed": standing.failed} if standing.failed else {}
    further = {"next": next_step} if next_step else {}
    done = {name: known[name] for name in _DONE}
    answer(options, facts, shown={"result": result, **done, **failed, **shown_of(standing), **further})
