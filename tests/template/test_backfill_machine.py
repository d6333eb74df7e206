"""The state machine of backfills: what its children are told, what it waits for, what it reports, and that it ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.definitions import problems

from .source import TEXT, of_type, resolved

MACHINE = resolved("BackfillStateMachine")
DEFINITION: dict[str, Any] = MACHINE["Definition"]
STATES: dict[str, Any] = DEFINITION["States"]
RANGES: dict[str, Any] = STATES["Ranges"]
CHILD: dict[str, Any] = RANGES["ItemProcessor"]["States"]
TASKS = {name: state for name, state in {**STATES, **CHILD}.items() if state["Type"] == "Task"}
REFUSED = ["Unauthorized", "BadCredentials", "MissingCredentials"]


def test_step_functions_takes_the_definition() -> None:
    assert problems(DEFINITION) == []
    assert MACHINE["Type"] == "STANDARD"
    assert (MACHINE["Tracing"], MACHINE["Logging"]["Level"]) == ({"Enabled": True}, "ERROR")
    assert MACHINE["Logging"]["IncludeExecutionData"] is False
    group = of_type("AWS::Logs::LogGroup")["BackfillMachineLogGroup"]
    assert group["LogGroupName"] == {"Fn::Sub": "/aws/vendedlogs/states/${AWS::StackName}/backfill"}


def test_as_many_children_as_the_owner_wants_work_on_ranges_and_none_may_fail() -> None:
    assert RANGES["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    assert (RANGES["ItemsPath"], RANGES["MaxConcurrencyPath"]) == ("$.plan.answer.ranges", "$.concurrency")
    # In a definition a parameter is text, and Step Functions wants a number.
    assert STATES["Begin"]["Parameters"]["concurrency.$"] == "States.StringToJson('4')"
    assert RANGES["ToleratedFailureCount"] == 0
    assert RANGES["ResultWriter"]["Parameters"]["Bucket"] == "ExportBucket"
    assert RANGES["ResultWriter"]["Parameters"]["Prefix.$"].startswith("States.Format('backfills/store/{}/{}'")


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("Plan", {"resource.$": "$.resource", "execution.$": "$$.Execution.Name"}),
        (
            "Slice",
            {"resource.$": "$.resource", "run.$": "$.run", "range.$": "$.range", "execution.$": "$$.Execution.Name"},
        ),
        ("Finish", {"resource.$": "$.resource", "run.$": "$.plan.answer.run", "execution.$": "$$.Execution.Name"}),
        ("Report", {"resource.$": "$.resource", "failed.$": "$.failed"}),
        ("Report range", {"resource.$": "$.resource", "failed.$": "$.failed"}),
    ],
)
def test_the_function_is_told_what_to_do_and_who_calls(name: str, payload: dict[str, str]) -> None:
    assert TASKS[name]["Parameters"] == {
        "FunctionName": "ExportFunction.Arn",
        "Payload": {**payload, "mode": "backfill"},
    }
    assert of_type("AWS::Serverless::Function")["ExportFunction"]["Timeout"] < TASKS[name]["TimeoutSeconds"] <= 1000


@pytest.mark.parametrize("name", ["Slice", "Finish"])
def test_whoever_has_begun_waits_for_the_secret_and_for_the_store(name: str) -> None:
    """No schedule goes on with a backfill, so it does that by itself."""
    waits, never, retry = TASKS[name]["Retry"]
    assert waits["ErrorEquals"] == REFUSED and waits["MaxDelaySeconds"] <= 300
    assert waits["MaxAttempts"] * waits["MaxDelaySeconds"] == 7 * 86_400
    assert never["MaxAttempts"] == 0 and {"Forbidden", "TokenRequired", "BackfillGone"} <= set(never["ErrorEquals"])
    assert retry["ErrorEquals"] == ["States.ALL"]
    longest = sum(min(retry["MaxDelaySeconds"], retry["IntervalSeconds"] * 2**n) for n in range(retry["MaxAttempts"]))
    assert 3600 < longest < 4 * 3600


def test_whoever_starts_one_with_refused_credentials_is_told_at_once() -> None:
    never, _ = STATES["Plan"]["Retry"]
    assert set(REFUSED) <= set(never["ErrorEquals"]) and never["MaxAttempts"] == 0
    assert STATES["Plan"]["Catch"][0] == {"ErrorEquals": REFUSED, "ResultPath": "$.failed", "Next": "Refused"}
    assert DEFINITION["TimeoutSeconds"] == 28 * 86_400


def test_it_goes_on_until_the_function_says_that_it_is_complete() -> None:
    for machine, asking, choice, wait in (
        (STATES, "Plan", "Planned?", "Wait to plan"),
        (CHILD, "Slice", "Complete?", "Wait to go on"),
        (STATES, "Finish", "Finished?", "Wait to finish"),
    ):
        answer = machine[asking]["ResultPath"] + ".answer"
        assert machine[asking]["Next"] == choice
        assert machine[choice]["Choices"][0]["Variable"] == f"{answer}.complete"
        assert machine[choice]["Default"] == wait
        assert machine[wait] == {"Type": "Wait", "SecondsPath": f"{answer}.wait_seconds", "Next": asking}
    lost = {"Variable": "$.slice.answer.unfinished", "BooleanEquals": True, "Next": "Wait to plan anew"}
    assert STATES["Wait to plan anew"] == {"Type": "Wait", "Seconds": 60, "Next": "Plan"}
    assert STATES["Finished?"]["Choices"][1] == lost


def test_what_failed_is_noted_where_it_is_known() -> None:
    """The machine does not learn why a child failed; so the child notes it, and the machine that it failed."""
    assert CHILD["Slice"]["Catch"][-1]["Next"] == "Report range"
    assert CHILD["Report range"]["Next"] == CHILD["Report range"]["Catch"][0]["Next"] == "Range failed"
    for name in ("Ranges", "Finish"):
        assert STATES[name]["Catch"][-1] == {"ErrorEquals": ["States.ALL"], "ResultPath": "$.failed", "Next": "Report"}
    assert STATES["Report"]["Catch"][0]["Next"] == "TellTopic"
    assert STATES["Report"]["Next"] == STATES["TellTopic"]["Next"] == "Failed?"
    told = json.dumps(STATES["TellTopic"]["Parameters"])
    assert "$.failed.Cause" not in told and "$.failed.Error" in told


def test_every_retry_has_its_reason_on_the_line() -> None:
    text = TEXT[TEXT.index("  BackfillStateMachine:") : TEXT.index("  BackfillMachineLogGroup:")]
    lines = [line for line in text.splitlines() if "- ErrorEquals:" in line and "{" not in line]
    assert len(lines) == 11 and all(" # " in line for line in lines)


def test_a_basic_account_that_takes_over_is_planned_for() -> None:
    """What v3 was asked for, it cannot read: ranges are left as they are, and the end finds them unfinished."""
    assert CHILD["Slice"]["Catch"][0] == {
        "ErrorEquals": ["TokenRequired"],
        "ResultPath": "$.failed",
        "Next": "Range left",
    }
    assert CHILD["Range left"] == {"Type": "Succeed"}
    assert STATES["Finish"]["Catch"][0] == {
        "ErrorEquals": ["TokenRequired"],
        "ResultPath": "$.failed",
        "Next": "Wait to plan anew",
    }
