"""The status of a stack on a terminal."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .measures import Series, Span
from .parts import Part, Plot, Status
from .texts import clock, span

_BLOCKS = "▁▂▃▄▅▆▇█"
_WIDTH = 32
_TONES = {"": "", "good": "green", "bad": "bold red"}


def rendered(status: Status) -> RenderableType:
    """Return all of it: the verdict, what is wrong, and each part with small plots."""
    wrong = status.wrong
    verdict = Text(f"{status.store}: {verdict_of(wrong)}", "bold red" if wrong else "bold green")
    where = Text(
        f"stack {status.stack}, {status.region}, {clock(status.at)}, the last {span(status.hours * 3600)}", "dim"
    )
    lines = [Text(_clean(f"- {line}"), "red") for line in wrong]
    return Group(verdict, where, *lines, Text(), *(_part(part) for part in status.parts))


def verdict_of(wrong: list[str]) -> str:
    """Say in a few words whether anything is wrong."""
    return "all well" if not wrong else "1 thing is wrong" if len(wrong) == 1 else f"{len(wrong)} things are wrong"


def sparkline(series: Series, over: Span, worst: Callable[[float, float], float] = max) -> str:
    """Draw a series in one line, of the worst values; a blank where there is no data."""
    least, most = series.least or 0.0, series.most or 0.0
    cells: list[float | None] = [None] * _WIDTH
    for at, value in series.points:
        cell = min(_WIDTH - 1, max(0, int((at - over.begin) / (over.end - over.begin) * _WIDTH)))
        before = cells[cell]
        cells[cell] = value if before is None else worst(value, before)
    return "".join(" " if value is None else _block(value, min(0.0, least), most) for value in cells)


def _clean(text: str) -> str:
    """Leave out what a terminal would obey: descriptions and messages come from elsewhere."""
    return "".join(each for each in text if each.isprintable())


def _block(value: float, least: float, most: float) -> str:
    share = (value - least) / (most - least) if most > least else 0.0
    return _BLOCKS[round(share * (len(_BLOCKS) - 1))]


def _part(part: Part) -> RenderableType:
    rows = Table(show_header=False, box=None, padding=(0, 2, 0, 0), title=part.title, title_justify="left")
    rows.title_style = "bold"
    rows.add_column(style="dim", min_width=14)
    rows.add_column(overflow="fold")
    if part.unread:
        rows.add_row("cannot be read", Text(_clean(part.unread), "red"))
    for fact in part.facts:
        rows.add_row(fact.label, Text(_clean(fact.text), _TONES[fact.tone]))
    for plot in part.plots:
        for label, series in _drawn(plot):
            rows.add_row(label, Text(series))
    return Group(rows, Text())


def _drawn(plot: Plot) -> list[tuple[str, str]]:
    """One line for each series; the plots of a part share what they begin and end with."""
    return [
        (f"{plot.title.lower()}, {label}" if len(plot.series) > 1 else plot.title.lower(), drawn)
        for label, series in plot.series.items()
        if (drawn := sparkline(series, plot.span, plot.worst)).strip()
    ]
