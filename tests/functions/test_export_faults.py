"""Whatever the store or the network does at the first, a middle and the last request of a run, no row is lost.

What passes is retried or waited for, and the execution succeeds; what does not ends in export-failed, and the next
execution completes the run.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.aws import Aws
from sandbox.store import Answer, Arriving, Drip, Reset, Slow
from storekey import BadAnswer, Forbidden, RateLimited, Unavailable, Unreachable
from tests.functions.exported import Exports, Resource, exporting
from tests.layer.test_faults import FAULTS

# What the state machine retries or waits for.
PASSING = (Unavailable, Unreachable, BadAnswer, RateLimited)
# How v3 takes an answer to pieces is its own; whatever comes before that is the same.
V3_FAULTS = [name for name in FAULTS if name.startswith("200 ")] + ["503", "404", "429 beyond the time", "509"]
CASES = [("orders", name) for name in FAULTS] + [("customers", name) for name in V3_FAULTS]
# Where the last row is: an id, or a cursor.
LAST = {"orders": "123", "customers": base64.urlsafe_b64encode(b"id:24").decode()}


@pytest.fixture(scope="module")
def basic(aws: Aws) -> Iterator[Exports]:
    with exporting(aws, time_scale=0.0001) as exports:
        yield exports


@pytest.fixture(scope="module")
def token(aws: Aws) -> Iterator[Exports]:
    with exporting(aws, token=True, time_scale=0.0001) as exports:
        yield exports


@pytest.fixture
def exports(request: pytest.FixtureRequest, resource: str) -> Exports:
    """Orders are exported with a Basic account, customers with a token."""
    deployed: Exports = request.getfixturevalue("basic" if resource == "orders" else "token")
    deployed.clean()
    deployed.pool.timeout = 30.0
    return deployed


def plan(exports: Exports, resource: str, fault: Any) -> list[str]:
    """Let the first request, one in the middle and the last, for the page behind all rows, meet a fault each.

    Returns what has not happened yet.
    """
    ahead = ["first", "middle", "last"]

    def meet(arriving: Arriving) -> None:
        position = arriving.query.get("min_id") or arriving.query.get("after")
        place = "last" if position == LAST[resource] else "middle" if position else "first"
        if place in ahead:
            ahead.remove(place)
            exports.store.fault(fault)

    exports.store.before_request = meet
    return ahead


@pytest.mark.parametrize(("resource", "name"), CASES)
def test_a_fault_costs_no_row(exports: Exports, resource: Resource, name: str) -> None:
    fault, error, _, _ = FAULTS[name]
    ahead = plan(exports, resource, fault)
    failed: list[str | None] = []
    while len(failed) < 4 and (outcome := exports.run(resource)).status != "SUCCEEDED":
        failed.append(outcome.error)
        assert exports.item(resource)["failing"]["error"] == outcome.error
        exports.pass_time(2)
    assert ahead == []
    assert failed == ([] if issubclass(error, PASSING) else [error.__name__] * 3)
    exports.check(resource)
    (manifest,) = exports.manifests(resource)
    assert manifest["counts"]["verdict"] == "agrees"
    assert "failing" not in exports.item(resource)


@pytest.mark.parametrize("resource", ["orders"])
def test_an_answer_that_is_too_slow_costs_no_row(exports: Exports, resource: Resource) -> None:
    """The function ends in time, with what it has read, and is called again."""
    exports.finish("products")
    slow = {"115": Slow(after=60), "123": Drip(0.5, headers=True)}

    def meet(arriving: Arriving) -> None:
        if fault := slow.pop(arriving.query.get("min_id", ""), None):
            exports.store.fault(fault)

    exports.store.before_request = meet
    exports.pool.timeout = 3.0
    execution = exports.start(resource)
    assert execution.wait().status == "SUCCEEDED"
    assert execution.states().count("Slice") == 3
    assert slow == {}
    exports.check()


@pytest.mark.parametrize(
    ("resource", "fault", "error"),
    [
        ("orders", Answer(503), Unavailable),
        ("orders", Reset("request"), Unreachable),
        ("customers", Answer(200, b"<html>"), BadAnswer),
        ("customers", Answer(403), Forbidden),
    ],
)
def test_a_fault_that_stays_fails_the_execution_and_the_next_goes_on(
    exports: Exports, resource: Resource, fault: Any, error: type[Exception]
) -> None:
    def meet(arriving: Arriving) -> None:
        if arriving.number == 6:
            exports.store.fault(fault, times=None)

    exports.store.before_request = meet
    outcome = exports.run(resource)
    assert (outcome.status, outcome.error) == ("FAILED", error.__name__)
    kept = exports.item(resource)["run"]
    assert kept["parts"][0]["rows"] == kept["rows"] > 0
    exports.store.before_request = None
    exports.store.heal()
    assert exports.finish(resource)["run"] == kept["id"]
    (manifest,) = exports.manifests(resource)
    assert manifest["parts"][0]["sha256"] == kept["parts"][0]["sha256"], "it was not read again"
    exports.check(resource)
