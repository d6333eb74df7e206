"""`storekey backfill`, as an operator runs it; the execution, its progress and the function's answers are played."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from rich.console import Console

from ops.backfills import Backfills
from ops.stack import Stack as OperatorsStack
from tests.ops.backfilling import BACKFILL, PLAN, Looks, end, finishing, looks, plan, range_
from tests.ops.exporting import Exporting
from tests.ops.operator import Run

__all__ = ["looks"]

pytestmark = pytest.mark.usefixtures("looks")


def test_a_backfill_is_started_followed_range_by_range_and_ends_with_the_summary(
    run: Run, exporting: Exporting, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.backfill_following._LINE_SECONDS", 0.0)
    with exporting.playing(finishing(exporting, looks)):
        result = run("backfill", "orders")
    assert result.exit_code == 0, result.output
    (execution,) = exporting.executions
    assert json.loads(execution.execution_input) == {"resource": "orders"}
    assert re.fullmatch(r"orders-backfill-\d{8}T\d{6}Z-[0-9a-f]{6}", execution.name)
    lines = result.stderr.splitlines()
    assert lines[0] == f"storekey: started {execution.name}"
    totals = "storekey: orders: 5,000 of about 40,000 rows, 7 requests, quota left 87, 0 of 2 ranges done"
    assert totals in lines
    ended = [line for line in lines if " done, ids " in line]
    assert ended == [
        "storekey: orders: range 0 of 2 done, ids 1 to 10000, 9,900 rows",
        "storekey: orders: range 1 of 2 done, ids 10001 to 30000, 30,050 rows",
        "storekey: orders: tail done, ids 30001 on, 3 rows",
    ]
    shown = " ".join(result.stdout.split())
    assert f"run {BACKFILL} rows 6 requests 7 ranges 3 window everything to 2026-11-24T08:42:00Z" in shown
    assert "agrees: as many rows as the store counts" in shown


def test_one_that_runs_already_is_followed_and_no_other_is_started(
    run: Run, exporting: Exporting, looks: Looks
) -> None:
    plan(exporting)
    range_(exporting, "00000", 9_900, done=True)
    exporting.start("customers-backfill-1", "customers")
    exporting.start("orders-backfill-of-customers", "customers")  # the input counts
    exporting.start("by-hand")  # as the console names it, or a rule

    def story() -> None:
        looks.wait()
        end(exporting)

    with exporting.playing(story):
        result = run("--json", "backfill", "orders")
    assert result.exit_code == 0, result.output
    assert [one.name for one in exporting.executions] == [
        "customers-backfill-1",
        "orders-backfill-of-customers",
        "by-hand",
    ]
    lines = result.stderr.splitlines()
    assert lines[0] == "storekey: following by-hand, which is running already"
    how_far = "9,900 of about 40,000 rows, 7 requests, 1 of 2 ranges done"
    assert lines[1] == f"storekey: orders: is at {BACKFILL}: {how_far}"
    assert not [line for line in lines if "range 0 of 2 done" in line], "that was done before"
    answer = json.loads(result.stdout)
    assert (answer["result"], answer["run"], answer["ranges"]) == ("finished", BACKFILL, 3)


def test_an_unfinished_one_is_gone_on_with(run: Run, exporting: Exporting) -> None:
    plan(exporting)
    range_(exporting, "00000", 9_900, done=True)
    result = run("backfill", "orders", "--timeout", "0.1")
    assert result.exit_code == 4
    lines = result.stderr.splitlines()
    assert lines[1].startswith(f"storekey: orders: goes on with {BACKFILL}: 9,900 of about 40,000 rows")
    follow = "is still running, and goes on; follow it with storekey --stack storekey backfill orders"
    assert lines[-1].endswith(follow)
    assert exporting.executions[0].status == "RUNNING"


def test_no_wait_returns_at_once(run: Run, exporting: Exporting) -> None:
    answer = json.loads(run("--json", "backfill", "orders", "--no-wait").stdout)
    (execution,) = exporting.executions
    assert answer == {
        "result": "started",
        "execution": execution.name,
        "run": None,
        "follow": "storekey --stack storekey backfill orders",
    }
    again = json.loads(run("--json", "backfill", "orders", "--no-wait").stdout)
    assert (again["result"], again["execution"]) == ("is running already", execution.name)


def test_who_has_seen_enough_leaves_it_running(run: Run, exporting: Exporting, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ops.backfill_following.time.sleep", interrupted)
    result = run("backfill", "orders")
    assert result.exit_code == 4
    assert "is still running, and goes on; follow it with" in result.stderr
    assert exporting.executions[0].status == "RUNNING"


def test_on_a_terminal_there_is_a_bar_and_below_it_the_ranges_at_work(
    run: Run, exporting: Exporting, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=100, height=30, color_system=None, highlight=False)
    monkeypatch.setattr("ops.backfill_following.Console", lambda **_: terminal)
    with exporting.playing(finishing(exporting, looks)):
        result = run("backfill", "orders")
    assert result.exit_code == 0, result.output
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue())
    assert "━" in shown and "56%" in shown
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "22,400 of about 40,000 rows, 10 requests, quota left 41, 1 of 2 ranges done" in lines
    assert "range ids rows since" in lines
    assert "1 10001 to 30000 12,500 2 min" in lines


@pytest.mark.parametrize(
    ("arguments", "told"),
    {
        "unknown": (("invoices",), "resource: is none of those that can be exported; give one of orders, customers"),
        "not exported": (("products",), "resource: products is not exported by this stack; add it to ExportResources"),
        "two at once": (("orders", "--dry-run", "--give-up"), "--give-up: does not go with --dry-run"),
        "yes to nothing": (("orders", "--yes"), "--yes: answers what --give-up asks; give both, or neither"),
        "time-out": (("orders", "--timeout", "-1"), "--timeout"),
        "no answer": (("orders", "--give-up"), "--give-up: asks whether it is meant; answer y, or give --yes"),
    }.values(),
)
def test_wrong_input_starts_and_stops_nothing(
    run: Run, exporting: Exporting, arguments: tuple[str, ...], told: str
) -> None:
    plan(exporting)
    result = run("backfill", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert exporting.executions == []


def test_what_dynamodb_leaves_out_is_asked_for_again(exporting: Exporting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.backfills._AGAIN_SECONDS", 0.0)
    stops = list(range(1, 251))
    exporting.note("orders/backfill", plan=PLAN | {"stops": stops})
    for number in (0, 120, 249):
        range_(exporting, f"{number:05}", 1)
    backfills = Backfills(OperatorsStack("storekey"))
    asked, read = [], backfills._table.batch_get_item

    def half(RequestItems: Any) -> Any:  # noqa: N803 - boto3's names
        ((table, wanted),) = RequestItems.items()
        keys = wanted["Keys"]
        asked.append(len(keys))
        now, later = keys[: len(keys) // 2 + 1], keys[len(keys) // 2 + 1 :]
        answer = read(RequestItems={table: {"Keys": now}})
        return {**answer, "UnprocessedKeys": {table: {"Keys": later}} if later else {}}

    monkeypatch.setattr(backfills._table, "batch_get_item", half)
    known = backfills.known("orders").plan
    assert known is not None
    assert sorted(backfills.ranges(known, range(251))) == [0, 120, 249]
    assert max(asked) == 100 and sum(asked) > 251
