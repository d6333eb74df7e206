"""The state of the exports in DynamoDB: one item a resource, changed by conditional writes alone.

A lease lets one run of a resource go on at a time. Each new lease raises the ``fence``, and each write demands the
fence of its lease: who lost it - paused, or thought dead - can change nothing any more.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ._run import Run

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Longer than one call to the store takes with all its waits and repetitions.
LEASE_SECONDS = 180


class LeaseLost(Exception):
    """Another invocation has taken over this resource; this one must not write any more."""


@dataclass(frozen=True)
class Busy:
    """Another invocation holds the lease; it ends in so many seconds unless it is renewed."""

    seconds: int
    run: str


@dataclass
class Lease:
    """A lease on a resource and what the state held when it was taken. ``known`` is kept as the writes go."""

    resource: str
    fence: int
    known: dict[str, Any] = field(repr=False)

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

    def acquire(self, resource: str, owner: str) -> Lease | Busy:
        """Take the lease: a free one, one that has expired, or one of this owner's that an invocation left behind."""
        now = _now()
        item = self._update(
            resource,
            "SET fence = if_not_exists(fence, :zero) + :one, #owner = :owner, lease_until = :until,"
            " created = if_not_exists(created, :now)",
            "attribute_not_exists(lease_until) OR lease_until < :now OR #owner = :owner",
            {":zero": 0, ":one": 1, ":owner": owner, ":until": now + LEASE_SECONDS, ":now": now},
            _OWNER,
        )
        if item is not None:
            return Lease(resource, item["fence"], item)
        found = self.read([resource]).get(resource, {})
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

    def close(self, lease: Lease, run: Run) -> None:
        """Note that a run is finished: the watermark is its end, and nothing is failing. May raise LeaseLost."""
        finished = {**lease.known.get("finished", {}), run.mode: run.id}
        over = "run, progress, failing, failing_since, lowest_skew"
        self._write(
            lease,
            f"SET watermark = :end, skew = :skew, finished = :finished REMOVE {over}",
            {":end": run.end, ":skew": run.skew, ":finished": finished},
            " AND (attribute_not_exists(watermark) OR watermark <= :end)",
        )

    def abandon(self, lease: Lease, run: Run) -> None:
        """Give up the open run; what it has written does not count, and no other gets its name. May raise LeaseLost."""
        self._write(lease, "SET abandoned = :end REMOVE run, progress", {":end": run.end})

    def release(self, lease: Lease) -> None:
        """Give the lease back, if it is still held."""
        self._update(lease.resource, "REMOVE #owner, lease_until", "fence = :fence", {":fence": lease.fence}, _OWNER)

    def note_failure(self, resource: str, error: str, message: str) -> None:
        """Note that an execution gave up, why, and since when such a thing happens."""
        now = _now()
        failing = {"error": error, "message": message, "at": now}
        changes = "SET failing = :failing, failing_since = if_not_exists(failing_since, :now)"
        self._update(resource, changes, "", {":failing": failing, ":now": now})

    def read(self, resources: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the items of resources that have one."""
        asked = {resource: self._get(resource) for resource in resources}
        return {resource: item for resource, item in asked.items() if item}

    def _get(self, resource: str) -> dict[str, Any]:
        answer = self._client.get_item(
            TableName=self._table, Key=_marshalled({"resource": resource}), ConsistentRead=True
        )
        return _plain(answer.get("Item", {}))

    def _write(self, lease: Lease, changes: str, values: Mapping[str, Any], further: str = "") -> None:
        condition = f"fence = :fence{further}"
        item = self._update(lease.resource, changes, condition, {**values, ":fence": lease.fence})
        if item is None:
            raise LeaseLost(f"another invocation has taken over the export of {lease.resource}")
        lease.known = item

    def _update(
        self,
        resource: str,
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
                Key=_marshalled({"resource": resource}),
                UpdateExpression=changes,
                ReturnValues="ALL_NEW",
                **{name: value for name, value in given.items() if value},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return _plain(answer["Attributes"])


_OWNER = {"#owner": "owner"}


def _now() -> int:
    return int(time.time())


def _marshalled(values: Mapping[str, Any]) -> dict[str, Any]:
    from boto3.dynamodb.types import TypeSerializer  # noqa: PLC0415 - with the client, on first use

    serialize = TypeSerializer().serialize
    return {name: serialize(value) for name, value in values.items()}


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
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
