"""The status of a stack as one page that needs nothing beside itself: no script, no font, no request."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from .parts import Plot, Status
from .plots import HEIGHT, WIDTH, drawn
from .status_text import verdict_of
from .texts import clock, number, span

_TEMPLATES = Path(__file__).with_name("templates")
_MOST_ROWS = 24


def page(status: Status) -> str:
    """Return the page as HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - other commands do not wait for it

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"clock": clock, "number": number, "alarm": _alarm(status.stack)}
    return environment.get_template("status.html").render(
        status=status,
        wrong=status.wrong,
        verdict=verdict_of(status.wrong),
        hours=span(status.hours * 3600),
        drawn=drawn,
        latest=_latest,
        rows=_rows,
        times=_times,
        width=WIDTH,
        height=HEIGHT,
    )


def write(path: Path, text: str) -> None:
    """Put a page in its place, whole or not at all; a link stays one. Raises OSError."""
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "it is there and no file")
    whole = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        whole.write_text(text, encoding="utf-8")
        whole.replace(path)
    finally:
        whole.unlink(missing_ok=True)


def _alarm(stack: str) -> object:
    return lambda name: name.removeprefix(f"{stack}-")


def _latest(plot: Plot) -> str:
    """What a plot's heading says: the sum of bars, the newest value of a line."""
    if plot.style == "bars":
        return number(sum(each.total for each in plot.series.values()), plot.unit)
    values = [each.last for each in plot.series.values() if each.last is not None]
    return number(max(values), plot.unit) if values and plot.style == "line" else ""


def _rows(plot: Plot) -> Sequence[Sequence[str]]:
    """The newest values of a plot for its table: the time, then each series."""
    times = sorted({at for series in plot.series.values() for at, _ in series.points}, reverse=True)[:_MOST_ROWS]
    values = [dict(series.points) for series in plot.series.values()]
    return [[clock(at), *(number(each.get(at)) if at in each else "-" for each in values)] for at in times]


def _times(plot: Plot) -> list[str]:
    """What stands under a plot: its begin, its middle and its end; with dates where it is longer than a day."""
    over = plot.span
    first = 11 if over.end - over.begin <= 86_400 else 5
    return [clock(at)[first:16] for at in (over.begin, (over.begin + over.end) / 2, over.end)]
