"""The backfills of a stack, as an operator sees them: their executions, their plans, and how far each range is."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import botocore.exceptions

from storekey.exports._state import plain

from .exports import Execution, Exports, check_exported
from .items import Failing, failing_of, moment, object_of
from .stack import Stack

_KEYS_A_CALL = 100  # BatchGetItem takes no more
_AGAIN_SECONDS = 0.1
_TIMES = 6
# The state machine's word for an error of Step Functions, and the one that it mostly stands for: a range failed.
_STOPPED = ("BackfillStopped", "States.ExceedToleratedFailureThreshold")
_REFUSED = "the store refuses the credentials"


@dataclass(frozen=True)
class Plan:
    """A backfill that is not finished: its ranges (after, to] of ids by their numbers, and the store's count of rows.

    What lies behind the last range is the tail; its number is the number of the ranges.
    """

    resource: str
    id: str
    started: str | None
    count: int | None
    requests: int
    ranges: tuple[tuple[int, int], ...]

    def bounds(self, number: int) -> tuple[int, int | None]:
        """Return (after, to] of a range, without ``to`` for the tail."""
        if number < len(self.ranges):
            return self.ranges[number]
        return (self.ranges[-1][1] if self.ranges else 0), None

    def key(self, number: int) -> str:
        """Return the key of a range in the state."""
        name = f"{number:05}" if number < len(self.ranges) else "tail"
        return f"{self.resource}/backfill/{self.id}/{name}"


@dataclass(frozen=True)
class Range:
    """How far a range is that somebody has begun; ``since`` and ``at`` are Unix seconds: begun, and last heard of."""

    number: int
    rows: int
    requests: int
    done: bool
    since: int
    at: int
    quota_left: int | None


@dataclass(frozen=True)
class Known:
    """What the state holds of a resource's backfill: the unfinished one, what is failing, the last finished run."""

    plan: Plan | None = None
    failing: Failing | None = None
    finished: str = ""


class Backfills:
    """The backfills of a stack. Raises StackError where the stack has none, and botocore's errors."""

    def __init__(self, stack: Stack) -> None:
        self.exports = Exports(stack)
        self._stack = stack
        self._states = stack.client("stepfunctions")
        self._table = stack.client("dynamodb")

    @property
    def concurrency(self) -> int:
        """How many ranges are worked on at once."""
        return int(self._stack.parameters.get("BackfillConcurrency") or 4)

    def running(self, resource: str) -> list[str]:
        """Return the ARNs of the executions that run for a resource, which their input tells, whatever their names."""
        pages = self._states.get_paginator("list_executions").paginate(
            stateMachineArn=self._machine, statusFilter="RUNNING"
        )
        # A range's execution has the machine's name and that of its map, with a slash between them.
        found = [one["executionArn"] for page in pages for one in page["executions"] if "/" not in one["executionArn"]]
        return [arn for arn in found if self._is_of(arn, resource)]

    def start(self, resource: str) -> str:
        """Start an execution; return its ARN."""
        check_exported(self._stack, resource)
        name = f"{resource}-backfill-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"
        started = self._states.start_execution(
            stateMachineArn=self._machine, name=name, input=json.dumps({"resource": resource})
        )
        arn: str = started["executionArn"]
        return arn

    def stop(self, arn: str) -> None:
        """Stop an execution, and with it those of its ranges."""
        self._states.stop_execution(executionArn=arn, cause="given up by storekey backfill --give-up")

    def execution(self, arn: str, resource: str) -> Execution:
        """Tell how an execution of a resource goes; one that a range failed has the error that the range has noted."""
        execution = self.exports.execution(arn)
        if execution.error not in _STOPPED or not (failing := self.known(resource).failing):
            return execution
        return replace(execution, error=failing.error, cause=failing.message)

    def call(self, resource: str, **more: Any) -> dict[str, Any]:
        """Run the function that exports, about a resource's backfill; raises FunctionFailed."""
        return self._stack.invoke("ExportFunctionName", {"resource": resource, "mode": "backfill", **more})

    def known(self, resource: str) -> Known:
        """Tell what the state holds of a resource's backfill."""
        key = f"{resource}/backfill"
        answer = self._table.get_item(TableName=self._name, Key={"resource": {"S": key}}, ConsistentRead=True)
        item = plain(answer.get("Item", {}))
        plan = _plan(resource, item["plan"]) if item.get("plan") else None
        return Known(plan, failing_of(item), item.get("finished", ""))

    def ranges(self, plan: Plan, numbers: Iterable[int]) -> dict[int, Range]:
        """Return those of some ranges that were begun, by their numbers."""
        asked = {plan.key(number): number for number in numbers}
        found = {asked[item["resource"]]: item for item in self._items(list(asked))}
        return {number: _range(number, plan.id, item) for number, item in found.items()}

    def trouble(self) -> str:
        """Tell why nothing moves, as far as the alarm on refused credentials knows; nothing where it does not."""
        try:
            alarms = self._stack.client("cloudwatch").describe_alarms(
                AlarmNames=[f"{self._stack.name}-credentials-refused"]
            )["MetricAlarms"]
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError):
            return ""  # who may not look at alarms may follow a backfill all the same
        return _REFUSED if any(alarm["StateValue"] == "ALARM" for alarm in alarms) else ""

    @property
    def _machine(self) -> str:
        return self._stack.output("BackfillStateMachineArn")

    @property
    def _name(self) -> str:
        return self._stack.output("ExportStateTableName")

    def _is_of(self, arn: str, resource: str) -> bool:
        """Tell whether an execution is about a resource."""
        given = self._states.describe_execution(executionArn=arn).get("input") or "{}"
        return object_of(given).get("resource") == resource

    def _items(self, keys: list[str]) -> Iterator[dict[str, Any]]:
        """Read items, a hundred at a time; what DynamoDB leaves out is asked for again."""
        for first in range(0, len(keys), _KEYS_A_CALL):
            left: Any = {self._name: {"Keys": [{"resource": {"S": key}} for key in keys[first : first + _KEYS_A_CALL]]}}
            for time_ in range(_TIMES):
                answer = self._table.batch_get_item(RequestItems=left)
                yield from map(plain, answer["Responses"].get(self._name, []))
                left = answer.get("UnprocessedKeys")
                if not left:
                    break
                time.sleep(_AGAIN_SECONDS * 2**time_)


def _plan(resource: str, plan: Mapping[str, Any]) -> Plan:
    return Plan(
        resource=resource,
        id=plan["id"],
        started=moment(plan.get("started")),
        count=plan.get("count"),
        requests=plan.get("requests", 0),
        ranges=tuple(pairwise((0, *plan.get("stops", ())))),
    )


def _range(number: int, plan_id: str, item: Mapping[str, Any]) -> Range:
    run, progress = item.get("run") or {}, item.get("progress") or {}
    if progress.get("run") != plan_id:
        progress = {}
    since = item.get("created", 0)
    return Range(
        number=number,
        rows=max(run.get("rows", 0), progress.get("rows", 0)),
        requests=max(run.get("requests", 0), progress.get("requests", 0)),
        done=bool(run.get("finished")),
        since=since,
        at=progress.get("at", since),
        quota_left=progress.get("quota_left"),
    )
