"""A deployed stack that exports a small store, and what came of it in S3, the state and the logs."""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from boto3.dynamodb.types import TypeDeserializer

from sandbox.aws import Aws, Stack
from sandbox.machines import Execution, Outcome
from sandbox.pool import Pool
from sandbox.store import BasicAccount, SandboxStore, TokenAccount
from sandbox.store.catalog import customer_v3, product_v3
from sandbox.template import Template

Account = BasicAccount | TokenAccount
Resource = Literal["orders", "customers", "products"]
ALL: tuple[Resource, ...] = ("orders", "customers", "products")
JUMP = 600.0
# Back-off and long refusals are tested in test_policy and test_budget; here they would only take their time. And a few
# rows make up a range of a backfill.
_QUICK = """
import storekey._policy, storekey._quota, storekey.exports._budget, storekey.exports._plan, storekey.exports._slice
storekey.exports._slice.DOUBT_SECONDS = 0.01
storekey.exports._budget.LONGEST_REFUSAL = storekey.exports._budget.SCOUT_SECONDS = 0.5
storekey.exports._plan._LEAST_ROWS = 6
storekey._policy._FIRST_BACKOFF = 0.01
storekey._quota.BASIC_RECOUNT_SECONDS = 0.5
"""
_template = functools.cache(lambda: Template.load("template.yaml"))


@dataclass
class Exports:
    """One store, the stack that exports it, and the account in its secret."""

    aws: Aws
    store: SandboxStore
    stack: Stack
    account: Account
    _seen: int = field(default=0, repr=False)

    def put(self, account: Account) -> None:
        """Update the secret as an operator does."""
        self.account = account
        self.aws.client("secretsmanager").put_secret_value(
            SecretId=self.stack.secret_id, SecretString=json.dumps(account.secret())
        )

    def start(self, resource: str = "orders", **request: Any) -> Execution:
        return self.stack.start_execution("ExportStateMachine", {"resource": resource, **request})

    def run(self, resource: str = "orders", **request: Any) -> Outcome:
        return self.start(resource, **request).wait()

    def finish(self, resource: str = "orders", **request: Any) -> dict[str, Any]:
        """Run an execution that succeeds; return its output."""
        outcome = self.run(resource, **request)
        assert outcome.status == "SUCCEEDED", outcome
        answer: dict[str, Any] = outcome.output
        return answer

    def start_backfill(self, resource: str = "orders") -> Execution:
        return self.stack.start_execution("BackfillStateMachine", {"resource": resource})

    def fire(self) -> dict[str, Outcome]:
        """Let the schedules start all resources at once; how each ended."""
        due = [each for each in self.stack.schedules() if each.target == "ExportStateMachine"]
        started = {each.event["resource"]: self.stack.fire(each) for each in due}
        return {name: each.wait() for name, each in started.items() if isinstance(each, Execution)}

    def pass_time(self, seconds: float = JUMP) -> None:
        """Let the store's clock go on, so that what has changed lies behind the end of the next window."""
        self.store.clock_skew += seconds

    @property
    def pool(self) -> Pool:
        return self.stack.pool("ExportFunction")

    def signal(self, signum: int = signal.SIGKILL) -> None:
        """Send the function's environments a signal, the one that ends them unless another is named."""
        for pid in [each.pid for each in self.pool.environments]:
            if pid:
                with suppress(ProcessLookupError):
                    os.kill(pid, signum)

    def new_logs(self) -> str:
        """What the function has printed since the last call."""
        logs = self.stack.logs("ExportFunction")
        new, self._seen = logs[self._seen :], len(logs)
        return new

    def item(self, resource: str = "orders") -> dict[str, Any]:
        """The resource's item of the state, or nothing."""
        answer = self.aws.client("dynamodb").get_item(
            TableName=self.stack.outputs["ExportStateTableName"], Key={"resource": {"S": resource}}
        )
        return {name: TypeDeserializer().deserialize(value) for name, value in answer.get("Item", {}).items()}

    def items(self) -> list[str]:
        """The keys of all items of the state."""
        found = self.aws.client("dynamodb").scan(TableName=self.stack.outputs["ExportStateTableName"])["Items"]
        return sorted(item["resource"]["S"] for item in found)

    def forget(self, key: str) -> None:
        """Remove an item of the state."""
        self.aws.client("dynamodb").delete_item(
            TableName=self.stack.outputs["ExportStateTableName"], Key={"resource": {"S": key}}
        )

    def expire_lease(self, resource: str = "orders") -> None:
        """Let the lease of an execution end that is no more; it would last for three minutes."""
        self.aws.client("dynamodb").update_item(
            TableName=self.stack.outputs["ExportStateTableName"],
            Key={"resource": {"S": resource}},
            UpdateExpression="SET lease_until = :past",
            ExpressionAttributeValues={":past": {"N": "0"}},
        )

    @property
    def objects(self) -> dict[str, bytes]:
        """All that lies in the bucket."""
        s3, bucket = self.aws.client("s3"), self.stack.outputs["ExportBucketName"]
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def manifests(self, resource: str = "orders") -> list[dict[str, Any]]:
        """The manifests of a resource's finished runs, the oldest first."""
        begin = f"exports/_manifests/store=wholesale/resource={resource}/run="
        found = [json.loads(body) for key, body in sorted(self.objects.items()) if key.startswith(begin)]
        assert all(each["complete"] is True and each["resource"] == resource for each in found)
        return found

    def check(self, resource: Resource = "orders", gone: frozenset[int] = frozenset()) -> None:
        """Every finished run is what its manifest says, and together they hold what the store holds.

        ``gone`` are ids that were removed from the store, which no full run has left out yet.
        """
        shown, there = latest(self.objects, resource), self.store.snapshot(resource)
        assert shown.keys() - gone == there.keys()
        for row_id, expected in there.items():
            row = shown[row_id]
            assert _own(row) == _as_exported(resource, row["_api"], expected), f"{resource} {row_id}"
            if resource == "orders":
                assert row["_lines"] == self.store.lines(row_id), f"lines of {row_id}"

    def clean(self) -> None:
        """Forget all runs, faults and requests; the store's rows and the account stay."""
        s3, bucket = self.aws.client("s3"), self.stack.outputs["ExportBucketName"]
        if there := s3.list_objects_v2(Bucket=bucket).get("Contents"):
            s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": each["Key"]} for each in there]})
        for key in self.items():
            self.forget(key)
        self.store.heal()
        self.store.before_request = None
        self.store.quota = None
        self.store.latency = 0.0
        self.store.include_lines, self.store.include_line_cap, self.store.inclusive = True, None, True
        self.store.clear_requests()
        self.pool.timeout = None
        self.new_logs()


@contextmanager
def exporting(
    aws: Aws,
    token: bool = False,
    filled: bool = True,
    rows: int = 24,
    time_scale: float = 0.001,
    **parameters: str,
) -> Iterator[Exports]:
    """Deploy a stack for a new store of ``rows`` orders, customers and products, with pages of four.

    The waits of the state machine are shortened, and those of the function's own back-off.
    """
    with SandboxStore(orders=rows, customers=rows, products=rows) as store, TemporaryDirectory() as folder:
        store.page_cap = 4
        stack = aws.deploy(
            _template(),
            parameters={
                "AllowedHosts": store.host,
                "StoreCaBundle": store.ca_pem,
                "StoreName": "wholesale",
                **parameters,
            },
            time_scale=time_scale,
        )
        with closing(stack):
            (Path(folder) / "sitecustomize.py").write_text(_QUICK)
            paths = stack.configuration("ExportFunction", {}).environment("")["PYTHONPATH"]
            stack.pool("ExportFunction").variables["PYTHONPATH"] = os.pathsep.join([paths, folder])
            account = store.create_token_account("export") if token else store.create_account("export")
            exports = Exports(aws, store, stack, account)
            if filled:
                exports.put(account)
            yield exports


def rows_of(objects: dict[str, bytes], manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a finished run, which are what its manifest says."""
    rows: list[dict[str, Any]] = []
    for part in manifest["parts"]:
        body = objects[part["key"]]
        assert (len(body), hashlib.sha256(body).hexdigest()) == (part["bytes"], part["sha256"])
        found = [json.loads(line) for line in gzip.decompress(body).splitlines()]
        assert len(found) == part["rows"]
        if found:
            assert (found[0]["id"], found[-1]["id"]) == (part["first_id"], part["last_id"])
        rows += found
    ids = [row["id"] for row in rows]
    assert ids == sorted(set(ids)), "a finished run holds an id at most once"
    assert len(rows) == manifest["rows"] == manifest["counts"]["rows"]
    assert {(row["_run"], row["_api"]) for row in rows} <= {(manifest["run"], manifest["api"])}
    assert {
        key for key in objects if f"resource={manifest['resource']}/" in key and f"run={manifest['run']}/" in key
    } == {part["key"] for part in manifest["parts"]}, "the folder of a finished run holds its parts alone"
    return rows


def latest(objects: dict[str, bytes], resource: str) -> dict[int, dict[str, Any]]:
    """The newest row of each id over all finished runs since the last one of everything."""
    found = [
        json.loads(body) for key, body in objects.items() if f"_manifests/store=wholesale/resource={resource}/" in key
    ]
    census = max((one["window"]["to"] for one in found if one["mode"] != "incremental"), default="")
    rows = [row for one in found if one["window"]["to"] >= census for row in rows_of(objects, one)]
    return {row["id"]: row for row in sorted(rows, key=lambda row: (row["_exported_at"], row["_run"]))}


def _own(row: dict[str, Any]) -> dict[str, Any]:
    """A row as the store sent it; consignments are what lines were asked for with."""
    return {name: value for name, value in row.items() if not name.startswith("_") and name != "consignments"}


def _as_exported(resource: Resource, api: str, row: dict[str, Any]) -> dict[str, Any]:
    if api == "v2":
        return {name: value for name, value in row.items() if name != "consignments"}
    return customer_v3(row) if resource == "customers" else product_v3(row)
