"""A table, a bucket and what an export has left in them."""

from __future__ import annotations

import gzip
import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.aws import Aws
from storekey.exports import _slice
from storekey.exports._exporter import Exporter, Outcome, Wanted
from storekey.exports._files import Files
from storekey.exports._state import State
from tests.layer.exports.fakes import FakeStore


def never() -> bool:
    return False


def always() -> bool:
    return True


class Killed(BaseException):
    """What no code of an invocation sees: its end."""


def kill() -> None:
    raise Killed


@dataclass(frozen=True)
class Place:
    """A table and a bucket of a test's own; ``name`` is that of both."""

    dynamodb: Any
    s3: Any
    name: str

    @property
    def state(self) -> State:
        return State(self.dynamodb, self.name)

    @property
    def files(self) -> Files:
        return Files(self.s3, self.name)

    def exporter(
        self, source: FakeStore, out_of_time: Callable[[], bool] = never, *, with_lines: bool = False
    ) -> Exporter:
        """An exporter whose clock is the one by which the store's is wrong or right."""
        clock = source.clock.time
        return Exporter(source, self.state, self.files, "shop", with_lines, out_of_time, clock)

    def item(self, resource: str = "orders") -> dict[str, Any]:
        return self.state.read([resource]).get(resource, {})

    def keys(self, prefix: str = "") -> list[str]:
        found = self.s3.list_objects_v2(Bucket=self.name, Prefix=prefix).get("Contents", [])
        return [one["Key"] for one in found]

    def body(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()
        return body

    def manifest(self, run_id: str, resource: str = "orders") -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            self.body(f"exports/_manifests/store=shop/resource={resource}/run={run_id}.json")
        )
        return found

    def rows(self, run_id: str, resource: str = "orders") -> list[dict[str, Any]]:
        """The rows of a finished run, by its manifest."""
        keys = [part["key"] for part in self.manifest(run_id, resource)["parts"]]
        return [json.loads(line) for key in keys for line in gzip.decompress(self.body(key)).splitlines()]

    def ids(self, run_id: str, resource: str = "orders") -> list[int]:
        return [row["id"] for row in self.rows(run_id, resource)]

    @contextmanager
    def before_call(self, number: int, event: Callable[[], object]) -> Iterator[list[str]]:
        """Let something happen before the n-th call to AWS of this block and each later one; give the calls."""
        made: list[str] = []
        happening = False

        def handler(event_name: str, **_: Any) -> None:
            nonlocal happening
            if happening:
                return
            made.append(event_name.removeprefix("before-call."))
            if len(made) >= number:
                happening = True
                try:
                    event()
                finally:
                    happening = False

        clients = (self.dynamodb, self.s3)
        for client in clients:
            client.meta.events.register("before-call", handler)
        try:
            yield made
        finally:
            for client in clients:
                client.meta.events.unregister("before-call", handler)

    def check(self, resource: str = "orders") -> set[int]:
        """Check each finished run against its manifest; return the ids that they hold together."""
        held: set[int] = set()
        keys = self.keys()
        for key in [key for key in keys if f"_manifests/store=shop/resource={resource}/" in key]:
            found = json.loads(self.body(key))
            parts = {part["key"]: self.body(part["key"]) for part in found["parts"]}
            assert sorted(parts) == [key for key in keys if f"/run={found['run']}/" in key]
            assert [hashlib.sha256(body).hexdigest() for body in parts.values()] == [
                part["sha256"] for part in found["parts"]
            ]
            ids = [json.loads(line)["id"] for body in parts.values() for line in gzip.decompress(body).splitlines()]
            assert ids == sorted(set(ids)) and len(ids) == found["rows"]
            held |= set(ids)
        return held


@pytest.fixture(autouse=True)
def _doubts_take_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_slice, "DOUBT_SECONDS", 0.0)


@pytest.fixture
def place(aws: Aws) -> Place:
    name = f"exports-{uuid.uuid4().hex}"
    made = Place(aws.client("dynamodb"), aws.client("s3"), name)
    made.s3.create_bucket(Bucket=name)
    made.dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "resource", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "resource", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return made


def wanted(resource: str = "orders", mode: str = "incremental", followed: str = "", owner: str = "one") -> Wanted:
    return Wanted(resource, mode, followed, owner)


def finish(exporter: Exporter, asked: Wanted, slices: int = 30) -> Outcome:
    """Do slices, as the state machine does, until the caller is satisfied; none waits."""
    followed = asked.followed
    for _ in range(slices):
        outcome = exporter.export(Wanted(asked.resource, asked.mode, followed, asked.owner))
        if outcome.complete:
            return outcome
        followed = outcome.run_id
    raise AssertionError(f"not complete after {slices} slices")
