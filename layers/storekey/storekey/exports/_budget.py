"""The store's quota as one budget of all environments that export: an item of the state's table.

Whoever comes first opens a window of the quota and sends a request, the scout; its answer tells what the window has.
All take permits from that, a few at a time, and wait for the window's end when there are none. A 429 or 509 that one
of them meets takes them all away. The item is changed by conditional writes alone, each of which demands it as it was
read; an item that is gone, or holds anything odd, is a window that nobody has opened yet.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

from storekey._quota import LONGEST_HOLD, MANY, Told, refused_wait, told_quota

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEY: Any = {"resource": {"S": "quota"}}
# Another scout goes when the first has had no answer for so long, though that one may wait for it longer.
SCOUT_SECONDS = 2.0
_ANSWER_SECONDS = 25.0
# How long permits are kept: a refusal that another meets is heard of within that time.
LAPSE_SECONDS = 1.0
POLL_SECONDS = 0.1
LONGEST_REFUSAL = 3600.0
# A share is small beside what is left, so that all get about the same.
_SHARES = 16
_MOST_PERMITS = 32
_TRIES = 20
_COLLISION_SECONDS = 0.02
_SKEW_SECONDS = 5.0

# What is known of a window: it was opened and no answer has come since; the store told of it; the store refused.
ASKED, TOLD, REFUSED = "asked", "told", "refused"
_LONGEST = {
    ASKED: _ANSWER_SECONDS + SCOUT_SECONDS,
    TOLD: _ANSWER_SECONDS + SCOUT_SECONDS + LONGEST_HOLD,
    REFUSED: LONGEST_REFUSAL,
}


@dataclass(frozen=True)
class Budget:
    """A window of the quota, from ``opened``, which names it, to ``ends``, in Unix milliseconds.

    ``permits`` are requests that nobody has taken yet, ``usual`` those that the next window will have anew, or 0 where
    that is not known.
    """

    opened: int
    ends: int
    permits: int
    usual: int
    phase: str

    def is_over(self, now: int) -> bool:
        """Tell whether the window has ended, or its scout is given up."""
        return now >= self.ends


@dataclass(frozen=True)
class Known:
    """What the store told here last, of the window of that name, which ends then (Unix milliseconds).

    ``left`` is without what was sent since, ``usual`` as in Budget.
    """

    opened: int
    left: int
    usual: int
    ends: int


def read(item: Mapping[str, Any], now: int) -> Budget | None:
    """Return the budget that an item holds, as DynamoDB writes it, or None where there is none that can be."""
    try:
        opened, ends, permits, usual = (int(item[name]["N"]) for name in ("opened", "ends", "permits", "usual"))
        budget = Budget(opened, ends, permits, usual, item["phase"]["S"])
        longest = _LONGEST[budget.phase] * 1000
    except (KeyError, ValueError):
        return None
    times = budget.opened <= now + _SKEW_SECONDS * 1000 and 0 <= budget.ends - budget.opened <= longest
    return budget if times and 0 <= budget.permits <= MANY and 0 <= budget.usual <= MANY else None


def scouted(budget: Budget | None, now: int) -> Budget:
    """Return the budget when a scout has been sent: in a window whose scout has no answer yet, or in a new one."""
    ends = now + round(SCOUT_SECONDS * 1000)
    if budget and budget.phase == ASKED and now - budget.opened < _ANSWER_SECONDS * 1000:
        return replace(budget, ends=ends, permits=max(0, budget.permits - 1))
    if not budget:
        return Budget(now, ends, 0, 0, ASKED)
    opened = max(now, budget.opened + 1)
    permits = max(budget.usual, budget.permits) - 1
    return Budget(opened, max(ends, opened), max(0, permits), budget.usual, ASKED)


def unanswered(budget: Budget | None, window: int, now: int) -> Budget | None:
    """Return the budget after an answer in that window that tells nothing, or none: another scout may go at once."""
    if not budget or budget.phase != ASKED or budget.opened != window:
        return budget
    return replace(budget, ends=max(now, budget.opened))


def informed(budget: Budget | None, known: Known | None) -> Budget | None:
    """Return the budget by what the store told: the window's first answer counts, and each that leaves less."""
    if not budget or not known or budget.opened != known.opened or budget.phase == REFUSED:
        return budget
    if budget.phase == ASKED:
        permits = min(budget.permits, known.left) if budget.usual else known.left
        return Budget(budget.opened, max(known.ends, budget.opened), permits, known.usual, TOLD)
    if known.left >= budget.permits:
        return budget
    ends = max(min(budget.ends, known.ends), budget.opened)
    return replace(budget, permits=known.left, usual=known.usual, ends=ends)


def refused(budget: Budget | None, wait: float, now: int) -> Budget:
    """Return the budget after a 429 or 509: nothing, for so many seconds at least; then a scout goes first."""
    ends = now + math.ceil(min(wait, LONGEST_REFUSAL) * 1000)
    if budget and budget.phase != ASKED and not budget.permits and budget.ends >= ends:
        return budget
    return Budget(now, ends, 0, 0, REFUSED)


@dataclass(frozen=True)
class _Step:
    """What becomes of the budget, and what the one who changes it may send by that."""

    budget: Budget | None
    permits: int = 0


class SharedPace:
    """Takes permits from the budget that all environments share; a Pace.

    What AWS refuses or cannot do is raised by ``ask`` as botocore's errors, and ends ``note`` early. ``clock`` gives
    Unix seconds; those of Lambda's environments agree.
    """

    def __init__(
        self, client: DynamoDBClient, table: str, reserve_percent: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._table = table
        self._reserve = reserve_percent
        self._clock = clock
        self._lock = Lock()
        self._seen: Mapping[str, Any] = {}
        self._known: Known | None = None
        # The window that permits were taken from last, when, how many of them are left, and until when.
        self._window = self._taken = self._permits = self._lapse = 0

    def ask(self) -> float:
        """Return 0 and take a permit, or the seconds until there may be one."""
        with self._lock:
            if not self._permits or self._now() >= self._lapse:
                budget = self._take()
                if not budget:
                    return _COLLISION_SECONDS
                if not self._permits:
                    return self._wait(budget)
            self._permits -= 1
            if self._known:
                self._known = replace(self._known, left=max(0, self._known.left - 1))
            return 0.0

    def note(self, status: int | None, headers: Mapping[str, str]) -> None:
        """Tell the others what the store told, where they must know it at once."""
        with self._lock:
            if status in (429, 509):
                self._permits, wait = 0, refused_wait(status, headers)
                self._change_at_best(lambda budget, now: refused(budget, wait, now))
                return
            told = told_quota(headers, self._reserve) or _untold(status)
            if told:
                self._learn(told)
            budget = read(self._seen, self._now())
            if budget and budget.phase == ASKED:
                self._change_at_best(self._informed if told else self._unanswered)

    def _learn(self, told: Told) -> None:
        ends = self._now() + math.ceil((told.seconds or 1.0) * 1000)
        self._permits = min(self._permits, told.left)
        self._known = Known(self._window, told.left, told.usual, ends)

    def _take(self) -> Budget | None:
        """Take permits, if there are any; return the budget, or None where others were quicker each time."""
        step = self._change(self._share)
        if not step or not step.budget:
            return None
        self._permits = self._kept(step.budget) + step.permits
        self._window, self._taken = step.budget.opened, self._now()
        self._lapse = min(step.budget.ends, self._taken + round(LAPSE_SECONDS * 1000))
        return step.budget

    def _share(self, budget: Budget | None, now: int) -> _Step:
        """Return what is left of a budget when a share of it is taken."""
        budget = self._informed(budget, now)
        if not budget or budget.is_over(now):
            return _Step(scouted(budget, now), 1)
        wanted = 1
        if not self._permits and now - self._taken <= LAPSE_SECONDS * 1000:
            wanted = min(_MOST_PERMITS, max(1, budget.permits // _SHARES))
        taken = min(budget.permits, max(0, wanted - self._kept(budget)))
        return _Step(replace(budget, permits=budget.permits - taken), taken)

    def _informed(self, budget: Budget | None, _: int) -> Budget | None:
        if not self._known or not budget:
            return budget
        unspent = max(0, self._known.left - self._kept(budget))
        return informed(budget, replace(self._known, left=unspent))

    def _unanswered(self, budget: Budget | None, now: int) -> Budget | None:
        return unanswered(budget, self._window, now)

    def _kept(self, budget: Budget) -> int:
        return self._permits if budget.opened == self._window else 0

    def _wait(self, budget: Budget) -> float:
        seconds = (budget.ends - self._now()) / 1000
        return max(0.001, min(seconds, POLL_SECONDS) if budget.phase == ASKED else seconds)

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _change_at_best(self, change: Callable[[Budget | None, int], Budget | None]) -> None:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - with the client, on first use

        with suppress(BotoCoreError, ClientError):
            self._change(lambda budget, now: _Step(change(budget, now)))

    def _change(self, step: Callable[[Budget | None, int], _Step]) -> _Step | None:
        """Make the item what a step makes of it, and again of what others have made of it meanwhile."""
        fresh = False
        for _ in range(_TRIES):
            now = self._now()
            budget = read(self._seen, now)
            made = step(budget, now)
            if made.budget and made.budget != budget:
                if self._write(made.budget):
                    return made
            elif fresh:
                return made
            else:
                self._seen = self._get()
            fresh = True
        return None

    def _get(self) -> Mapping[str, Any]:
        answer = self._client.get_item(TableName=self._table, Key=_KEY, ConsistentRead=True)
        return answer.get("Item", {})

    def _write(self, budget: Budget) -> bool:
        """Write the item if it still is what was seen; else see what it is."""
        new = {name: {"S" if name == "phase" else "N": str(value)} for name, value in asdict(budget).items()}
        was = {name: self._seen[name] for name in new if name in self._seen}
        same = [f"{name} = :was_{name}" if name in was else f"attribute_not_exists({name})" for name in new]
        values: Any = {f":{name}": value for name, value in new.items()}
        values |= {f":was_{name}": value for name, value in was.items()}
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_KEY,
                UpdateExpression=f"SET {', '.join(f'{name} = :{name}' for name in new)}",
                ConditionExpression=" AND ".join(same),
                ExpressionAttributeValues=values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            response: Any = error.response
            self._seen = response.get("Item", {})
            return False
        self._seen = new
        return True


def _untold(status: int | None) -> Told | None:
    """Return the quota of a store that answers well and tells of none; what else comes without may be a proxy's."""
    return Told(MANY, MANY, LONGEST_HOLD) if status and 200 <= status < 300 else None
