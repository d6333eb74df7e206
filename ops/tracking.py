"""How far a backfill has come: which ranges are to be looked at, which are at work, and how long the rest may take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .backfills import Plan, Range
from .following import span

_AT_ONCE = 100
# Every so many looks all that is unfinished is looked at: in which order ranges are begun is not ours to say.
_ALL_EVERY = 20
_PACE_SECONDS = 600.0
_LEAST_PACE_SECONDS = 10.0


@dataclass(frozen=True)
class Totals:
    """What all ranges make up; ``seconds_left`` is None as long as no pace is seen, ``count`` where none is told."""

    rows: int
    requests: int
    count: int | None
    quota_left: int | None
    done: int
    ranges: int
    seconds_left: float | None = None

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        if self.count:
            return min(1.0, self.rows / self.count)
        return self.done / self.ranges if self.ranges else 0.0


class Tracker:
    """What is known of a backfill's ranges. Ranges that are done are not looked at again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.plan: Plan | None = None
        self._clock = clock
        self._looks = 0
        self._forget()

    def expect(self, plan: Plan | None) -> None:
        """Take the plan that there is now. One that is finished is gone from the state, but not from here."""
        if plan and (self.plan is None or plan.id != self.plan.id):
            self.plan = plan
            self._forget()

    def due(self, all_of_them: bool = False) -> list[int]:
        """Return the numbers of the ranges to look at: those at work, and the next ones."""
        numbers = range(len(self.plan.ranges) + 1) if self.plan else ()
        left = [number for number in numbers if not self._is_done(number)]
        self._looks += 1
        if all_of_them or self._looks % _ALL_EVERY == 0:
            return left
        return sorted(left, key=lambda number: (number not in self._found, number))[:_AT_ONCE]

    def take(self, found: Mapping[int, Range]) -> list[Range]:
        """Note how far ranges are, and return those that are done by now."""
        ended = [one for number, one in sorted(found.items()) if one.done and not self._is_done(number)]
        if any(self._found.get(number) != one for number, one in found.items()):
            self._moved = self._clock()
        self._found.update(found)
        if self.plan:
            self._seen.append((self._clock(), self._totals(self.plan).share))
        while self._seen and self._seen[-1][0] - self._seen[0][0] > _PACE_SECONDS:
            self._seen.popleft()
        return ended

    @property
    def still(self) -> float:
        """For how many seconds nothing has moved."""
        return self._clock() - self._moved

    @property
    def at_work(self) -> Sequence[Range]:
        """The ranges that were begun and are not done."""
        return [one for _, one in sorted(self._found.items()) if not one.done]

    @property
    def totals(self) -> Totals | None:
        """What all ranges make up; None before there is a plan."""
        return self._totals(self.plan, self._seconds_left()) if self.plan else None

    def _forget(self) -> None:
        self._found: dict[int, Range] = {}
        self._seen: deque[tuple[float, float]] = deque()
        self._moved = self._clock()

    def _is_done(self, number: int) -> bool:
        return number in self._found and self._found[number].done

    def _totals(self, plan: Plan, seconds_left: float | None = None) -> Totals:
        ranges = self._found.values()
        heard = max((one for one in ranges if one.quota_left is not None), key=lambda one: one.at, default=None)
        return Totals(
            rows=sum(one.rows for one in ranges),
            requests=plan.requests + sum(one.requests for one in ranges),
            count=plan.count,
            quota_left=heard.quota_left if heard else None,
            done=sum(one.done for one in ranges if one.number < len(plan.ranges)),
            ranges=len(plan.ranges),
            seconds_left=seconds_left,
        )

    def _seconds_left(self) -> float | None:
        if not self._seen:
            return None
        (began, before), (now, share) = self._seen[0], self._seen[-1]
        if now - began < _LEAST_PACE_SECONDS or share <= before:
            return None
        return (1 - share) * (now - began) / (share - before)


def words_of(totals: Totals | None) -> str:
    """Tell in a few words how far a backfill has come."""
    if totals is None:
        return "planning"
    of = f" of about {totals.count:,}" if totals.count else ""
    words = [f"{totals.rows:,}{of} rows", f"{totals.requests:,} requests"]
    if totals.quota_left is not None:
        words.append(f"quota left {totals.quota_left:,}")
    words.append(f"{totals.done:,} of {totals.ranges:,} ranges done" if totals.ranges else "in one go, without ranges")
    if totals.seconds_left is not None:
        words.append(f"about {span(totals.seconds_left)} left")
    return ", ".join(words)


def ids_of(plan: Plan, number: int) -> str:
    """Write the ids of a range."""
    after, to = plan.bounds(number)
    return f"{after + 1} on" if to is None else f"{after + 1} to {to}"


def name_of(plan: Plan, number: int) -> str:
    """Name a range."""
    return f"range {number} of {len(plan.ranges)}" if number < len(plan.ranges) else "tail"
