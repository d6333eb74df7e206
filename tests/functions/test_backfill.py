"""A backfill by its state machine: in ranges, beside the scheduled export, whatever is killed, stopped or refused."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.aws import Aws
from sandbox.machines import Execution
from sandbox.store import Answer, Arriving, BasicAccount
from tests.functions.exported import Exports, exporting
from tests.support import points, until

ORDERS = 36


@pytest.fixture(scope="module")
def once(aws: Aws) -> Iterator[Exports]:
    with exporting(aws, rows=ORDERS) as deployed:
        yield deployed


@pytest.fixture
def exports(once: Exports) -> Iterator[Exports]:
    yield once
    once.clean()


def finished(exports: Exports, execution: Execution) -> dict[str, Any]:
    """Wait for a backfill; return its manifest, once all that it says has been looked at."""
    outcome = execution.wait()
    assert outcome.status == "SUCCEEDED", outcome
    (manifest,) = [one for one in exports.manifests() if one["run"] == outcome.output["run"]]
    ranges = manifest["ranges"]
    assert [one["after"] for one in ranges] == [0, *(one["to"] for one in ranges[:-1])] and ranges[-1]["to"] is None
    assert (manifest["mode"], len(ranges)) == ("backfill", ORDERS // 6 + 1)
    assert manifest["counts"]["verdict"] in ("agrees", "explained")
    exports.check()
    return manifest


def at(number: int, act: Callable[[], object]) -> Callable[[Arriving], None]:
    """Let something happen before the store answers a request."""

    def meet(arriving: Arriving) -> None:
        if arriving.number == number:
            act()

    return meet


def test_ranges_are_worked_on_at_the_same_time_beside_the_scheduled_export(exports: Exports) -> None:
    exports.store.latency = 0.02
    execution = exports.start_backfill()
    beside = exports.start()
    manifest = finished(exports, execution)
    assert beside.wait().status == "SUCCEEDED"
    children = execution.children()
    assert len(children) == ORDERS // 6 and {child.wait().status for child in children} == {"SUCCEEDED"}
    assert 2 <= len(exports.pool.environments) <= 5, "four children and the scheduled export"
    assert manifest["rows"] == ORDERS
    results = [key for key in exports.objects if key.startswith("backfills/wholesale/orders/")]
    assert any(key.endswith("/manifest.json") for key in results)
    assert "orders/backfill" in exports.items() and exports.item("orders/backfill")["finished"] == manifest["run"]


def test_whatever_is_killed_the_backfill_is_whole(exports: Exports) -> None:
    killed = {3, 9, 17, 30}
    exports.store.before_request = lambda arriving: exports.signal() if arriving.number in killed else None
    finished(exports, exports.start_backfill())


def test_another_execution_goes_on_where_one_was_stopped(exports: Exports) -> None:
    stopped = threading.Event()
    exports.store.before_request = at(16, stopped.set)
    first = exports.start_backfill()
    assert stopped.wait(20)
    first.stop()
    assert first.wait().status == "ABORTED"
    planned = exports.item("orders/backfill")["plan"]["id"]
    exports.store.before_request = None
    manifest = finished(exports, exports.start_backfill())
    assert manifest["run"] == planned


def test_a_token_that_is_regenerated_half_way_is_waited_for(exports: Exports) -> None:
    account, new = exports.account, []
    assert isinstance(account, BasicAccount)
    exports.store.before_request = at(14, lambda: new.append(exports.store.regenerate(account)))
    execution = exports.start_backfill()
    until(lambda: "TaskFailed" in {event["type"] for child in execution.children() for event in child.history()})
    exports.put(new[0])
    assert finished(exports, execution)["rows"] == ORDERS
    refused = points(exports.new_logs(), "CredentialsRefused")
    assert 1 in refused and refused[-1] == 0


def test_the_state_of_the_quota_and_of_a_range_may_get_lost(exports: Exports) -> None:
    def lose() -> None:
        for key in exports.items():
            if key == "quota" or key.endswith("/00000"):
                exports.forget(key)

    exports.store.before_request = at(20, lose)
    finished(exports, exports.start_backfill())


def test_what_fails_a_range_is_told_until_the_backfill_is_finished(exports: Exports) -> None:
    exports.store.before_request = at(12, lambda: exports.store.fault(Answer(403), times=None, path="/orders"))
    outcome = exports.start_backfill().wait()
    assert (outcome.status, outcome.error) == ("FAILED", "BackfillStopped")
    assert exports.item("orders/backfill")["failing"]["error"] == "Forbidden"
    assert points(exports.new_logs(), "ExportsFailing")[-1] == 1
    exports.store.heal()
    exports.store.before_request = None
    assert exports.start().wait().status == "SUCCEEDED"
    assert points(exports.new_logs(), "ExportsFailing")[-1] == 1, "it is the backfill that fails"
    finished(exports, exports.start_backfill())
    assert 0 in points(exports.new_logs(), "ExportsFailing")


def test_two_executions_share_the_ranges_and_both_end_well(exports: Exports) -> None:
    exports.store.latency = 0.02
    first, second = exports.start_backfill(), exports.start_backfill()
    finished(exports, first)
    assert second.wait().status == "SUCCEEDED"
    assert len(exports.manifests()) in (1, 2), "the second one joined in, or came so late that it began anew"
    assert "failing" not in exports.item("orders/backfill")


def test_a_backfill_that_was_given_up_ends_and_rings_nothing(exports: Exports) -> None:
    abandon = {"resource": "orders", "mode": "backfill", "abandon": True}
    exports.store.before_request = at(6, lambda: exports.pool.invoke(abandon))
    assert exports.start_backfill().wait().status == "FAILED"
    assert "failing" not in exports.item("orders/backfill")
    assert set(points(exports.new_logs(), "ExportsFailing")) == {0}


def test_a_basic_account_takes_over_half_way(exports: Exports) -> None:
    """What was begun in v3 is planned anew in v2, by nobody but the state machine."""
    basic = exports.account
    exports.put(exports.store.create_token_account("products"))
    assert exports.pool.invoke({"resource": "products"}).result["complete"]
    exports.store.clear_requests()

    def go_back() -> None:
        exports.store.delete(exports.account)
        exports.put(basic)

    exports.store.before_request = at(14, go_back)
    execution = exports.start_backfill("products")
    outcome = execution.wait()
    assert outcome.status == "SUCCEEDED", outcome
    manifest = next(one for one in exports.manifests("products") if one["run"] == outcome.output["run"])
    assert (manifest["api"], manifest["rows"], manifest["counts"]["verdict"]) == ("v2", ORDERS, "agrees")
