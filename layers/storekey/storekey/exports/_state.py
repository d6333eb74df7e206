"""The state of the exports in DynamoDB, changed by conditional writes alone.

One item a resource (``orders``), one for its backfill (``orders/backfill``), and one for each range of that
(``orders/backfill/20261124T084200Z-backfill/00003``).

A lease lets one run of a resource, or of a range, go on at a time. Each new lease raises the ``fence``, and each write
demands the fence of its lease: who lost it - paused, or thought dead - can change nothing any more.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ._plan import Plan
from ._run import Run

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Longer than one call to the store takes with all its waits and repetitions.
LEASE_SECONDS = 180
# How long DynamoDB keeps what is known of a backfill's range; a backfill is never that long.
_RANGE_SECONDS = 30 * 86_400


class LeaseLost(Exception):
    """Another invocation has taken over; this one must not write any more."""


@dataclass(frozen=True)
class Busy:
    """Another invocation holds the lease; it ends in so many seconds unless it is renewed."""

    seconds: int
    run: str


@dataclass
class Lease:
    """A lease on an item, and what that held when it was taken. ``known`` is kept as the writes go."""

    key: str
    fence: int
    known: dict[str, Any] = field(repr=False)

    @property
    def resource(self) -> str:
        """The resource that it is about."""
        return self.key.partition("/")[0]

    @property
    def run(self) -> Run | None:
        """The open run."""
        return Run.from_item(self.known["run"]) if self.known.get("run") else None


class State:
    """The table of the exports. What AWS refuses or cannot do is raised as botocore's errors."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    @contextmanager
    def at_best(self) -> Iterator[None]:
        """Let AWS refuse or fail what is done in this block, where it must not hide what went wrong before."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - with the client, on first use

        with suppress(BotoCoreError, ClientError):
            yield

    def acquire(self, key: str, owner: str) -> Lease | Busy:
        """Take the lease: a free one, one that has expired, or one of this owner's that an invocation left behind."""
        now = _now()
        changes = (
            # An item that was lost begins with a fence that nobody has had.
            "SET fence = if_not_exists(fence, :now) + :one, #owner = :owner, lease_until = :until,"
            " created = if_not_exists(created, :now)"
        )
        values = {":one": 1, ":owner": owner, ":until": now + LEASE_SECONDS, ":now": now}
        if "/" in key:
            changes += ", expires = :expires"
            values[":expires"] = now + _RANGE_SECONDS
        free = "attribute_not_exists(lease_until) OR lease_until < :now OR #owner = :owner"
        item = self._update(key, changes, free, values, _OWNER)
        if item is not None:
            return Lease(key, item["fence"], item)
        found = self.read([key]).get(key, {})
        return Busy(max(1, found.get("lease_until", now) - now + 1), found.get("run", {}).get("id", ""))

    def renew(self, lease: Lease, progress: Mapping[str, Any], writing: int | None = None) -> None:
        """Renew the lease and note the progress, and the part that is about to be written. May raise LeaseLost."""
        changes = ["lease_until = :until", "progress = :progress"]
        values: dict[str, Any] = {":until": _now() + LEASE_SECONDS, ":progress": dict(progress)}
        if writing is not None:
            changes.append("run.writing = :writing")
            values[":writing"] = writing
        self._write(lease, f"SET {', '.join(changes)}", values)

    def save(self, lease: Lease, run: Run) -> None:
        """Note how far the open run has come, or that it was opened. May raise LeaseLost."""
        values = {":until": _now() + LEASE_SECONDS, ":run": run.as_item()}
        self._write(lease, "SET lease_until = :until, run = :run", values)

    def note_skew(self, lease: Lease, lowest: int) -> None:
        """Note the lowest skew of the store's clock since the last finished run. May raise LeaseLost."""
        self._write(lease, "SET lowest_skew = :lowest", {":lowest": lowest})

    def close(self, lease: Lease, run: Run, *, holds: bool = True) -> None:
        """Note that a run is finished, and nothing is failing: the watermark is its end. May raise LeaseLost.

        Where it does not hold what the store counts, the next run begins where this one would have.
        """
        finished = {**lease.known.get("finished", {}), run.mode: run.id}
        over = "run, progress, failing, failing_since"
        if not holds:
            values = {":end": run.end, ":finished": finished}
            self._write(lease, f"SET abandoned = :end, finished = :finished REMOVE {over}", values)
            return
        self._write(
            lease,
            f"SET watermark = :end, skew = :skew, finished = :finished REMOVE {over}, lowest_skew",
            {":end": run.end, ":skew": run.skew, ":finished": finished},
            " AND (attribute_not_exists(watermark) OR watermark <= :end)",
        )

    def abandon(self, lease: Lease, run: Run) -> None:
        """Give up the open run; what it has written does not count, and no other gets its name. May raise LeaseLost."""
        self._write(lease, "SET abandoned = :end REMOVE run, progress", {":end": run.end})

    def release(self, lease: Lease) -> None:
        """Give the lease back, if it is still held."""
        self._update(lease.key, "REMOVE #owner, lease_until", "fence = :fence", {":fence": lease.fence}, _OWNER)

    def note_failure(self, key: str, error: str, message: str) -> None:
        """Note that an execution gave up, why, and since when such a thing happens."""
        now = _now()
        failing = {"error": error, "message": message, "at": now}
        changes = "SET failing = :failing, failing_since = if_not_exists(failing_since, :now)"
        self._update(key, changes, "", {":failing": failing, ":now": now})

    def note_failed_range(self, key: str, error: str, message: str) -> None:
        """Note that a backfill failed by a range, if there is one: it was not given up. Why the range failed stays."""
        now = _now()
        changes = "SET failing = if_not_exists(failing, :failing), failing_since = if_not_exists(failing_since, :now)"
        values = {":failing": {"error": error, "message": message, "at": now}, ":now": now}
        self._update(key, changes, "attribute_exists(#plan)", values, _PLAN)

    def save_plan(self, key: str, plan: Plan, instead_of: str) -> bool:
        """Note a plan where there is none but ``instead_of``; return whether that is so."""
        free = "attribute_not_exists(#plan) OR #plan.id = :before"
        values = {":plan": plan.as_item(), ":before": instead_of}
        return self._update(key, "SET #plan = :plan", free, values, _PLAN) is not None

    def close_plan(self, key: str, plan: Plan, *, holds: bool = True) -> None:
        """Note that a backfill is finished, and nothing of it fails.

        Where the resource has no run yet that reached as far, nor an open one, its next begins where the backfill was
        planned, if that holds what the store counts. That raises the fence: who is about to open a run has read what
        it replaces.
        """
        if holds:
            self._update(
                plan.resource,
                "SET watermark = :end, skew = :skew, fence = if_not_exists(fence, :now) + :one,"
                " created = if_not_exists(created, :started)",
                "attribute_not_exists(run) AND (attribute_not_exists(watermark) OR watermark < :end)",
                {":end": plan.end, ":skew": plan.skew, ":now": _now(), ":one": 1, ":started": plan.started},
            )
        self._end_plan(key, plan.id, "SET finished = :id")

    def drop_plan(self, key: str, plan_id: str) -> bool:
        """Give a plan up; return whether it was still there. No other gets its name."""
        return self._end_plan(key, plan_id, "SET dropped = :id")

    def _end_plan(self, key: str, plan_id: str, changes: str) -> bool:
        over = f"{changes} REMOVE #plan, failing, failing_since"
        return self._update(key, over, "#plan.id = :id", {":id": plan_id}, _PLAN) is not None

    def forget_failure(self, key: str) -> None:
        """Forget what was noted of a failure."""
        self._update(key, "REMOVE failing, failing_since", "attribute_exists(failing)", {})

    def read(self, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the items that there are, by their keys."""
        asked = {key: self._get(key) for key in keys}
        return {key: item for key, item in asked.items() if item}

    def _get(self, key: str) -> dict[str, Any]:
        answer = self._client.get_item(TableName=self._table, Key=_marshalled({"resource": key}), ConsistentRead=True)
        return plain(answer.get("Item", {}))

    def _write(self, lease: Lease, changes: str, values: Mapping[str, Any], further: str = "") -> None:
        condition = f"fence = :fence{further}"
        item = self._update(lease.key, changes, condition, {**values, ":fence": lease.fence})
        if item is None:
            raise LeaseLost(f"another invocation has taken over the export of {lease.key}")
        lease.known = item

    def _update(
        self,
        key: str,
        changes: str,
        condition: str,
        values: Mapping[str, Any],
        names: Mapping[str, str] | None = None,
    ) -> dict[str, Any] | None:
        """Change an item; return it as it is then, or None where the condition does not hold."""
        given: Any = {
            "ConditionExpression": condition,
            "ExpressionAttributeValues": _marshalled(values),
            "ExpressionAttributeNames": names,
        }
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_marshalled({"resource": key}),
                UpdateExpression=changes,
                ReturnValues="ALL_NEW",
                **{name: value for name, value in given.items() if value},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return plain(answer["Attributes"])


# Words of DynamoDB's own.
_OWNER = {"#owner": "owner"}
_PLAN = {"#plan": "plan"}


def _now() -> int:
    return int(time.time())


def _marshalled(values: Mapping[str, Any]) -> dict[str, Any]:
    from boto3.dynamodb.types import TypeSerializer  # noqa: PLC0415 - with the client, on first use

    serialize = TypeSerializer().serialize
    return {name: serialize(value) for name, value in values.items()}


def plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item's values as Python has them; every number here is whole."""
    from boto3.dynamodb.types import TypeDeserializer  # noqa: PLC0415 - with the client, on first use

    deserialize = TypeDeserializer().deserialize
    return {name: _whole(deserialize(value)) for name, value in item.items()}


def _whole(value: Any) -> Any:
    match value:
        case Decimal():
            return int(value)
        case dict():
            return {name: _whole(inner) for name, inner in value.items()}
        case list():
            return [_whole(inner) for inner in value]
    return value
