"""How a backfill is followed: a bar and the ranges at work on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from .answers import table
from .backfills import Backfills, Range
from .exports import Execution
from .following import span
from .tracking import Tracker, ids_of, name_of, words_of

_POLL_SECONDS = 3.0
_LINE_SECONDS = 30.0
# So long nothing moves when the store's hourly quota is spent, its credentials are refused, or the state of a range got
# lost and the machine waits before it plans anew; only the credentials are told of.
_STILL_SECONDS = 60.0
_ROWS = 12
_COLUMNS = {"range": "number", "ids": "name", "rows": "number", "since": "number"}

Show = Callable[[Sequence[Range], str], None]


def look(backfills: Backfills, resource: str, tracker: Tracker, all_of_them: bool = False) -> list[Range]:
    """See how far a backfill is, and return the ranges that are done by now."""
    tracker.expect(backfills.known(resource).plan)
    return tracker.take(backfills.ranges(tracker.plan, tracker.due(all_of_them))) if tracker.plan else []


def follow(backfills: Backfills, arn: str, resource: str, tracker: Tracker, timeout: float) -> Execution:
    """Follow an execution until it is over, or ``timeout`` seconds have passed, or the operator has seen enough."""
    ends, trouble = time.monotonic() + timeout, _Trouble(backfills)
    execution = backfills.execution(arn, resource)
    try:
        with _display(resource, tracker) as show:
            while execution.running and (left := ends - time.monotonic()) > 0:
                show(look(backfills, resource, tracker), trouble(tracker.still))
                time.sleep(min(_POLL_SECONDS, left))
                execution = backfills.execution(arn, resource)
            if not execution.running:
                show(look(backfills, resource, tracker, all_of_them=True), "")
    except KeyboardInterrupt:
        pass  # the execution does not mind; the caller sees that it is running, and says so
    return execution


class _Trouble:
    """Whether the credentials are why nothing moves; asked for now and then, and only while nothing does."""

    def __init__(self, backfills: Backfills) -> None:
        self._backfills = backfills
        self._due = 0.0
        self._told = ""

    def __call__(self, still: float) -> str:
        if still < _STILL_SECONDS:
            return ""
        if time.monotonic() >= self._due:
            why = self._backfills.trouble()
            self._told = f"{why}; the backfill waits for the secret: storekey credentials set" if why else ""
            self._due = time.monotonic() + _LINE_SECONDS
        return self._told


@contextmanager
def _display(resource: str, tracker: Tracker) -> Iterator[Show]:
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _lines(console, resource, tracker)
        return
    columns = (SpinnerColumn(), TextColumn(resource), BarColumn(None), TaskProgressColumn(), TimeElapsedColumn())
    progress = Progress(*columns, console=console, expand=True)
    task = progress.add_task("", total=None)
    with Live(progress, console=console, transient=True) as live:

        def show(_ended: Sequence[Range], trouble: str) -> None:
            totals = tracker.totals
            if totals and (totals.count or totals.ranges):
                progress.update(task, total=1.0, completed=totals.share)
            live.update(Group(progress, *_below(tracker, trouble)), refresh=True)

        yield show


def _below(tracker: Tracker, trouble: str) -> Iterator[RenderableType]:
    yield Text(words_of(tracker.totals))
    if trouble:
        yield Text(trouble, "yellow")
    if tracker.plan and tracker.at_work:
        shown = tracker.at_work[:_ROWS]
        plan, now = tracker.plan, time.time()
        rows = [
            [
                f"{one.number}" if one.number < len(plan.ranges) else "tail",
                ids_of(plan, one.number),
                f"{one.rows:,}",
                span(max(0.0, now - one.since)),
            ]
            for one in shown
        ]
        yield table(_COLUMNS, rows)
        if len(tracker.at_work) > len(shown):
            yield Text(f"and {len(tracker.at_work) - len(shown)} more")


def _lines(console: Console, resource: str, tracker: Tracker) -> Show:
    due, told = time.monotonic(), ""

    def line(text: str) -> None:
        console.print(f"storekey: {resource}: {text}", soft_wrap=True, markup=False)

    def show(ended: Sequence[Range], trouble: str) -> None:
        nonlocal due, told
        for one in ended:
            if tracker.plan:
                name, ids = name_of(tracker.plan, one.number), ids_of(tracker.plan, one.number)
                line(f"{name} done, ids {ids}, {one.rows:,} rows")
        if trouble and trouble != told:
            line(trouble)
        told = trouble
        if time.monotonic() >= due:
            line(words_of(tracker.totals))
            due = time.monotonic() + _LINE_SECONDS

    return show
