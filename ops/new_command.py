"""The command that makes a function of the team's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .answers import Options, answer, told
from .new_function import NewFunction

ROOT = Path(__file__).parents[1]


def new(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it does, as in recent_orders.")],
    schedule: Annotated[
        str, typer.Option(help="When it runs by itself: rate(1 hour), or cron(0 6 ? * MON-FRI *) in UTC.")
    ] = "",
) -> None:
    """Make a function of your own in this clone: its code, its block in template.yaml and its test; needs no AWS."""
    options: Options = context.obj
    with told(options):
        made = NewFunction(name, schedule)
        made.make(ROOT)
        commands = [f".venv/bin/python -m pytest -n 0 {made.test}", "make deploy"]
        facts = {"result": "made", "code": made.code, "test": made.test, "template": "template.yaml"}
        shown = {**facts, "template": f"template.yaml: {', '.join(made.resources)}"}
        answer(options, {**facts, "resources": made.resources, "next": commands}, shown=shown)
    if not options.as_json:
        print("\nNow change it, run its test, and deploy it (docs/your-own-function.md):\n")
        print("\n".join(f"  {command}" for command in commands))
