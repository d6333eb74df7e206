"""`storekey backfill --dry-run`, as an operator runs it; the function's answers are played."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rich.console import Console

from ops.dry_runs import takes
from ops.estimates import estimated
from ops.stack import Stack
from tests.ops.backfilling import BACKFILL, DRY, Function, function, plan
from tests.ops.exporting import Exporting
from tests.ops.operator import Run

__all__ = ["function"]


def test_a_dry_run_shows_what_it_takes_and_starts_nothing(
    run: Run, exporting: Exporting, function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stack, "region", "eu-west-1")
    monkeypatch.setattr("ops.answers.Console", lambda **_: Console(width=160, highlight=False))
    function.answers = [{**DRY, "complete": False, "wait_seconds": 0, "ranges": [], "estimate": None}, DRY]
    result = run("backfill", "orders", "--dry-run")
    assert result.exit_code == 0, result.output
    assert function.events == [{"resource": "orders", "mode": "backfill", "dry_run": True}] * 2
    assert exporting.executions == []
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "ranges 25, ids 100 to 250099, about 10,000 rows each; 4 at once" in lines
    assert "requests about 1,040" in lines
    assert "quota 120 requests in 30 s, the reserve left out" in lines
    assert "takes about 4 min, as the quota allows; as fast as the store answers: 107 s" in lines
    assert "Lambda, time 520 x $0.0000133334 per GB-second (arm64) 0.0069" in lines
    assert "Prices of us-east-1 without free tiers, taxes and discounts; the stack is in eu-west-1" in result.stdout
    assert "https://aws.amazon.com/step-functions/pricing/" in result.stdout


def test_a_dry_run_for_scripts_holds_each_amount_and_its_price(
    run: Run, exporting: Exporting, function: Function
) -> None:
    plan(exporting)
    function.answers = [{**DRY, "quota": None}]
    answer = json.loads(run("--json", "backfill", "orders", "--dry-run").stdout)
    assert (answer["rows"], answer["requests"], answer["bound_by"]) == (250_000, 1040, "pace")
    assert (answer["seconds"]["quota"], answer["unfinished"], len(answer["ranges"])) == (None, BACKFILL, 25)
    assert answer["cost_usd"] == pytest.approx(sum(cost["cost_usd"] for cost in answer["costs"]), abs=1e-5)
    assert {"item", "amount", "usd", "each", "unit", "page", "seen", "cost_usd"} == set(answer["costs"][0])


@pytest.mark.parametrize(
    ("change", "told"),
    {
        "no quota": ({"quota": None}, "as fast as the store answers; its quota may make it longer"),
        "a large quota": ({"quota": {"requests": 9000, "window_seconds": 30}}, "the quota would allow 3 s"),
        "no count": ({"count": None}, "unknown, the store tells no count"),
        "no ranges": ({"ranges": []}, "none, it is read in one go"),
    }.values(),
)
def test_what_a_dry_run_does_not_know_it_says(
    run: Run, exporting: Exporting, function: Function, change: dict[str, Any], told: str
) -> None:
    function.answers = [{**DRY, **change}]
    assert told in " ".join(run("backfill", "orders", "--dry-run").stdout.split())


@pytest.mark.parametrize(
    ("weeks", "bound"),
    {
        "by the quota": (5, {"quota": {"requests": 1040, "window_seconds": 5 * 7 * 86_400}}),
        "by its pace": (
            5,
            {"quota": None, "estimate": {**DRY["estimate"], "seconds_sampled": 5 * 7 * 86_400 * 4 / 1040}},
        ),
        "in time": (4, {"quota": {"requests": 1040, "window_seconds": 4 * 7 * 86_400}}),
    }.values(),
)
def test_what_takes_longer_than_an_execution_may_goes_on_by_the_same_command(weeks: int, bound: dict[str, Any]) -> None:
    told = takes(estimated({**DRY, **bound}, 4))
    assert told.startswith(f"about {weeks * 7 * 24}.0 h, as ")
    limit = "One execution may take four weeks at most; the same command then goes on, as long as a range was finished"
    assert (limit in told) == (weeks > 4)


def test_a_quota_that_is_spent_ends_a_dry_run_in_time(run: Run, exporting: Exporting, function: Function) -> None:
    function.answers = [{**DRY, "complete": False, "wait_seconds": 60}]
    result = run("backfill", "orders", "--dry-run", "--timeout", "1")
    assert result.exit_code == 4
    assert "ask again in 60 s, or give --timeout more" in result.stderr


@pytest.mark.parametrize(
    ("kind", "told"),
    {
        "refused": ("Unauthorized", "give new ones with storekey credentials set, then try again"),
        "another": ("Forbidden", "failed (Forbidden: the account may not); the log of the function says more"),
    }.values(),
)
def test_what_the_function_raises_is_one_line(
    run: Run, exporting: Exporting, function: Function, kind: str, told: str
) -> None:
    function.answers = [{"errorType": kind, "errorMessage": "the account may not", "stackTrace": ["File app.py"]}]
    result = run("backfill", "orders", "--dry-run")
    assert result.exit_code == 1
    assert told in result.stderr.splitlines()[-1]
    assert "app.py" not in result.output
