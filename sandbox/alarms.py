"""A stand-in for CloudWatch: metrics come from the functions' logs, alarms from the template, messages go to SNS.

It is not CloudWatch. It follows the documented rules for metrics in log lines (embedded metric format), for alarms and
for missing data (CloudWatch User Guide, "How alarm state is evaluated when data is missing", "Alarm warm-up periods"),
for alarms on one metric with a fixed threshold. Windows slide: they end at the moment of the evaluation.
"""

from __future__ import annotations

import json
import math
import operator
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .metrics import Metrics, Point
from .template import text_of

INSUFFICIENT_DATA, OK, ALARM = "INSUFFICIENT_DATA", "OK", "ALARM"
ACTIONS = {INSUFFICIENT_DATA: "InsufficientDataActions", OK: "OKActions", ALARM: "AlarmActions"}
EVALUATION_SECONDS = 60
# CloudWatch reads more periods than it evaluates and does not say how many; its own examples read two more.
EXTRA_PERIODS = 2
OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanOrEqualToThreshold": operator.le,
    "LessThanThreshold": operator.lt,
}
STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Average": lambda values: sum(values) / len(values),
    "Maximum": max,
    "Minimum": min,
    "SampleCount": len,
    "Sum": sum,
}
Publish = Callable[[str, str, str], object]  # to a topic (ARN), a subject, a message


class Alarm:
    """An alarm on one metric: what it says of points at a moment, without clock or network.

    Made from the resolved properties of its resource. Raises ValueError for a kind that is not known here.
    """

    def __init__(self, properties: Mapping[str, Any]) -> None:
        self.properties = properties
        self.name: str = properties["AlarmName"]
        if properties["ComparisonOperator"] not in OPERATORS or properties.get("Statistic") not in STATISTICS:
            raise ValueError(f"the alarm {self.name} is of a kind that is not evaluated here")
        self.threshold = float(properties["Threshold"])
        self.period = int(properties["Period"])
        self.periods = int(properties["EvaluationPeriods"])
        self.datapoints = int(properties.get("DatapointsToAlarm", self.periods))
        longest = 86400 if self.period < 3600 else 604800
        if self.period * self.periods > longest or not (self.period in (10, 20, 30) or self.period % 60 == 0):
            raise ValueError(f"the alarm {self.name} looks at {self.periods} periods of {self.period} s: not possible")
        if not 1 <= self.datapoints <= self.periods:
            raise ValueError(f"the alarm {self.name} wants {self.datapoints} data points of {self.periods}")
        self.missing: str = properties.get("TreatMissingData", "missing")
        dimensions = {each["Name"]: each["Value"] for each in properties.get("Dimensions", [])}
        self._metric = (properties["Namespace"], properties["MetricName"], dimensions)

    def matches(self, point: Point) -> bool:
        """Tell whether a point belongs to the alarm's metric: the same dimensions, no more and no fewer."""
        wanted = (*self._metric, self.properties.get("Unit", point.unit))
        return wanted == (point.namespace, point.metric, point.dimensions, point.unit)

    def data(self, points: Iterable[Point], now: float) -> list[float | None]:
        """Return the statistic of each period that is read, the oldest first; None where there is no point."""
        windows: list[list[float]] = [[] for _ in range(self.periods + EXTRA_PERIODS)]
        for point in filter(self.matches, points):
            age = math.floor((now - point.timestamp) / self.period)
            if 0 <= age < len(windows):
                windows[-1 - age] += point.values
        statistic = STATISTICS[self.properties["Statistic"]]
        return [statistic(values) if values else None for values in windows]

    def judge(self, data: Sequence[float | None], state: str) -> str:
        """Return the state after one evaluation of the data, the newest last.

        Where the documentation is silent - ``ignore``, too few points, all of them breaching - the state is kept.
        """
        breaches = OPERATORS[self.properties["ComparisonOperator"]]
        breaching = [breaches(value, self.threshold) for value in data if value is not None][-self.periods :]
        filled = self.periods - len(breaching)
        if sum(breaching) + (filled if self.missing == "breaching" else 0) >= self.datapoints:
            return ALARM
        if not filled or not all(breaching) or self.missing not in ("missing", "ignore"):
            return OK
        if self.missing == "ignore":
            return state
        if not breaching:
            return INSUFFICIENT_DATA
        oldest = next(age for age, value in zip(range(len(data), 0, -1), data, strict=True) if value is not None)
        return ALARM if oldest >= self.datapoints else OK

    def warms_up(self, points: Iterable[Point], now: float, created: float) -> bool:
        """Tell whether a warm-up period holds the alarm back; unless told to wait, it ends once its window is full."""
        rules = self.properties.get("WarmUpConfiguration", {})
        if now >= created + 60 * int(rules.get("WarmUpPeriodDurationInMinutes", 0)):
            return False
        first = min((point.timestamp for point in filter(self.matches, points)), default=now)
        full = now - first >= self.period * self.periods and self.data(points, now)[-1] is not None
        return not full or text_of(rules.get("OnlyStartEvaluatingAfterWarmUpPeriodEnds")) == "true"

    def next_state(self, points: Sequence[Point], now: float, state: str, created: float) -> str:
        """Return the state after an evaluation at a moment (seconds) of an alarm made at ``created``."""
        if state == INSUFFICIENT_DATA and self.warms_up(points, now, created):
            return INSUFFICIENT_DATA
        return self.judge(self.data(points, now), state)


@dataclass(frozen=True)
class Transition:
    """A change of an alarm's state; ``at`` in seconds."""

    name: str
    old: str
    new: str
    at: float
    reason: str


@dataclass
class Alarms:
    """The alarms of a stack: fed with logs, evaluated on demand, telling their topics of each change.

    A new alarm is in INSUFFICIENT_DATA. An evaluation makes up for those that CloudWatch would have run each minute
    since the last one, so no state in between is lost.
    """

    alarms: Sequence[Alarm]
    publish: Publish
    clock: Callable[[], float] = time.time
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self._skipped = 0.0
        self._evaluated: float | None = None
        self._created = self.now()
        self.states = {alarm.name: INSUFFICIENT_DATA for alarm in self.alarms}

    def now(self) -> float:
        """Return the alarms' time: the clock's, and what was skipped."""
        return self.clock() + self._skipped

    def skip(self, seconds: float) -> None:
        """Let time pass for the alarms; points read from now on count that much later."""
        self._skipped += seconds

    def read(self, logs: str) -> list[Point]:
        """Take the metrics out of a function's log; see Metrics.read."""
        return self.metrics.read(logs, later=self._skipped)

    def evaluate(self, now: float | None = None) -> list[Transition]:
        """Evaluate all alarms up to now, or another moment, publish each change of state and return them in order."""
        end = self.now() if now is None else now
        missed = 0 if self._evaluated is None else math.ceil((end - self._evaluated) / EVALUATION_SECONDS) - 1
        moments = [end - EVALUATION_SECONDS * ago for ago in range(max(missed, 0), -1, -1)]
        self._evaluated = end
        changes = (self._change(alarm, moment) for moment in moments for alarm in self.alarms)
        return [change for change in changes if change]

    def _change(self, alarm: Alarm, now: float) -> Transition | None:
        old = self.states[alarm.name]
        new = alarm.next_state(self.metrics.points, now, old, self._created)
        if new == old:
            return None
        read = alarm.data(self.metrics.points, now)
        reason = f"The last {len(read)} periods of {alarm.period} s, newest last: {read} (None: no data)"
        transition = Transition(alarm.name, old, new, now, reason)
        self.states[alarm.name] = new
        enabled = text_of(alarm.properties.get("ActionsEnabled", True)) == "true"
        for topic in alarm.properties.get(ACTIONS[new], []) if enabled else []:
            self.publish(topic, f'{new}: "{alarm.name}"', json.dumps(message(alarm, transition, topic)))
        return transition


def message(alarm: Alarm, transition: Transition, topic: str) -> dict[str, Any]:
    """Return what CloudWatch tells a topic (ARN) of a change; region and account are the topic's."""
    region, account = topic.split(":")[3:5]
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.properties.get("AlarmDescription"),
        "AWSAccountId": account,
        "NewStateValue": transition.new,
        "NewStateReason": transition.reason,
        "StateChangeTime": f"{datetime.fromtimestamp(transition.at, UTC):%Y-%m-%dT%H:%M:%S}.000+0000",
        "Region": region,
        "OldStateValue": transition.old,
        "Trigger": {name: value for name, value in alarm.properties.items() if name not in ACTIONS.values()},
    }
