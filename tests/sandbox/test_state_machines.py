"""State machines of a template, run by moto's interpreter, calling functions as Lambda would start them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws import Aws
from sandbox.template import TemplateError
from tests.sandbox.deploying import CALL, TEMPLATE, Deploy, deploying, machine
from tests.support import until

DONE = {"Type": "Succeed"}
TRANSIENT = {"ErrorEquals": ["Unavailable", "Sandbox.Timedout"], "IntervalSeconds": 1, "MaxAttempts": 2}


@pytest.fixture(scope="module")
def running() -> Iterator[Aws]:
    with Aws() as aws:
        yield aws


@pytest.fixture
def deploy(running: Aws, tmp_path: Path) -> Deploy:
    return deploying(running, tmp_path)


def test_the_defaults_are_merged_and_the_function_is_called_until_it_is_done(deploy: Deploy) -> None:
    merged = 'States.JsonMerge(States.StringToJson(\'{"mode":"incremental","busy":false}\'), $, false)'
    again = [
        {"Variable": "$.call", "NumericGreaterThanEquals": 3, "Next": "Done"},
        {
            "And": [
                {"Variable": "$.unless", "IsPresent": True},
                {"Variable": "$.unless", "BooleanEquals": True},
                {"Variable": "$.busy", "BooleanEquals": True},
            ],
            "Next": "Done",
        },
    ]
    stack = deploy(
        machine(
            Defaults={"Type": "Pass", "Parameters": {"all.$": merged}, "OutputPath": "$.all", "Next": "Slice"},
            Slice={**CALL, "Next": "Enough"},
            Enough={"Type": "Choice", "Choices": again, "Default": "Wait"},
            Wait={"Type": "Wait", "SecondsPath": "$.wait_seconds", "Next": "Slice"},
            Done=DONE,
        )
    )
    execution = stack.start_execution("Machine", {"resource": "orders", "wait_seconds": 5, "mode": "full"})
    outcome = execution.wait()
    assert outcome.status == "SUCCEEDED", outcome
    assert outcome.output.pop("pid") > 0
    event: dict[str, Any] = {"resource": "orders", "wait_seconds": 5, "mode": "full", "busy": False}
    assert outcome.output == event | {"call": 3}
    assert execution.states() == ["Defaults", *["Slice", "Enough", "Wait"] * 2, "Slice", "Enough", "Done"]
    assert stack.logs("Work").count('"resource": "orders"') == 3
    busy = stack.start_execution("Machine", {"wait_seconds": 5, "unless": True, "busy": True})
    assert busy.wait().output["call"] == 4, "the environment stays warm"
    assert "Wait" not in busy.states()


def test_an_error_of_the_function_is_matched_by_its_name(deploy: Deploy) -> None:
    catch = [
        {"ErrorEquals": ["Unauthorized", "BadCredentials"], "Next": "Refused"},
        {"ErrorEquals": ["States.ALL"], "ResultPath": "$.failed", "Next": "Report"},
    ]
    stack = deploy(
        machine(
            Slice={**CALL, "Catch": catch, "Next": "Done"},
            Report={
                **CALL,
                "Parameters": {**CALL["Parameters"], "Payload": {"failed.$": "$.failed"}},
                "Next": "Failed",
            },
            Refused={"Type": "Fail", "Error": "Refused", "Cause": "told already"},
            Failed={"Type": "Fail", "ErrorPath": "$.failed.Error", "CausePath": "$.failed.Cause"},
            Done=DONE,
        )
    )
    refused = stack.start_execution("Machine", {"do": "fail", "kind": "Unauthorized"}).wait()
    assert (refused.status, refused.error, refused.cause) == ("FAILED", "Refused", "told already")
    failed = stack.start_execution("Machine", {"do": "fail", "kind": "BadAnswer", "says": "no JSON"}).wait()
    assert (failed.status, failed.error) == ("FAILED", "BadAnswer")
    cause = json.loads(failed.cause or "")
    assert (cause["errorType"], cause["errorMessage"]) == ("BadAnswer", "no JSON")
    assert "in fail" in cause["stackTrace"][-1]
    assert '"failed": {"Error": "BadAnswer", "Cause": ' in stack.logs("Work"), "the report had error and cause"


@pytest.mark.parametrize(
    ("event", "error", "says"),
    [
        ({"do": "leave"}, "Runtime.ExitError", "Runtime exited with status 3"),
        ({"do": "sleep", "seconds": 60}, "Sandbox.Timedout", "Task timed out after 2.00 seconds"),
        ({"do": "nothing"}, "KeyError", "nothing"),
    ],
)
def test_a_crash_and_a_time_out_have_lambdas_names(deploy: Deploy, event: Any, error: str, says: str) -> None:
    stack = deploy(machine(Slice={**CALL, "End": True}))
    stack.pool("Work").timeout = 2.0
    outcome = stack.start_execution("Machine", event).wait()
    assert (outcome.status, outcome.error) == ("FAILED", error)
    assert says in json.loads(outcome.cause or "")["errorMessage"]


def test_a_function_that_is_not_there_is_lambdas_own_error(deploy: Deploy) -> None:
    parameters = {"FunctionName": "nowhere", "Payload": {}}
    outcome = deploy(machine(Slice={**CALL, "Parameters": parameters, "End": True})).start_execution("Machine").wait()
    assert (outcome.status, outcome.error) == ("FAILED", "Lambda.ResourceNotFoundException")


def test_a_transient_error_is_tried_again_after_longer_and_longer(deploy: Deploy, tmp_path: Path) -> None:
    stack = deploy(machine(Slice={**CALL, "Retry": [TRANSIENT], "End": True}), time_scale=0.1)
    event = {"do": "fail_until", "kind": "Unavailable", "file": str(tmp_path / "attempts"), "times": 3}
    execution = stack.start_execution("Machine", event)
    outcome = execution.wait()
    assert (outcome.status, outcome.output) == ("SUCCEEDED", {"attempts": 3})
    kinds = ("TaskScheduled", "TaskFailed")
    at = [event["timestamp"].timestamp() for event in execution.history() if event["type"] in kinds]
    pauses = [again - failed for failed, again in zip(at[1::2], at[2::2], strict=True)]
    assert 0.09 < pauses[0] < 0.19 < pauses[1]
    exhausted = stack.start_execution("Machine", event | {"times": 99}).wait()
    assert (exhausted.error, os.path.getsize(tmp_path / "attempts")) == ("Unavailable", 6)
    other = stack.start_execution("Machine", event | {"times": 99, "kind": "Forbidden"}).wait()
    assert (other.error, os.path.getsize(tmp_path / "attempts")) == ("Forbidden", 7), "not a transient one"


def test_waits_are_real_without_a_scale(deploy: Deploy) -> None:
    stack = deploy(machine(Wait={"Type": "Wait", "Seconds": 1, "End": True}), time_scale=1.0)
    began = time.monotonic()
    assert stack.start_execution("Machine").wait().status == "SUCCEEDED"
    assert 1.0 <= time.monotonic() - began < 5


def test_executions_at_the_same_time_have_environments_of_their_own(deploy: Deploy) -> None:
    stack = deploy(machine(Slice={**CALL, "End": True}))
    executions = [stack.start_execution("Machine", {"do": "sleep", "seconds": 1}) for _ in range(3)]
    assert [execution.wait().output for execution in executions] == [{"slept": 1}] * 3
    assert len(stack.pool("Work").environments) == 3
    warm = [stack.start_execution("Machine").wait().output["call"] for _ in range(2)]
    assert warm == [2, 3]
    assert len(stack.pool("Work").environments) == 3


def test_the_topic_is_told_with_the_name_of_the_execution(deploy: Deploy) -> None:
    message = "States.Format('the export {} of {} failed', $$.Execution.Name, $.resource)"
    tell = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "ResultPath": None, "Next": "Failed"}
    parameters = {"TopicArn": "${Topic}", "Subject": "an export failed", "Message.$": message}
    stack = deploy(machine(Tell={**tell, "Parameters": parameters}, Failed={"Type": "Fail", "Error": "Export"}))
    inbox = stack.subscribe_queue()
    execution = stack.start_execution("Machine", {"resource": "orders"})
    assert execution.wait().error == "Export"
    assert inbox.texts() == [f"the export {execution.name} of orders failed"]


def test_a_path_that_leads_nowhere_ends_the_execution_past_every_catch(deploy: Deploy) -> None:
    """As in AWS, where States.ALL does not match States.Runtime."""
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    parameters = {"FunctionName": "${Function}", "Payload": {"a.$": "$.nowhere"}}
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 60}]
    task = {**CALL, "Parameters": parameters, "Catch": catch, "Retry": retry, "End": True}
    outcome = deploy(machine(Slice=task, Caught=DONE)).start_execution("Machine").wait(5)
    assert (outcome.status, outcome.error) == ("FAILED", "States.Runtime")
    assert "$.nowhere" in (outcome.cause or "")


def test_a_choice_about_what_is_not_there_fails(deploy: Deploy) -> None:
    choices = [{"Variable": "$.nowhere", "BooleanEquals": True, "Next": "Done"}]
    choice = {"Type": "Choice", "Choices": choices, "Default": "Done"}
    outcome = deploy(machine(Choice=choice, Done=DONE)).start_execution("Machine").wait()
    assert (outcome.status, outcome.error) == ("FAILED", "States.Runtime")


def test_an_error_of_step_functions_can_be_passed_on(deploy: Deploy) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failed", "Next": "Failed"}]
    slow = {**CALL, "TimeoutSeconds": 1, "Catch": catch, "End": True}
    failed = {"Type": "Fail", "ErrorPath": "$.failed.Error", "Cause": "it took too long"}
    stack = deploy(machine(Slice=slow, Failed=failed))
    outcome = stack.start_execution("Machine", {"do": "sleep", "seconds": 3}).wait()
    assert (outcome.error, outcome.cause) == ("States.Timeout", "it took too long")


def test_how_it_ended_is_told_with_what_came_of_it(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []

    def change(execution: Any, name: str, value: Any) -> None:
        object.__setattr__(execution, name, value)
        if name == "exec_status" and value not in (None, "RUNNING"):
            told.append(execution.to_describe_output())

    stack = deploy(machine(Call={**CALL, "End": True}))
    execution = "moto.stepfunctions.parser.backend.execution.Execution"  # importing it up there takes a second
    monkeypatch.setattr(f"{execution}.__setattr__", change)
    stack.start_execution("Machine", {"x": 1}).wait()
    stack.start_execution("Machine", {"do": "fail", "kind": "Odd", "says": "so"}).wait()
    assert [each["status"] for each in told] == ["SUCCEEDED", "FAILED"]
    assert json.loads(told[0]["output"])["x"] == 1
    assert told[1]["error"] == "Odd"
    assert "so" in told[1]["cause"]


def test_operators_tools_start_follow_and_stop_it(running: Aws, deploy: Deploy) -> None:
    stack = deploy(machine(Wait={"Type": "Wait", "SecondsPath": "$.seconds", "End": True}))
    client = running.client("stepfunctions")
    arn = stack.names["Machine"]
    started = [client.start_execution(stateMachineArn=arn, input='{"seconds": 36000}') for _ in range(2)]
    seen = client.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]
    assert {each["executionArn"] for each in seen} == {each["executionArn"] for each in started}
    client.stop_execution(executionArn=started[0]["executionArn"])
    ended = client.describe_execution(executionArn=started[0]["executionArn"])
    assert ended["status"] == "ABORTED"
    assert ended["stopDate"] >= ended["startDate"]


def test_other_machines_stay_where_moto_keeps_them(running: Aws, deploy: Deploy) -> None:
    deploy(machine(Done=DONE))
    client = running.client("stepfunctions")
    role = "arn:aws:iam::123456789012:role/other"
    arn = client.create_state_machine(name="other", definition=json.dumps(machine(Done=DONE)), roleArn=role)
    execution = client.start_execution(stateMachineArn=arn["stateMachineArn"])["executionArn"]
    assert client.describe_execution(executionArn=execution)["status"] == "RUNNING"


def test_closing_the_stack_ends_what_runs(deploy: Deploy, tmp_path: Path) -> None:
    stack = deploy(machine(Slice={**CALL, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Slice"}], "End": True}))
    execution = stack.start_execution("Machine", {"do": "sleep", "seconds": 60, "file": str(tmp_path / "begun")})
    until((tmp_path / "begun").exists)
    (environment,) = stack.pool("Work").environments
    assert environment.pid
    began = time.monotonic()
    stack.close()
    assert time.monotonic() - began < 5
    assert environment.pid is None
    assert execution.wait(5).status == "ABORTED"
    stack.close()


def test_what_takes_too_long_names_its_states(deploy: Deploy) -> None:
    stack = deploy(machine(First={"Type": "Pass", "Next": "Wait"}, Wait={"Type": "Wait", "Seconds": 3000, "End": True}))
    with pytest.raises(TimeoutError, match="First -> Wait"):
        stack.start_execution("Machine").wait(0.3)


def inline(states: str) -> str:
    """The template with a definition in it instead of beside it."""
    before, after = TEMPLATE.split("      DefinitionUri: machine.json\n")
    return f"{before}      Definition:\n        StartAt: Slice\n        States:\n{states}{after.split(chr(10), 1)[1]}"


def test_a_definition_may_stand_in_the_template(deploy: Deploy) -> None:
    states = """
          Slice:
            Type: Task
            Resource: !Sub arn:${AWS::Partition}:states:::lambda:invoke
            Parameters: {FunctionName: !Ref Work, Payload: {do: count, pace: !Ref Pace}}
            End: true
"""
    outcome = deploy({}, inline(states.lstrip("\n"))).start_execution("Machine").wait()
    assert outcome.output["Payload"]["pace"] == "slow"


def test_what_the_template_puts_into_a_definition_is_text_also_for_a_number(deploy: Deploy) -> None:
    """SAM puts it into a JSON string, of which CloudFormation replaces a part."""
    number = TEMPLATE.replace("Parameters: {", "Parameters: {Size: {Type: Number, Default: 4}, ")
    states = "          Slice: {Type: Wait, Seconds: %s, End: true}\n"
    for value in ("!Ref Size", "!FindInMap [Sizes, all, wait]"):
        text = inline(states % value).replace(TEMPLATE[: TEMPLATE.index("Resources:")], "")
        before = number[: number.index("Resources:")] + "Mappings: {Sizes: {all: {wait: 4}}}\n"
        with pytest.raises(TemplateError, match="Slice: Seconds is no number from 0 to 99999999: '4'"):
            deploy({}, before + text)
    with pytest.raises(TemplateError, match=r"AWS::NoValue.* is no text that a Definition could hold"):
        deploy({}, inline(states % "!Ref AWS::NoValue"))


def test_a_role_may_have_a_policy_about_the_machine_that_needs_the_role(deploy: Deploy) -> None:
    policy = """
  Policy:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: start-itself
      Roles: [!Ref Role]
      PolicyDocument: {Statement: {Effect: Allow, Action: states:StartExecution, Resource: !Ref Machine}}
Outputs:
  Policy: {Value: !Ref Policy}
"""
    stack = deploy(machine(Done=DONE), TEMPLATE.replace("\nOutputs:\n", policy))
    assert stack.outputs["Policy"] == "start-itself"
    (role,) = [role for role in stack.roles.values() if role.name == "Role"]
    assert "Allow states:StartExecution on Machine" in role.grants.values()


def test_a_table_forgets_what_has_expired(running: Aws, deploy: Deploy) -> None:
    table = """
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: resource, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: resource, AttributeType: S}]
      TimeToLiveSpecification: {AttributeName: expires, Enabled: true}
Outputs:
"""
    stack = deploy(machine(Done=DONE), TEMPLATE.replace("\nOutputs:\n", table))
    seen = running.client("dynamodb").describe_time_to_live(TableName=stack.names["Table"])
    assert seen["TimeToLiveDescription"] == {"AttributeName": "expires", "TimeToLiveStatus": "ENABLED"}
