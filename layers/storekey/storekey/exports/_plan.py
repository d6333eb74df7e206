"""The plan of a backfill: a run over everything, divided into ranges of ids. Pure, and as it is kept in the state.

A range holds the ids behind ``after``, up to ``to``; each begins where the one before it ends. What lies behind the
last range - the tail - is read when the ranges are done; so it does not matter for what is exported how well the
ranges were chosen, nor whether the store told its last id rightly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from typing import Any, Self

from ._run import BACKFILL, Run, run_id

# Rows of a range: few enough for ranges to be spread evenly over those who work on them, and enough to be worth a
# worker's start and the request that may be needed to see its end.
_LEAST_ROWS, _MOST_ROWS = 1_000, 10_000
_WANTED_RANGES = 40
# Their list goes through a state machine, which takes 256 KiB.
_MOST_RANGES = 1_000


@dataclass(frozen=True)
class Range:
    """A range of ids: those behind ``after``, up to ``to``, or all where that is None."""

    number: int
    after: int
    to: int | None = None


@dataclass(frozen=True)
class Plan:
    """A backfill, in Unix seconds as a Run is; ``stops`` are the last ids of its ranges, ``count`` the store's count.

    ``requests`` are those that the planning took.
    """

    resource: str
    api: str
    end: int
    started: int
    skew: int = 0
    with_lines: bool = False
    count: int | None = None
    requests: int = 0
    stops: tuple[int, ...] = ()

    @property
    def id(self) -> str:
        """The run's name, ``20261124T084200Z-backfill``."""
        return run_id(self.end, BACKFILL)

    @property
    def ranges(self) -> list[Range]:
        """All ranges but the tail."""
        return [Range(number, after, to) for number, (after, to) in enumerate(pairwise((0, *self.stops)))]

    @property
    def tail(self) -> Range:
        """What lies behind the last range."""
        return Range(len(self.stops), self.stops[-1] if self.stops else 0)

    def run(self, one: Range) -> Run:
        """Return the run of a range, before its first row."""
        return Run(
            mode=BACKFILL,
            api=self.api,
            end=self.end,
            started=self.started,
            skew=self.skew,
            range=one.number,
            after=one.after,
            stop=one.to,
            last_id=one.after,
            with_lines=self.with_lines,
        )

    def joined(self, runs: Iterable[Run]) -> Run:
        """Return the run that the ranges' runs and the tail's, all finished and in order, make up together.

        Raises ValueError where they do not meet, or hold what is not theirs.
        """
        runs = list(runs)
        for one, run in zip([*self.ranges, self.tail], runs, strict=True):
            if not run.finished or (run.after, run.stop) != (one.after, one.to) or not _holds_its_own(run):
                raise ValueError(f"range {one.number} of {self.id} is not what was planned")
        return replace(
            self.run(Range(0, 0)),
            range=None,
            last_id=max(run.last_id for run in runs),
            rows=sum(run.rows for run in runs),
            requests=self.requests + sum(run.requests for run in runs),
            lines="+".join(sorted({run.lines for run in runs if run.lines})),
            fetched_lines=sum(run.fetched_lines for run in runs),
            incomplete=sum(run.incomplete for run in runs),
            archived=sum(run.archived for run in runs),
            created=sum(run.created for run in runs),
            count_before=self.count,
            count_after=runs[-1].count_after,
            finished=max(run.finished for run in runs),
        )

    def as_item(self) -> dict[str, Any]:
        """Return what is kept of the plan in the state."""
        return {"id": self.id, **{name: value for name, value in asdict(self).items() if value is not None}}

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self | None:
        """Return the plan that as_item described, or None where it is none: what cannot be read is planned anew."""
        names = {each.name for each in fields(cls)}  # another version of the code may have noted more
        try:
            plan = cls(**{name: value for name, value in item.items() if name in names} | {"stops": (*item["stops"],)})
            meet = all(one < other for one, other in pairwise((0, *plan.stops)))
            return plan if meet and plan.id == item["id"] else None
        except (KeyError, TypeError, ValueError):
            return None


def divided(first: int | None, last: int | None, count: int | None) -> tuple[int, ...]:
    """Return the last ids of ranges that hold about as many rows each, from the first and last id and their count."""
    if not first or not last or not count:
        return ()
    rows = min(_MOST_ROWS, max(_LEAST_ROWS, count // _WANTED_RANGES))
    number = min(_MOST_RANGES, count // rows)
    if number < 2 or last <= first:
        return ()
    stops = {first - 1 + (last - first + 1) * (one + 1) // number for one in range(number)}
    return tuple(sorted(stop for stop in stops if stop >= first))


def _holds_its_own(run: Run) -> bool:
    """Tell whether a run's parts hold as many rows as it counted, all of them in its range, in order."""
    last = run.after
    for part in run.parts:
        if part.rows and not last < part.first_id <= part.last_id:
            return False
        last = part.last_id if part.rows else last
    return (run.stop is None or last <= run.stop) and sum(part.rows for part in run.parts) == run.rows
