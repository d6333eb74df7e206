"""Distributed Maps of a state machine: children that are executions of their own, their limits and their results."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws import Aws, Stack
from sandbox.machines import Execution
from tests.sandbox.deploying import CALL, TEMPLATE, deploying, machine
from tests.support import until

WITH_BUCKET = TEMPLATE.replace("Resources:\n", 'Resources:\n  Bucket: {Type: "AWS::S3::Bucket"}\n').replace(
    "Topic: !Ref Topic}", "Topic: !Ref Topic, Bucket: !Ref Bucket}"
)
DONE = {"Type": "Succeed"}
LATER = {"Type": "Wait", "SecondsPath": "$.wait", "Next": "Good?"}
CHOICE = {
    "Type": "Choice",
    "Choices": [{"Variable": "$.bad", "BooleanEquals": True, "Next": "Fail"}],
    "Default": "Done",
}
STATES = {"Later": LATER, "Good?": CHOICE, "Fail": {"Type": "Fail", "Error": "Bad", "Cause": "it is"}, "Done": DONE}
THRESHOLD = "States.ExceedToleratedFailureThreshold"
WRITER = {
    "Resource": "arn:aws:states:::s3:putObject",
    "Parameters": {"Bucket": "${Bucket}", "Prefix.$": "States.Format('results/{}', $.name)"},
}


@pytest.fixture(scope="module")
def running() -> Iterator[Aws]:
    with Aws() as aws:
        yield aws


class Deployed:
    """A machine around one Map; what it is told may differ from test to test."""

    def __init__(self, aws: Aws, folder: Path) -> None:
        self._deploy = deploying(aws, folder)
        self._aws = aws
        self.client = aws.client("stepfunctions")

    def __call__(self, states: dict[str, Any] = STATES, **fields: Any) -> Stack:
        processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **machine(**states)}
        ranges = {"Type": "Map", "ItemsPath": "$.items", "Label": "Ranges", "ItemProcessor": processor, "Next": "End"}
        number = {"Type": "Pass", "Parameters": {"most.$": "States.StringToJson('2')"}, "ResultPath": "$.number"}
        self.stack = self._deploy(
            machine(Number={**number, "Next": "Map"}, Map={**ranges, **fields}, End=DONE), WITH_BUCKET
        )
        return self.stack

    def spans(self, children: list[Execution]) -> list[tuple[float, float]]:
        """From when to when each child ran."""
        seen = [self.client.describe_execution(executionArn=child.arn) for child in children]
        return [(each["startDate"].timestamp(), each["stopDate"].timestamp()) for each in seen]

    def results(self, details: dict[str, str]) -> dict[str, Any]:
        """The result files that a manifest names, by the last part of their keys."""
        s3 = self._aws.client("s3")

        def read(key: str) -> Any:
            return json.load(s3.get_object(Bucket=details["Bucket"], Key=key)["Body"])

        listed = [each for files in read(details["Key"])["ResultFiles"].values() for each in files]
        return {each["Key"].rpartition("/")[2]: read(each["Key"]) for each in listed}


@pytest.fixture
def deploy(running: Aws, tmp_path: Path) -> Deployed:
    return Deployed(running, tmp_path)


def item(wait: float, bad: bool = False) -> dict[str, Any]:
    return {"wait": wait, "bad": bad}


def test_children_overlap_but_no_more_than_asked_and_answer_in_the_order_of_the_items(deploy: Deployed) -> None:
    selector = {
        "index.$": "$$.Map.Item.Index",
        "wait.$": "$$.Map.Item.Value.wait",
        "of.$": "$.name",
        "by.$": "$$.Execution.Name",
    }
    named = {"Type": "Pass", "Parameters": {"me.$": "$$.Execution.Name", "input.$": "$$.Execution.Input"}, "End": True}
    states = {"Wait": {"Type": "Wait", "SecondsPath": "$.wait", "Next": "Named"}, "Named": named}
    stack = deploy(states, MaxConcurrencyPath="$.number.most", ItemSelector=selector, ResultPath="$.ranges")
    waits = [20, 5, 12, 4, 1]
    execution = stack.start_execution("Machine", {"name": "orders", "items": [item(wait) for wait in waits]})
    outcome = execution.wait(10)
    assert outcome.status == "SUCCEEDED", outcome
    assert execution.states() == ["Number", "Map", "End"]
    children = execution.children()
    assert [each["me"] for each in outcome.output["ranges"]] == [child.name for child in children]
    assert len({execution.name, *(child.name for child in children)}) == 6
    inputs = [{"index": at, "wait": wait, "of": "orders", "by": execution.name} for at, wait in enumerate(waits)]
    assert [each["input"] for each in outcome.output["ranges"]] == inputs
    assert [child.states() for child in children] == [["Wait", "Named"]] * 5
    spans = deploy.spans(children)
    at_once = [sum(start <= moment < end for start, end in spans) for moment, _ in spans]
    assert max(at_once) == 2, spans
    assert 0.19 < spans[0][1] - spans[0][0] < 2, "seconds are hundredths"


def test_nothing_to_do_is_done_at_once(deploy: Deployed) -> None:
    stack = deploy(ResultWriter=WRITER, ResultPath="$.ranges")
    execution = stack.start_execution("Machine", {"name": "none", "items": []})
    outcome = execution.wait(10)
    assert outcome.status == "SUCCEEDED", outcome
    assert execution.children() == []
    assert deploy.results(outcome.output["ranges"]["ResultWriterDetails"]) == {}


def test_results_are_written_to_the_bucket(deploy: Deployed) -> None:
    stack = deploy(
        ResultWriter=WRITER,
        ResultSelector={"files.$": "$.ResultWriterDetails", "run.$": "$.MapRunArn"},
        MaxConcurrency=2,
    )
    execution = stack.start_execution("Machine", {"name": "all", "items": [item(2), item(1)]})
    outcome = execution.wait(10)
    run, files = outcome.output["run"], outcome.output["files"]
    assert files == {"Bucket": stack.names["Bucket"], "Key": f"results/all/{run.rpartition(':')[2]}/manifest.json"}
    assert f":mapRun:{stack.names['Machine'].rpartition(':')[2]}/Ranges:" in run
    results = deploy.results(files)
    assert list(results) == ["SUCCEEDED_0.json"]
    facts = results["SUCCEEDED_0.json"]
    assert [json.loads(each["Input"]) for each in facts] == [item(2), item(1)]
    assert [json.loads(each["Output"]) for each in facts] == [item(2), item(1)]
    assert [(each["ExecutionArn"], each["Name"]) for each in facts] == [(c.arn, c.name) for c in execution.children()]
    counts = deploy.client.describe_map_run(mapRunArn=run)
    assert (counts["status"], counts["itemCounts"]["succeeded"], counts["itemCounts"]["failed"]) == ("SUCCEEDED", 2, 0)


def test_a_failure_too_many_ends_those_that_run_and_starts_no_other(deploy: Deployed) -> None:
    catch = [{"ErrorEquals": [THRESHOLD], "ResultPath": "$.failed", "Next": "End"}]
    stack = deploy(MaxConcurrency=2, ToleratedFailureCount=0, ResultWriter=WRITER, Catch=catch)
    items = [item(0), item(20000), item(5, bad=True), item(0)]
    execution = stack.start_execution("Machine", {"name": "some", "items": items})
    outcome = execution.wait(10)
    assert outcome.status == "SUCCEEDED", outcome
    assert outcome.output["failed"]["Error"] == THRESHOLD
    children = execution.children()
    assert [child.wait(5).status for child in children] == ["SUCCEEDED", "ABORTED", "FAILED"]
    assert children[2].wait(5).error == "Bad"
    (run,) = deploy.client.list_map_runs(executionArn=execution.arn)["mapRuns"]
    key = f"results/some/{run['mapRunArn'].rpartition(':')[2]}/manifest.json"
    results = deploy.results({"Bucket": stack.names["Bucket"], "Key": key})
    assert [each["Status"] for each in results["FAILED_0.json"]] == ["ABORTED", "FAILED"]
    assert results["FAILED_0.json"][1]["Cause"] == "it is"
    assert [json.loads(each["Input"]) for each in results["PENDING_0.json"]] == [item(0)]
    assert len(results["SUCCEEDED_0.json"]) == 1


def test_a_map_that_failed_is_tried_again_as_a_new_run_and_then_fails_its_machine(deploy: Deployed) -> None:
    stack = deploy(Retry=[{"ErrorEquals": [THRESHOLD], "IntervalSeconds": 1, "MaxAttempts": 1}])
    execution = stack.start_execution("Machine", {"items": [item(0, bad=True)]})
    outcome = execution.wait(10)
    assert (outcome.status, outcome.error) == ("FAILED", THRESHOLD)
    assert outcome.cause == "The specified tolerated failure threshold was exceeded"
    assert len(deploy.client.list_map_runs(executionArn=execution.arn)["mapRuns"]) == 2
    assert len(execution.children()) == 2


def test_a_failure_that_is_tolerated_is_told_among_the_results(deploy: Deployed) -> None:
    stack = deploy(ToleratedFailureCount=1)
    outcome = stack.start_execution("Machine", {"items": [item(0, bad=True), item(1)]}).wait(10)
    assert outcome.status == "SUCCEEDED", outcome
    failed, succeeded = outcome.output
    assert (failed["Status"], failed["Error"], failed["Cause"], succeeded) == ("FAILED", "Bad", "it is", item(1))


def test_results_that_cannot_be_written_fail_the_map(deploy: Deployed) -> None:
    parameters = {"Bucket": "nobodys-bucket"}
    outcome = (
        deploy(ResultWriter=WRITER | {"Parameters": parameters}).start_execution("Machine", {"items": []}).wait(10)
    )
    assert (outcome.status, outcome.error) == ("FAILED", "States.ResultWriterFailed")


def test_a_path_that_leads_nowhere_ends_it_past_every_catch(deploy: Deployed) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "End"}]
    stack = deploy(ItemSelector={"a.$": "$.nowhere"}, Catch=catch)
    outcome = stack.start_execution("Machine", {"items": [1]}).wait(10)
    assert (outcome.status, outcome.error) == ("FAILED", "States.Runtime")


def test_stopping_the_parent_ends_its_children_in_a_wait_and_before_another_attempt(deploy: Deployed) -> None:
    long = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 9_000_000}]
    parameters = {"TopicArn": "arn:aws:sns:us-east-1:123456789012:nowhere", "Message": "m"}
    publish = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": parameters, "Retry": long}
    bad = [{"Variable": "$.bad", "BooleanEquals": True, "Next": "Publish"}]
    choice = {"Type": "Choice", "Choices": bad, "Default": "Later"}
    states = {"First": choice, "Publish": {**publish, "End": True}, "Later": {**LATER, "Next": "Done"}, "Done": DONE}
    stack = deploy(states, MaxConcurrency=2)
    execution = stack.start_execution("Machine", {"items": [item(9_000_000), item(0, bad=True), item(0)]})
    until(lambda: _at(execution, "WaitStateEntered", "TaskFailed"))
    execution.stop()
    assert execution.wait(5).status == "ABORTED"
    children = execution.children()
    assert [child.wait(5).status for child in children] == ["ABORTED", "ABORTED"]
    (run,) = deploy.client.list_map_runs(executionArn=execution.arn)["mapRuns"]
    assert deploy.client.describe_map_run(mapRunArn=run["mapRunArn"])["itemCounts"]["pending"] == 1
    assert deploy.client.describe_map_run(mapRunArn=run["mapRunArn"])["status"] == "ABORTED"


def _at(execution: Execution, *kinds: str) -> bool:
    """Tell whether each child has come to its kind of event."""
    histories = [{event["type"] for event in child.history()} for child in execution.children()]
    return len(histories) == len(kinds) and all(kind in seen for kind, seen in zip(kinds, histories, strict=True))


def test_a_child_can_be_stopped_alone_and_counts_as_failed(deploy: Deployed) -> None:
    execution = deploy().start_execution("Machine", {"items": [item(9_000_000)]})
    until(lambda: _at(execution, "WaitStateEntered"))
    execution.children()[0].stop()
    assert execution.wait(5).error == THRESHOLD


def test_children_call_functions_in_environments_of_their_own_and_try_again(deploy: Deployed, tmp_path: Path) -> None:
    retry = [{"ErrorEquals": ["Unavailable"], "IntervalSeconds": 30, "MaxAttempts": 5}]
    catch = [{"ErrorEquals": ["Unauthorized"], "ResultPath": "$.failed", "Next": "Done"}]
    stack = deploy({"Slice": {**CALL, "Retry": retry, "Catch": catch, "Next": "Done"}, "Done": DONE})
    items = [
        {"do": "fail", "kind": "Unauthorized"},
        {"do": "fail_until", "kind": "Unavailable", "file": str(tmp_path / "attempts"), "times": 2},
        {"do": "sleep", "seconds": 0.3},
    ]
    began = time.monotonic()
    outcome = stack.start_execution("Machine", {"items": items}).wait(10)
    assert outcome.status == "SUCCEEDED", outcome
    refused, again, slept = outcome.output
    assert (refused["failed"]["Error"], again, slept) == ("Unauthorized", {"attempts": 2}, {"slept": 0.3})
    assert time.monotonic() - began < 9, "30 seconds are 0.3"
    assert len(stack.pool("Work").environments) >= 2
