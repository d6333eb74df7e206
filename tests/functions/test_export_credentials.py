"""What becomes of an open run when the store refuses the credentials, or the secret holds another kind of account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.aws import Aws
from sandbox.store import Arriving, BasicAccount, SandboxStore
from tests.functions.exported import Exports, exporting


@pytest.fixture
def exports(aws: Aws) -> Iterator[Exports]:
    with exporting(aws) as deployed:
        yield deployed


@pytest.fixture
def with_token(aws: Aws) -> Iterator[Exports]:
    with exporting(aws, token=True) as deployed:
        yield deployed


def at(store: SandboxStore, number: int, act: Callable[[], object]) -> None:
    """Let something happen before the store answers its request of a number, counted anew."""

    def meet(arriving: Arriving) -> None:
        if arriving.number == number:
            act()

    store.clear_requests()
    store.before_request = meet


def asked_behind(store: SandboxStore) -> list[int]:
    """Behind which row each page of v2 was asked for, and answered."""
    pages = [seen for seen in store.requests if "limit" in seen.query and seen.status == 200]
    return [int(seen.query.get("min_id", 0)) for seen in pages]


def states(exports: Exports, alarms: Any) -> dict[str, str]:
    alarms.read(exports.new_logs())
    alarms.evaluate()
    return {name.removeprefix("storekey-"): state for name, state in alarms.states.items()}


def test_a_run_that_the_store_refuses_waits_for_the_secret_and_goes_on(exports: Exports) -> None:
    # Given the owner makes a new token in the middle of a run
    account, store = exports.account, exports.store
    assert isinstance(account, BasicAccount)
    alarms, inbox = exports.stack.alarms(), exports.stack.subscribe_queue()
    new: list[BasicAccount] = []
    at(store, 6, lambda: new.append(store.regenerate(account)))

    # Then the execution ends, tells nobody but the alarm of the credentials, and what was read is kept
    refused = exports.run(unless_busy=True)
    assert (refused.status, refused.error) == ("FAILED", "CredentialsRefused")
    assert inbox.texts() == []
    run = exports.item()["run"]
    (part,) = run["parts"]
    assert (part["rows"], part["last_id"]) == (run["rows"], run["last_id"])
    assert 100 < run["last_id"] < 123
    assert [key for key in exports.objects if run["id"] in key] == [
        f"exports/store=wholesale/resource=orders/dt={run['id'][:4]}-{run['id'][4:6]}-{run['id'][6:8]}"
        f"/run={run['id']}/part-00000.jsonl.gz"
    ]
    assert "failing" not in exports.item()
    rung = states(exports, alarms)
    assert rung["credentials-refused"] == "ALARM"
    assert rung["export-failed"] == "OK"
    assert rung["export-late"] != "ALARM"

    # When schedules go on to fire, then nothing else rings, and the store is hardly troubled
    store.before_request = None
    store.clear_requests()
    for _ in range(4):
        alarms.skip(900)
        assert {one.error for one in exports.fire().values()} == {"CredentialsRefused"}
        rung = states(exports, alarms)
        assert rung["export-failed"] == "OK"
        assert rung["export-late"] != "ALARM"
    told = [(one["AlarmName"], one["NewStateValue"]) for one in inbox.read()]
    assert told.count(("storekey-credentials-refused", "ALARM")) == 1
    assert [name for name, state in told if state == "ALARM" and "export" in name] == []
    assert {seen.status for seen in store.requests} <= {401}

    # When the secret is updated, then the next schedule goes on behind the last row that was kept
    exports.put(new[0])
    store.clear_requests()
    outcome = exports.fire()["orders"]
    assert (outcome.status, outcome.output["run"], outcome.output["rows"]) == ("SUCCEEDED", run["id"], 24)
    assert min(behind for behind in asked_behind(store) if behind > 99) == run["last_id"]
    exports.check()
    (manifest,) = exports.manifests()
    assert manifest["parts"][0]["sha256"] == part["sha256"], "it was not written anew"
    assert len(manifest["parts"]) == 2
    alarms.skip(60)
    exports.finish()
    assert states(exports, alarms)["credentials-refused"] == "OK"


def test_a_new_token_in_the_secret_in_time_is_no_failure(exports: Exports) -> None:
    account, store = exports.account, exports.store
    assert isinstance(account, BasicAccount)
    at(store, 6, lambda: exports.put(store.regenerate(account)))
    execution = exports.start()
    assert execution.wait().status == "SUCCEEDED"
    assert execution.states().count("Slice") == 1
    assert [seen.status for seen in store.requests].count(401) == 1
    exports.check()


@pytest.mark.parametrize("resource", ["orders", "customers"])
def test_a_run_goes_on_in_v2_when_the_secret_gets_a_token(exports: Exports, resource: Any) -> None:
    store, basic = exports.store, exports.account

    def switch() -> None:
        exports.put(store.create_token_account("export"))
        store.delete(basic)

    at(store, 6, switch)
    answer = exports.finish(resource)
    assert answer["rows"] == 24
    (manifest,) = exports.manifests(resource)
    assert manifest["api"] == "v2"
    roots = [seen.path[: seen.path.index("/v")] for seen in store.requests if seen.status == 200]
    assert roots == ["/api"] * 5 + ["/stores/abc123"] * (len(roots) - 5)

    exports.store.before_request = None
    exports.pass_time()
    store.change_customer(3, notes="x")
    store.change_product(3, name="x")
    store.change_order(103, staff_notes="x")
    exports.pass_time()
    assert exports.finish(resource)["rows"] == 1
    assert exports.manifests(resource)[-1]["api"] == ("v2" if resource == "orders" else "v3")
    exports.check(resource)


@pytest.mark.parametrize("number", [1, 2, 3, 6])
def test_a_v3_run_begins_again_in_v2_when_the_secret_gets_a_basic_account(with_token: Exports, number: int) -> None:
    exports, store = with_token, with_token.store
    token = exports.account

    def switch() -> None:
        store.clock_skew += 5
        exports.put(store.create_account("export"))
        store.delete(token)

    at(store, number, switch)
    execution = exports.start("customers")
    assert execution.wait().status == "SUCCEEDED", (number, execution.wait())
    assert execution.wait().output["rows"] == 24
    (manifest,) = exports.manifests("customers")
    assert manifest["api"] == "v2"
    exports.check("customers")
