"""The demo's second part: what the exports write, and that nothing is lost when they are killed or refused."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .machines import Execution, Outcome
from .store import Arriving, SandboxStore, TokenAccount

if TYPE_CHECKING:
    from .demo import Scene

KINDS = ("orders", "customers", "products")
# What changes in the store is exported once it is a minute old; here the store's clock is set on instead of waiting.
LATER = 120.0


@dataclass
class Exports:
    """The exports of a scene: their executions, and their files."""

    on: Scene
    store: SandboxStore

    def expect_runs(self, claim: str) -> dict[str, Any]:
        """Fire the schedules; each resource's run must end complete. Returns the manifests by resource."""
        self.store.clock_skew += LATER
        due = [each for each in self.on.stack.schedules() if each.target == "ExportStateMachine"]
        started = [execution for execution in map(self.on.stack.fire, due) if isinstance(execution, Execution)]
        ended = [execution.wait() for execution in started]
        manifests = {one.output["resource"]: self.manifest(one) for one in ended if one.output}
        seen = ", ".join(f"{found['rows']} {kind}" for kind, found in manifests.items())
        self.on.story.prove(manifests.keys() == set(KINDS), claim, seen or f"{ended}")
        return manifests

    def manifest(self, ended: Outcome) -> dict[str, Any]:
        """The manifest of the run that an execution finished."""
        found: dict[str, Any] = json.loads(self._read(ended.output["manifest"]))
        return found

    def newest(self, kind: str) -> dict[int, dict[str, Any]]:
        """The newest row of each id over all finished runs, the last full one alone deciding what is gone."""
        rows: dict[int, dict[str, Any]] = {}
        for key in sorted(self._keys(f"exports/_manifests/store=sandbox/resource={kind}/")):
            manifest = json.loads(self._read(key))
            rows = {} if manifest["mode"] == "full" else rows
            for part in manifest["parts"]:
                lines = gzip.decompress(self._read(part["key"])).decode().splitlines()
                rows.update({row["id"]: row for row in map(json.loads, lines)})
        return rows

    def lost_or_stale(self) -> list[int]:
        """The ids of orders that are not exported as the store has them, lines and all, or that it has no more."""
        there, exported = self.store.snapshot("orders"), self.newest("orders")
        return [
            each
            for each in there.keys() | exported.keys()
            if each not in there
            or each not in exported
            or not there[each].items() <= exported[each].items()
            or exported[each]["_lines"] != self.store.lines(each)
        ]

    def _keys(self, prefix: str) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def _read(self, key: str) -> bytes:
        body: bytes = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return body

    @property
    def _bucket(self) -> str:
        return str(self.on.stack.outputs["ExportBucketName"])

    @property
    def _s3(self) -> Any:
        return self.on.stack.aws.client("s3")


def play(on: Scene, store: SandboxStore, account: TokenAccount) -> TokenAccount:
    """Play the exports; returns the account whose credentials are in the secret at the end."""
    exports = Exports(on, store)
    store.page_cap = 50  # several pages of few rows
    on.story.tell("The schedules of the exports fire for the first time.")
    store.clear_requests()
    manifests = exports.expect_runs("orders with their lines, customers and products lie in S3, each with a manifest")
    asked = sum(each.path.endswith("/orders") for each in store.requests)
    lines = manifests["orders"]["lines"]
    on.story.prove(lines == "include", "lines come with the orders, not by a call each", f"{asked} requests for orders")
    _killed(exports)
    account = _refused(exports, account)
    wrong = exports.lost_or_stale()
    on.story.prove(wrong == [], "0 rows are lost or stale", f"{len(store.orders)} orders compared, {len(wrong)} differ")
    return account


def _killed(exports: Exports) -> None:
    on, store = exports.on, exports.store
    ids = list(store.orders)
    store.change_orders(ids, staff_notes="looked through")
    store.clock_skew += LATER
    pool = on.stack.pool("ExportFunction")

    def arrive(arriving: Arriving) -> None:
        if arriving.path.endswith("/orders") and arriving.query.get("min_id"):
            store.before_request = None
            store.change_order(ids[0], staff_notes="changed behind the page")
            for function in pool.environments:
                function.kill()

    on.story.tell(
        "All orders are edited at once. While they are exported, one changes again, and the invocation is killed."
    )
    store.before_request = arrive
    execution = on.stack.start_execution("ExportStateMachine", {"resource": "orders"})
    ended = execution.wait()
    tries = sum(event["type"] == "TaskFailed" for event in execution.history())
    on.story.prove(
        ended.status == "SUCCEEDED" and tries > 0,
        "a killed export goes on and ends complete",
        f"{tries} killed, {ended.output['rows'] if ended.output else 0} rows, {ended.status.lower()}",
    )


def _refused(exports: Exports, account: TokenAccount) -> TokenAccount:
    on, store = exports.on, exports.store
    new = store.create_token_account("orders-export")
    store.remove_order(max(store.orders))
    store.clock_skew += LATER

    def arrive(arriving: Arriving) -> None:
        if arriving.path.endswith("/orders") and arriving.query.get("min_id"):
            store.before_request = None
            store.delete(account)

    on.story.tell("An order is removed, a full run begins - and in its middle the owner deletes the account.")
    store.before_request = arrive
    refused = on.stack.start_execution("ExportStateMachine", {"resource": "orders", "mode": "full"}).wait()
    on.story.prove(refused.error == "CredentialsRefused", "the run stops and keeps what it has", f"{refused.error}")
    on.update_secret(new.secret(), "CANDIDATE")
    promoted = on.run(on.promote).result or {}
    on.story.prove(
        promoted.get("result") == "promoted", "another account is staged and promoted", f"{promoted.get('result')}"
    )
    ended = on.stack.start_execution("ExportStateMachine", {"resource": "orders", "mode": "full"}).wait()
    on.story.prove(ended.status == "SUCCEEDED", "and the same run goes on to its end", ended.status.lower())
    counts = exports.manifest(ended)["counts"]
    proved = counts["verdict"] in ("agrees", "explained")
    on.story.prove(
        proved, "its manifest proves it complete", f"{counts['rows']} rows, the store counts {counts['store_after']}"
    )
    return new
