"""What the status of a stack is made of, whether a terminal, a page or a script shows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .measures import Series, Span

Tone = Literal["", "good", "bad"]
Style = Literal["line", "bars", "band"]


@dataclass(frozen=True)
class Fact:
    """One thing that is told: ``value`` for scripts, ``text`` for persons, ``tone`` whether it is good or bad."""

    name: str
    value: Any
    text: str
    tone: Tone = ""

    @property
    def label(self) -> str:
        """The name as persons read it: its unit stands in the text."""
        words = re.sub(r"_(ms|percent|seconds|days)$", "", self.name).replace("_", " ")
        return words[:1].upper() + words[1:]


@dataclass(frozen=True)
class Plot:
    """Series over the same span of time, each by its label.

    A ``line`` is of a gauge, ``bars`` are of sums, and a ``band`` tells of a gauge that is 0 or 1 when it was which.
    ``limit`` is a value that is drawn as a line, and ``limit_label`` says what it is. ``worst`` is which values matter
    where there is room for few.
    """

    title: str
    unit: str
    span: Span
    series: Mapping[str, Series]
    style: Style = "line"
    limit: float | None = None
    limit_label: str = ""
    worst: Callable[[float, float], float] = max

    @property
    def is_empty(self) -> bool:
        """Whether there is no point."""
        return not any(each.points for each in self.series.values())


@dataclass(frozen=True)
class Part:
    """One side of the stack: what is told of it, what is drawn, and what is wrong, each in a line with its remedy.

    ``unread`` is why nothing can be told, which is wrong as well.
    """

    title: str
    facts: Sequence[Fact] = ()
    plots: Sequence[Plot] = ()
    wrong: Sequence[str] = ()
    unread: str = ""


@dataclass(frozen=True)
class Status:
    """All that is told of a stack at a moment (``at``, Unix seconds) about the last ``hours``."""

    stack: str
    store: str
    region: str
    at: float
    hours: float
    alarms: Mapping[str, str] = field(default_factory=dict)
    parts: Sequence[Part] = ()

    @property
    def sides(self) -> list[Part]:
        """The parts but for that on alarms, whose states are told by themselves."""
        return [part for part in self.parts if part.title != "Alarms" or part.unread]

    @property
    def is_unread_alone(self) -> bool:
        """Whether all that is wrong is that something cannot be read."""
        return not any(part.wrong for part in self.parts)

    @property
    def wrong(self) -> list[str]:
        """What is wrong, that which rings first."""
        return [line for part in self.parts for line in [*part.wrong, *_unread(part)]]

    def as_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        wrong = self.wrong
        return {
            "result": "wrong" if wrong else "well",
            "wrong": wrong,
            "stack": self.stack,
            "store": self.store,
            "region": self.region,
            "hours": self.hours,
            "alarms": dict(self.alarms),
            **{part.title.lower(): {fact.name: fact.value for fact in part.facts} for part in self.sides},
        }


def _unread(part: Part) -> list[str]:
    return [f"{part.title.lower()}: {part.unread}"] if part.unread else []
