"""The exports of a stack, as an operator sees them: the state machine, the state's table and the bucket."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from storekey.exports._state import plain

from .items import Failing, failing_of, message_of, moment, object_of
from .manifests import RUN, manifest_key
from .sources import InputError
from .stack import Stack
from .verification import Readable

REFUSED_KINDS = ("Unauthorized", "BadCredentials", "MissingCredentials")
# A listing begins so many days back, and further back only while it has found too few: manifests are never deleted.
_LOOK_BACK = (timedelta(days=1), timedelta(days=30), None)


@dataclass(frozen=True)
class Execution:
    """An execution of the state machine; ``answer`` is its output, ``error`` and ``cause`` tell why it failed."""

    status: str
    answer: Mapping[str, Any]
    error: str = ""
    cause: str = ""

    @property
    def running(self) -> bool:
        """Whether it is not over."""
        return self.status in ("RUNNING", "PENDING_REDRIVE")

    @property
    def refused(self) -> bool:
        """Whether the credentials are missing or bad: the state machine has one word for that, the function three."""
        return self.error in ("CredentialsRefused", *REFUSED_KINDS)


@dataclass(frozen=True)
class OpenRun:
    """A run that is not finished. ``leased`` is for how many seconds an invocation holds it, 0 where none does."""

    id: str
    rows: int
    requests: int
    started: str | None
    quota_left: int | None
    total: int | None
    leased: int


@dataclass(frozen=True)
class State:
    """What the state holds of a resource; ``lag_seconds`` is None before its first finished run."""

    open: OpenRun | None = None
    failing: Failing | None = None
    lag_seconds: int | None = None


class Exports:
    """The exports of a stack. Raises StackError where the stack has none, and botocore's errors."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._store = stack.settings.store_name
        self._states = stack.client("stepfunctions")
        self._table = stack.client("dynamodb")
        self._files = stack.client("s3")

    def start(self, resource: str, mode: str) -> str:
        """Start an execution; return its ARN. Its name makes a repeated request start none beside it."""
        check_exported(self._stack, resource)
        name = f"{resource}-{mode}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"
        started = self._states.start_execution(
            stateMachineArn=self._stack.output("ExportStateMachineArn"),
            name=name,
            input=json.dumps({"resource": resource, "mode": mode}),
        )
        arn: str = started["executionArn"]
        return arn

    def execution(self, arn: str) -> Execution:
        """Tell how an execution goes."""
        found = self._states.describe_execution(executionArn=arn)
        output = object_of(found.get("output") or "{}")
        return Execution(found["status"], output, found.get("error") or "", message_of(found.get("cause") or ""))

    def state(self, resource: str) -> State:
        """Tell what the state holds of a resource."""
        answer = self._table.get_item(
            TableName=self._stack.output("ExportStateTableName"), Key={"resource": {"S": resource}}, ConsistentRead=True
        )
        item = plain(answer.get("Item", {}))
        watermark = item.get("watermark")
        lag = None if watermark is None else max(0, int(time.time()) + item.get("skew", 0) - watermark)
        return State(_open_run(item), failing_of(item), lag)

    def manifest(self, resource: str, run: str) -> dict[str, Any] | None:
        """Return a run's manifest; None where there is none, nothing in it where it is no JSON object."""
        return self.manifest_at(manifest_key(self._store, resource, run))

    def manifest_at(self, key: str) -> dict[str, Any] | None:
        """Return the manifest of a key, likewise."""
        try:
            body = self._files.get_object(Bucket=self._bucket, Key=key)["Body"]
        except self._files.exceptions.NoSuchKey:
            return None
        with body:
            return object_of(body.read())

    def runs(self, resource: str, limit: int) -> list[str]:
        """Return the finished runs of a resource, the newest first."""
        found: list[str] = []
        for back in _LOOK_BACK:
            since = f"run={datetime.now(UTC) - back:%Y%m%dT%H%M%SZ}" if back else ""
            found = sorted(self._listed(resource, since), reverse=True)
            if len(found) >= limit:
                break
        return found[:limit]

    def parts(self, prefix: str) -> Parts:
        """Return the objects under a run's prefix."""
        return Parts(self._files, self._bucket, prefix)

    @property
    def _bucket(self) -> str:
        return self._stack.output("ExportBucketName")

    def _listed(self, resource: str, since: str) -> Iterator[str]:
        prefix = manifest_key(self._store, resource, "").partition("run=")[0]
        for key in _keys(self._files, self._bucket, prefix, since):
            found = re.fullmatch(rf"run=({RUN.pattern})\.json", key.removeprefix(prefix))
            if found:
                yield found[1]


class Parts(Mapping[str, Readable]):
    """The objects under a prefix by their keys; each is opened when it is asked for, and whoever asks closes it."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    def __getitem__(self, key: str) -> Readable:
        try:
            body: Readable = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        except self._client.exceptions.NoSuchKey:
            raise KeyError(key) from None
        return body

    def __iter__(self) -> Iterator[str]:
        return _keys(self._client, self._bucket, self._prefix)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def check_exported(stack: Stack, resource: str) -> None:
    """Raise InputError for a resource that the stack does not export."""
    named = [one.strip() for one in stack.parameters.get("ExportResources", "").split(",") if one.strip()]
    if named and resource not in named:
        raise InputError(
            f"resource: {resource} is not exported by this stack; add it to ExportResources and deploy,"
            f" or take one of {', '.join(named)}"
        )


def _keys(client: Any, bucket: str, prefix: str, since: str = "") -> Iterator[str]:
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix, **({"StartAfter": prefix + since} if since else {})
    )
    for page in pages:
        for one in page.get("Contents", []):
            yield one["Key"]


def _open_run(item: Mapping[str, Any]) -> OpenRun | None:
    run, progress = item.get("run"), item.get("progress") or {}
    if not run:
        return None
    if progress.get("run") != run["id"]:
        progress = {}
    return OpenRun(
        id=run["id"],
        rows=max(run.get("rows", 0), progress.get("rows", 0)),
        requests=max(run.get("requests", 0), progress.get("requests", 0)),
        started=moment(run.get("started")),
        quota_left=progress.get("quota_left"),
        # v2's counts may not know of a window: they count all rows, and a bar would stand still.
        total=run.get("count_before") if "full" in run["id"] or run.get("api") == "v3" else None,
        leased=max(0, item.get("lease_until", 0) - int(time.time())),
    )
