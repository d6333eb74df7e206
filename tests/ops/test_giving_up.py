"""`storekey backfill --give-up`, as an operator runs it; the execution and the function's answers are played."""

from __future__ import annotations

import json

from tests.ops.backfilling import BACKFILL, Function, function, plan, range_
from tests.ops.exporting import Exporting
from tests.ops.operator import Run

__all__ = ["function"]


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
    function.answers = [{"resource": "orders", "mode": "backfill", "run": BACKFILL, "abandoned": True}]
    result = run("--json", "backfill", "orders", "--give-up", typed="y\n")
    assert result.exit_code == 0, result.output
    assert exporting.executions[0].status == "ABORTED"
    assert function.events == [{"resource": "orders", "mode": "backfill", "abandon": True}]
    assert json.loads(result.stdout) == {
        "result": "given up",
        "resource": "orders",
        "run": BACKFILL,
        "stopped": "orders-backfill-1",
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
    function.answers = [{"resource": "orders", "mode": "backfill", "run": BACKFILL, "abandoned": True}]
    result = run("backfill", "orders", "--give-up", "--yes")
    assert result.exit_code == 0
    assert "has no manifest, and does not count" in " ".join(result.stdout.split())
