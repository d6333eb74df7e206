"""The webhooks of a stack, as an operator sees them: the hooks at the store, the queues, what came in, the alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .stack import Stack, StackError

HOURS = 3


@dataclass(frozen=True)
class Backlog:
    """About how many messages a queue holds."""

    waiting: int
    delayed: int
    in_flight: int


@dataclass(frozen=True)
class Deliveries:
    """What came in with our header in the last HOURS: how many, how many were refused, the newest's minute."""

    count: int
    refused: int
    newest: str | None


@dataclass(frozen=True)
class Published:
    """How many events went out in the last HOURS, and the newest's minute."""

    count: int
    newest: str | None


@dataclass(frozen=True)
class Hook:
    """One hook at the store; ``ours`` where it delivers to this stack, ``wanted`` where it is as it must be."""

    scope: str
    active: bool
    ours: bool
    wanted: bool
    id: int | None
    destination: str


@dataclass(frozen=True)
class Standing:
    """What the function sync_webhooks answered: what it did, and how the hooks stand.

    ``trouble`` is why nobody has looked: the credentials can have no hooks, or the store cannot be asked now.
    """

    created: int
    updated: int
    deleted: int
    enabled: int
    url: str
    hooks: Sequence[Hook]
    missing: Sequence[str]
    failed: Sequence[Mapping[str, str]]
    blocked: Sequence[str]
    trouble: str | None
    detail: str

    @property
    def ours(self) -> list[Hook]:
        """The hooks that deliver to this stack."""
        return [hook for hook in self.hooks if hook.ours]

    @property
    def incomplete(self) -> bool:
        """Whether hooks are missing that must be there."""
        return bool(self.missing or self.failed or self.trouble)

    def as_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        return asdict(self)


class Webhooks:
    """The webhooks of a stack. Raises StackError where they are off there, and FunctionFailed with what the store did.

    ``sync_webhooks`` has the credentials, and asks the store; nothing here does.
    """

    def __init__(self, stack: Stack) -> None:
        if "SyncFunctionName" not in stack.outputs:
            raise StackError(f"--stack: webhooks are off in {stack.name}; deploy with WebhooksEnabled=true")
        self._stack = stack
        self._sqs, self._cloudwatch = stack.client("sqs"), stack.client("cloudwatch")

    def call(self, action: str | None = None) -> Standing:
        """Have the hooks made what they must be, or the ``action`` done: ``list`` or ``remove``."""
        answered = self._stack.invoke("SyncFunctionName", {"action": action} if action else {})
        hooks = [Hook(**{name: row.get(name) for name in Hook.__dataclass_fields__}) for row in answered["hooks"]]
        named = {name: answered[name] for name in Standing.__dataclass_fields__}
        return Standing(**{**named, "hooks": sorted(hooks, key=lambda hook: (not hook.ours, hook.scope))})

    def backlog(self, output: str) -> Backlog:
        """Count what one of the stack's queues holds."""
        names = ("", "Delayed", "NotVisible")
        counted = self._sqs.get_queue_attributes(
            QueueUrl=self._stack.output(output),
            AttributeNames=[f"ApproximateNumberOfMessages{name}" for name in names],
        )["Attributes"]
        return Backlog(*(int(counted[f"ApproximateNumberOfMessages{name}"]) for name in names))

    def deliveries(self) -> Deliveries:
        """Tell of the deliveries that bore our header."""
        points = self._points("DeliveriesRefused", "SampleCount", "Sum")
        return Deliveries(_sum(points, "SampleCount"), _sum(points, "Sum"), _newest(points))

    def published(self) -> Published:
        """Tell of the events that were published."""
        points = self._points("EventsPublished", "Sum")
        return Published(_sum(points, "Sum"), _newest(points))

    def alarms(self) -> dict[str, str]:
        """Return the state of each alarm on the webhooks: OK, ALARM or INSUFFICIENT_DATA."""
        pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=f"{self._stack.name}-webhook", AlarmTypes=["MetricAlarm"]
        )
        return {alarm["AlarmName"]: alarm["StateValue"] for page in pages for alarm in page["MetricAlarms"]}

    def _points(self, metric: str, *statistics: str) -> list[dict[str, Any]]:
        now = datetime.now(UTC)
        points: list[dict[str, Any]] = self._cloudwatch.get_metric_statistics(
            Namespace="Storekey",
            MetricName=metric,
            Dimensions=[{"Name": "store", "Value": self._stack.settings.store_name}],
            StartTime=now - timedelta(hours=HOURS),
            EndTime=now,
            Period=60,
            Statistics=list(statistics),
        )["Datapoints"]
        return points


def _sum(points: Sequence[Mapping[str, Any]], statistic: str) -> int:
    return int(sum(point[statistic] for point in points))


def _newest(points: Sequence[Mapping[str, Any]]) -> str | None:
    return max(point["Timestamp"] for point in points).isoformat() if points else None
