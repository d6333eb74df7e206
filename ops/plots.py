"""Plots as the paths of an SVG that may be stretched: what is text stands around it, legible at any width.

A library would bring its own fonts, scripts or a megabyte of Python for three shapes (docs/decisions/0012).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from .measures import Series, Span
from .parts import Plot

WIDTH, HEIGHT = 960, 120
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Shape:
    """What is drawn of a series: a path in the units of the view box, dots for points alone, and its colour's name."""

    label: str
    path: str
    colour: str
    is_filled: bool = False
    dots: str = ""


@dataclass(frozen=True)
class Drawing:
    """A plot, drawn: its shapes, the value at its top edge, and where its limit lies, from the top."""

    shapes: tuple[Shape, ...]
    top: float
    limit_y: float | None = None


def drawn(plot: Plot) -> Drawing:
    """Draw a plot; the bottom edge is 0."""
    if plot.style == "band":
        return Drawing(tuple(_bands(plot)), 1.0)
    top = _top([*(each.most or 0.0 for each in plot.series.values()), plot.limit or 0.0])
    shapes = tuple(
        _shape(plot, top, label, number) for number, (label, series) in enumerate(plot.series.items()) if series.points
    )
    return Drawing(shapes, top, None if plot.limit is None else _y(plot.limit, top))


def _shape(plot: Plot, top: float, label: str, number: int) -> Shape:
    series, colour = plot.series[label], f"series{number + 1}"
    if plot.style == "bars":
        return Shape(label, _bars(series, plot.span, top, number, len(plot.series)), colour, is_filled=True)
    line, dots = _line(series, plot.span, top)
    return Shape(label, line, colour, dots=dots)


def _top(values: list[float]) -> float:
    """Return a round number that is not below any value."""
    most = max(values)
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in _STEPS if step * power >= most * 0.999)


def _x(at: float, over: Span) -> float:
    return round((at - over.begin) / (over.end - over.begin) * WIDTH, 2)


def _y(value: float, top: float) -> float:
    return round(HEIGHT - max(0.0, min(value, top)) / top * HEIGHT, 2)


def _line(series: Series, over: Span, top: float) -> tuple[str, str]:
    """Lines through the middles of periods that follow one another, and dots for those that are alone."""
    runs: list[list[str]] = []
    before = -math.inf
    for at, value in series.points:
        if at - before > over.period * 1.5:
            runs.append([])
        runs[-1].append(f"{_x(at + over.period / 2, over)} {_y(value, top)}")
        before = at
    lines = ("M" + "L".join(run) for run in runs if len(run) > 1)
    dots = (f"M{run[0]}h0.01" for run in runs if len(run) == 1)
    return "".join(lines), "".join(dots)


def _bars(series: Series, over: Span, top: float, number: int, of: int) -> str:
    """Bars in a period's width, those of several series side by side."""
    period = over.period / (over.end - over.begin) * WIDTH
    wide = round(period * 0.8 / of, 2)
    bars = ((round(_x(at, over) + wide * number, 2), _y(value, top)) for at, value in series.points if value)
    return "".join(f"M{x} {HEIGHT}V{y}h{wide}V{HEIGHT}z" for x, y in bars)


def _bands(plot: Plot) -> Iterator[Shape]:
    """Good where the gauge was 0, bad where it was 1; each holds until the next point, as the alarm does."""
    (series,) = plot.series.values()
    ends = [*(at for at, _ in series.points[1:]), plot.span.end]
    for colour, wanted in (("good", False), ("bad", True)):
        spans = [(at, end) for (at, value), end in zip(series.points, ends, strict=False) if bool(value) is wanted]
        path = "".join(
            f"M{_x(begin, plot.span)} 0H{_x(end, plot.span)}V{HEIGHT}H{_x(begin, plot.span)}z" for begin, end in spans
        )
        if path:
            yield Shape("refused" if wanted else "accepted", path, colour, True)
