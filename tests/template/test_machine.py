"""The state machine of exports: what it repeats, what it reports, what it keeps quiet about, and that it ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.definitions import problems

from .source import TEXT, of_type, resolved

MACHINE = resolved("ExportStateMachine")
DEFINITION: dict[str, Any] = MACHINE["Definition"]
STATES: dict[str, Any] = DEFINITION["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
REFUSED = {"Unauthorized", "BadCredentials", "MissingCredentials"}


def test_step_functions_takes_the_definition() -> None:
    assert problems(DEFINITION) == []
    assert MACHINE["Type"] == "STANDARD"


def test_errors_are_logged_without_the_data_of_the_store() -> None:
    assert MACHINE["Tracing"] == {"Enabled": True}
    assert MACHINE["Logging"]["Level"] == "ERROR"
    assert MACHINE["Logging"]["IncludeExecutionData"] is False
    (destination,) = MACHINE["Logging"]["Destinations"]
    assert destination == {"CloudWatchLogsLogGroup": {"LogGroupArn": "ExportMachineLogGroup.Arn"}}
    group = of_type("AWS::Logs::LogGroup")["ExportMachineLogGroup"]
    assert group["LogGroupName"] == {"Fn::Sub": "/aws/vendedlogs/states/${AWS::StackName}/export"}
    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_what_the_input_leaves_out_has_a_default() -> None:
    assert DEFINITION["StartAt"] == "Defaults"
    assert STATES["Defaults"]["Result"] == {"mode": "incremental", "unless_busy": False}
    assert STATES["Begin"]["Parameters"]["request.$"] == "States.JsonMerge($.defaults, $$.Execution.Input, false)"
    assert STATES["Begin"]["Parameters"]["slice"] == {"answer": {"run": ""}}


def test_a_slice_is_told_the_run_of_the_last_answer_and_who_calls() -> None:
    assert STATES["Slice"]["Resource"] == "arn:aws:states:::lambda:invoke"
    assert STATES["Slice"]["Parameters"] == {
        "FunctionName": "ExportFunction.Arn",
        "Payload": {
            "resource.$": "$.request.resource",
            "mode.$": "$.request.mode",
            "run.$": "$.slice.answer.run",
            "execution.$": "$$.Execution.Name",
        },
    }
    assert (STATES["Slice"]["ResultSelector"], STATES["Slice"]["ResultPath"]) == ({"answer.$": "$.Payload"}, "$.slice")


def test_a_run_goes_on_until_it_is_complete_and_waits_as_long_as_it_was_told() -> None:
    complete, busy = STATES["Complete?"]["Choices"]
    assert complete == {"Variable": "$.slice.answer.complete", "BooleanEquals": True, "Next": "Done"}
    assert busy["Next"] == "Done"
    assert busy["And"] == [
        {"Variable": "$.slice.answer.busy", "BooleanEquals": True},
        {"Variable": "$.request.unless_busy", "BooleanEquals": True},
    ]
    assert STATES["Complete?"]["Default"] == "Wait"
    assert STATES["Wait"] == {"Type": "Wait", "SecondsPath": "$.slice.answer.wait_seconds", "Next": "Slice"}
    assert STATES["Done"] == {"Type": "Succeed", "OutputPath": "$.slice.answer"}


@pytest.mark.parametrize("name", TASKS)
def test_every_call_is_repeated_a_few_times_and_never_for_ever(name: str) -> None:
    *_, retry = TASKS[name]["Retry"]
    assert 1 <= retry["MaxAttempts"] <= 4
    assert retry["BackoffRate"] >= 2
    longest = retry.get("MaxDelaySeconds", float("inf"))
    waits = [min(retry["IntervalSeconds"] * retry["BackoffRate"] ** n, longest) for n in range(retry["MaxAttempts"])]
    assert sum(waits) < 600


def test_a_slice_is_repeated_after_whatever_may_pass_by_itself() -> None:
    never, retry = STATES["Slice"]["Retry"]
    rejected = {"Forbidden", "NotFound", "RequestRejected", "WrongApiPath", "TlsFailure"}
    assert set(never["ErrorEquals"]) == REFUSED | rejected | {"SettingsError", "BadEvent"}
    assert never["MaxAttempts"] == 0
    assert retry["ErrorEquals"] == ["States.ALL"]
    assert "JitterStrategy" not in retry, "how long an outage is borne is no matter of luck"


def test_no_call_and_no_execution_waits_for_ever() -> None:
    function = of_type("AWS::Serverless::Function")["ExportFunction"]
    for name in ("Slice", "Report"):
        assert function["Timeout"] < STATES[name]["TimeoutSeconds"] <= 1000
    assert DEFINITION["TimeoutSeconds"] == 7 * 86_400


def test_refused_credentials_end_it_in_silence_and_before_anything_else_is_caught() -> None:
    refused, event, rest = STATES["Slice"]["Catch"]
    assert (set(refused["ErrorEquals"]), refused["Next"]) == (REFUSED, "Refused")
    assert STATES["Refused"]["Type"] == "Fail"
    assert "credentials-refused" in STATES["Refused"]["Cause"]
    assert (event["ErrorEquals"], event["Next"]) == (["BadEvent"], "Failed")
    assert (rest["ErrorEquals"], rest["Next"]) == (["States.ALL"], "Report")
    assert {each["ResultPath"] for each in (refused, event, rest)} == {"$.failed"}


def test_a_failure_is_noted_by_the_function_and_told_to_the_topic_where_that_fails_too() -> None:
    assert STATES["Report"]["Parameters"]["FunctionName"] == "ExportFunction.Arn"
    assert STATES["Report"]["Parameters"]["Payload"] == {
        "resource.$": "$.request.resource",
        "mode.$": "$.request.mode",
        "failed.$": "$.failed",
    }
    (catch,) = STATES["Report"]["Catch"]
    assert (catch["ErrorEquals"], catch["Next"]) == (["States.ALL"], "TellTopic")
    assert STATES["TellTopic"]["Resource"] == "arn:aws:states:::sns:publish"
    assert STATES["TellTopic"]["Parameters"]["TopicArn"] == "AlarmTopic"
    assert len(STATES["TellTopic"]["Parameters"]["Subject"]) < 100
    assert STATES["Report"]["Next"] == STATES["TellTopic"]["Next"] == "Failed?"


def test_what_failed_is_what_the_execution_says() -> None:
    assert STATES["Failed"] == {"Type": "Fail", "ErrorPath": "$.failed.Error", "CausePath": "$.failed.Cause"}
    (reserved,) = STATES["Failed?"]["Choices"]
    assert (reserved["StringMatches"], STATES["Failed?"]["Default"]) == ("States.*", "Failed")
    assert STATES["Stopped"] == {"Type": "Fail", "Error": "ExportStopped", "CausePath": "$.failed.Cause"}
    kept = [catch["ResultPath"] for state in STATES.values() for catch in state.get("Catch", [])]
    assert kept == ["$.failed"] * 3 + ["$.unreported"], "the slice's own error stays"
    assert STATES["Report"]["ResultPath"] == "$.noted" and STATES["TellTopic"]["ResultPath"] == "$.told"


def test_a_retry_of_everything_has_its_reason_on_the_line() -> None:
    lines = [line for line in TEXT.splitlines() if "- ErrorEquals: [States.ALL]" in line]
    assert len(lines) == 9 and all(" # " in line for line in lines)


def test_no_message_takes_more_from_the_store_than_the_error_and_its_place() -> None:
    told = json.dumps(STATES["TellTopic"]["Parameters"])
    assert "$.failed.Cause" not in told
    assert "$.request.resource" in told and "$.failed.Error" in told
