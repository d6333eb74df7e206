"""`storekey backfill --give-up`, as an operator runs it; the execution and the function's answers are played."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.backfills import Known
from ops.giving_up import outcome
from ops.items import Failing
from tests.ops.backfilling import BACKFILL, PLAN, Function, function, plan, range_
from tests.ops.exporting import Exporting
from tests.ops.operator import Run

__all__ = ["function"]

EARLIER = "20261101T000000Z-backfill"
FAILING = {"error": "Forbidden", "message": "GET v2/orders: 403", "at": 1_790_000_000}


def answered(run: str = "", resource: str = "orders") -> dict[str, Any]:
    """The function's answer: the run that it gave up, or that there was none."""
    return {"resource": resource, "mode": "backfill", "run": run, "abandoned": bool(run)}


def words(text: str) -> str:
    return " ".join(text.split())


def test_giving_up_stops_what_runs_and_says_what_was_given_up(
    run: Run, exporting: Exporting, function: Function
) -> None:
    plan(exporting)
    range_(exporting, "00000", 9_900, done=True)
    exporting.start("orders-backfill-1")
    asked = run("backfill", "orders", "--give-up", typed="n\n")
    assert (asked.exit_code, exporting.executions[0].status) == (0, "RUNNING")
    question = f"give up {BACKFILL} of orders (9,900 of about 40,000 rows, 7 requests, 1 of 2 ranges done)? [y/N]"
    assert question in asked.stderr
    assert "kept" in asked.stdout
    function.answers = [answered(BACKFILL)]
    result = run("--json", "backfill", "orders", "--give-up", typed="y\n")
    assert result.exit_code == 0, result.output
    assert exporting.executions[0].status == "ABORTED"
    assert function.events == [{"resource": "orders", "mode": "backfill", "abandon": True}]
    assert json.loads(result.stdout) == {
        "result": "given up",
        "resource": "orders",
        "run": BACKFILL,
        "stopped": ["orders-backfill-1"],
        "ranges": 2,
        "ranges_done": 1,
        "rows": 9_900,
    }


def test_giving_up_without_an_execution_and_without_anything(
    run: Run, exporting: Exporting, function: Function
) -> None:
    nothing = run("backfill", "orders", "--give-up")
    assert (nothing.exit_code, function.events) == (0, [])
    assert "nothing to give up" in nothing.stdout
    plan(exporting)
    function.answers = [answered(BACKFILL)]
    result = run("backfill", "orders", "--give-up", "--yes")
    assert result.exit_code == 0
    left = f"written stay in the bucket under run={BACKFILL}, without a manifest, and are not counted"
    assert left in words(result.stdout)


def test_all_that_runs_of_a_resource_is_stopped_though_it_is_exported_no_more(
    run: Run, exporting: Exporting, function: Function
) -> None:
    exporting.note("products/backfill", plan=PLAN)
    for name, resource in (("products-backfill-1", "products"), ("orders-1", "orders"), ("by-hand", "products")):
        exporting.start(name, resource)
    function.answers = [answered(BACKFILL, "products")]
    result = run("backfill", "products", "--give-up", "--yes")
    assert result.exit_code == 0, result.output
    assert {one.name: one.status for one in exporting.executions} == {
        "products-backfill-1": "ABORTED",
        "orders-1": "RUNNING",
        "by-hand": "ABORTED",
    }
    assert "by-hand" in result.stdout and "products-backfill-1" in result.stdout


def test_a_failure_that_was_noted_without_a_plan_is_forgotten(
    run: Run, exporting: Exporting, function: Function
) -> None:
    exporting.note("orders/backfill", failing=FAILING)
    function.answers = [answered()]
    result = run("backfill", "orders", "--give-up", typed="y\n")
    assert result.exit_code == 0, result.output
    assert "forget that the backfill of orders failed (Forbidden: GET v2/orders: 403)? [y/N]" in result.stderr
    assert function.events == [{"resource": "orders", "mode": "backfill", "abandon": True}]
    assert "result failure forgotten" in words(result.stdout)
    assert "Forbidden: GET v2/orders: 403; export-failed rings for it no more" in words(result.stdout)


def test_a_backfill_that_was_finished_meanwhile_was_not_given_up(
    run: Run, exporting: Exporting, function: Function
) -> None:
    plan(exporting, finished=EARLIER)
    function.answers = [answered()]
    function.meanwhile = lambda: exporting.note("orders/backfill", finished=BACKFILL)
    result = run("backfill", "orders", "--give-up", "--yes")
    assert result.exit_code == 0, result.output
    shown = words(result.stdout)
    assert f"result finished resource orders run {BACKFILL}" in shown
    assert "it was finished before it could be given up, and counts; storekey runs orders shows it" in shown
    assert "result given up" not in shown


def test_one_that_does_not_stop_is_not_given_up(
    run: Run, exporting: Exporting, function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.giving_up._STOP_SECONDS", 0.0)
    monkeypatch.setattr("ops.giving_up._POLL_SECONDS", 0.001)
    monkeypatch.setattr("ops.backfills.Backfills.stop", lambda self, arn: None)
    plan(exporting)
    exporting.start("orders-backfill-1")
    result = run("backfill", "orders", "--give-up", "--yes")
    assert (result.exit_code, function.events) == (3, [])
    assert "orders-backfill-1 does not stop; look at it in Step Functions, then give up again" in result.stderr


@pytest.mark.parametrize(
    ("run_id", "given_up", "failing", "finished", "expected"),
    {
        "given up": (BACKFILL, BACKFILL, True, EARLIER, ("given up", BACKFILL)),
        "planned after the look": (None, BACKFILL, False, EARLIER, ("given up", BACKFILL)),
        "by another operator": (BACKFILL, "", False, EARLIER, ("given up", BACKFILL)),
        "finished": (BACKFILL, "", True, BACKFILL, ("finished", BACKFILL)),
        "planned and finished after the look": (None, "", False, BACKFILL, ("finished", BACKFILL)),
        "a failure": (None, "", True, EARLIER, ("failure forgotten", None)),
        "without a plan": (None, "", False, EARLIER, ("stopped", None)),
    }.values(),
)
def test_what_came_of_it(
    run_id: str | None, given_up: str, failing: bool, finished: str, expected: tuple[str, str | None]
) -> None:
    before = Known(failing=Failing("Forbidden", "403", None) if failing else None, finished=EARLIER)
    assert outcome(answered(given_up), run_id, before, Known(finished=finished)) == expected
