"""How an export is followed: a bar on a terminal, a line every so often elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from .exports import Execution, Exports, State

_POLL_SECONDS = 1.0
_LINE_SECONDS = 30.0

Show = Callable[[State], None]


def follow(exports: Exports, arn: str, resource: str, timeout: float) -> Execution:
    """Follow an execution until it is over, or ``timeout`` seconds have passed, or the operator has seen enough."""
    ends = time.monotonic() + timeout
    execution = exports.execution(arn)
    try:
        with _display(resource) as show:
            while execution.running and (left := ends - time.monotonic()) > 0:
                show(exports.state(resource))
                time.sleep(min(_POLL_SECONDS, left))
                execution = exports.execution(arn)
    except KeyboardInterrupt:
        pass  # the execution does not mind; the caller sees that it is running, and says so
    return execution


def words_of(state: State) -> str:
    """Tell in a few words how far a resource's open run has come."""
    words = []
    if state.open:
        of = f" of {state.open.total:,}" if state.open.total else ""
        words += [f"{state.open.rows:,}{of} rows", f"{state.open.requests:,} requests"]
        if state.open.quota_left is not None:
            words.append(f"quota left {state.open.quota_left:,}")
    else:
        words.append("no open run")
    if state.lag_seconds is not None:
        words.append(f"lag {span(state.lag_seconds)}")
    return ", ".join(words)


def span(seconds: float) -> str:
    """Write a span of time in its largest unit."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


@contextmanager
def _display(resource: str) -> Iterator[Show]:
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _lines(console, resource)
        return
    columns = (
        SpinnerColumn(),
        TextColumn(resource),
        BarColumn(bar_width=12),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield _bar(progress)


def _bar(progress: Progress) -> Show:
    task = progress.add_task("", total=None, words="starting")

    def show(state: State) -> None:
        run = state.open
        total = max(run.total, run.rows) if run and run.total else None
        progress.update(task, total=total, completed=run.rows if run else 0, words=words_of(state))

    return show


def _lines(console: Console, resource: str) -> Show:
    due = time.monotonic()

    def show(state: State) -> None:
        nonlocal due
        if time.monotonic() >= due:
            console.print(f"storekey: {resource}: {words_of(state)}", soft_wrap=True, markup=False)
            due = time.monotonic() + _LINE_SECONDS

    return show
