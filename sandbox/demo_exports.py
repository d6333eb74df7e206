"""The demo's second part: what the exports write, and that nothing is lost when they are killed or refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .files import Files
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
        return self.files.manifest(ended.output["manifest"])

    @property
    def files(self) -> Files:
        """The files of the runs."""
        return Files(self.on.stack.aws.client("s3"), self.on.stack.outputs["ExportBucketName"], self.store)


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
    wrong = exports.files.lost_or_stale()
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
