"""What is drawn of a series, and how numbers and times are written."""

from __future__ import annotations

import pytest

from ops.measures import Series, Span
from ops.parts import Plot
from ops.plots import HEIGHT, WIDTH, drawn
from ops.status_text import sparkline
from ops.texts import ago, clock, number, span

HOUR = Span(0.0, 3600.0, 600)  # six periods
WIDE = WIDTH / 6


def plot(style: str, *points: tuple[float, float], **more: float) -> Plot:
    return Plot("Title", "ms", HOUR, {"one": Series(points)}, style, **more)  # type: ignore[arg-type] # as they come


def test_a_line_goes_through_the_middles_of_periods_and_has_gaps_and_dots() -> None:
    (shape,) = drawn(plot("line", (0, 5.0), (600, 10.0), (1800, 0.0))).shapes
    assert shape.path == f"M{WIDE / 2:.1f} {HEIGHT / 2}L{WIDE * 1.5:.1f} 0.0"
    assert shape.dots == f"M{WIDE * 3.5:.1f} {HEIGHT:.1f}h0.01"
    assert (shape.colour, shape.is_filled) == ("series1", False)


def test_bars_of_several_series_stand_side_by_side_and_zero_has_none() -> None:
    both = {"one": Series(((0, 10.0), (600, 0.0))), "two": Series(((0, 5.0),))}
    one, two = drawn(Plot("Title", "", HOUR, both, "bars")).shapes
    assert one.path == f"M0.0 {HEIGHT}V0.0h{WIDE * 0.4:.1f}V{HEIGHT}z"
    assert two.path == f"M{WIDE * 0.4:.1f} {HEIGHT}V{HEIGHT / 2}h{WIDE * 0.4:.1f}V{HEIGHT}z"
    assert (one.colour, two.colour, two.is_filled) == ("series1", "series2", True)


def test_a_band_holds_until_the_next_point_as_the_alarm_does() -> None:
    good, bad = drawn(plot("band", (600, 0.0), (1200, 1.0), (1800, 0.0))).shapes
    assert good.path.count("z") == 2
    assert good.path.endswith(f"M{WIDE * 3:.1f} 0H{WIDTH:.1f}V{HEIGHT}H{WIDE * 3:.1f}z")
    assert bad.path == f"M{WIDE * 2:.1f} 0H{WIDE * 3:.1f}V{HEIGHT}H{WIDE * 2:.1f}z"
    assert (good.label, good.colour, bad.label, bad.colour) == ("accepted", "good", "refused", "bad")
    (only,) = drawn(plot("band", (0, 1.0))).shapes
    assert only.label == "refused"


@pytest.mark.parametrize(
    ("most", "top"), [(0.0, 1.0), (0.3, 0.5), (1.0, 1.0), (1.1, 2.0), (21.0, 25.0), (99.0, 100.0), (251.0, 500.0)]
)
def test_the_top_is_a_round_number_above_all_values(most: float, top: float) -> None:
    assert drawn(plot("line", (0, most))).top == top


def test_a_limit_is_in_sight() -> None:
    drawing = drawn(plot("line", (0, 10.0), limit=20.0))
    assert (drawing.top, drawing.limit_y) == (20.0, 0.0)
    assert drawn(plot("line", (0, 10.0))).limit_y is None


def test_nothing_is_drawn_of_nothing() -> None:
    assert plot("line").is_empty
    assert drawn(plot("line")).shapes == drawn(plot("band")).shapes == ()


def test_a_sparkline_has_a_blank_where_there_is_no_data() -> None:
    line = sparkline(Series(((0, 0.0), (1800, 5.0), (3599, 10.0))), HOUR)
    assert (len(line), line[0], line[16], line[31]) == (32, "▁", "▅", "█")
    assert line.count(" ") == 29
    assert sparkline(Series(((0, 3.0),)), HOUR)[0] == "█"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "ms", "no data"),
        (0.0, "", "0"),
        (1.25, "ms", "1.2 ms"),
        (123.4, "%", "123 %"),
        (1_000_000.0, "", "1,000,000"),
        (3, "days", "3 days"),
    ],
)
def test_numbers(value: float | None, unit: str, text: str) -> None:
    assert number(value, unit) == text


def test_spans_and_moments() -> None:
    assert [span(each) for each in (None, 0, 119, 120, 7199, 7200, 172_800)] == [
        "no data",
        "0 s",
        "119 s",
        "2 min",
        "120 min",
        "2 h",
        "2 d",
    ]
    assert clock(1_795_854_600) == "2026-11-28 08:30 UTC"
    assert (ago(None, 5.0), ago(0.0, 5.0), ago(9.0, 5.0)) == ("no data", "5 s ago", "0 s ago")


def test_a_span_is_whole_periods_that_a_plot_can_show() -> None:
    day = Span.of_hours(24, 1_795_854_601.0)
    assert (day.period, day.end - day.begin, day.end % day.period) == (900, 86_400, 0)
    assert day.end > 1_795_854_601 > day.end - day.period
    assert Span.of_hours(1, 0.0).period == 60
    assert Span.of_hours(168, 0.0).period == 6300
