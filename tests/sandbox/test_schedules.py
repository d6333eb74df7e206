"""What the schedules of a template would start, and that it starts when one is fired by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.aws import Aws, Stack
from sandbox.functions import Invocation
from sandbox.machines import Execution
from sandbox.template import Template
from tests.sandbox.deploying import CALL, deploying, machine

TEMPLATE = """
Globals: {Function: {Runtime: python3.13, Handler: app.handler}}
Parameters: {Rate: {Type: String, Default: rate(5 minutes)}}
Conditions: {Enabled: !Equals [!Ref Rate, rate(5 minutes)]}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies: [{PolicyDocument: {Statement: {Effect: Allow, Action: "*", Resource: "*"}}}]
  Work:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Events:
        Often:
          Type: ScheduleV2
          Properties: {OmitName: true, ScheduleExpression: !Ref Rate, RoleArn: !GetAtt Role.Arn}
        Other: {Type: EventBridgeRule, Properties: {Pattern: {source: [aws.secretsmanager]}}}
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Role: !GetAtt Role.Arn
      DefinitionUri: machine.json
      DefinitionSubstitutions: {Function: !GetAtt Work.Arn}
      Events:
        Orders:
          Type: ScheduleV2
          Properties:
            ScheduleExpression: rate(15 minutes)
            State: !If [Enabled, ENABLED, DISABLED]
            Input: '{"do": "count"}'
        Weekly: {Type: Schedule, Properties: {Schedule: "cron(0 3 ? * SUN *)", Enabled: false}}
  Nightly:
    Type: AWS::Scheduler::Schedule
    Properties:
      FlexibleTimeWindow: {Mode: "OFF"}
      ScheduleExpression: cron(30 2 * * ? *)
      Target: {Arn: !GetAtt Machine.Arn, RoleArn: !GetAtt Role.Arn, Input: !Sub '{"rate": "${Rate}"}'}
  Rule:
    Type: AWS::Events::Rule
    Properties: {ScheduleExpression: rate(1 day), State: ENABLED, Targets: [{Id: work, Arn: !GetAtt Work.Arn}]}
  Pattern:
    Type: AWS::Events::Rule
    Properties: {EventPattern: {source: [aws.s3]}, Targets: [{Id: work, Arn: !GetAtt Work.Arn}]}
"""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Aws() as aws:
        yield deploying(aws, tmp_path)(machine(Slice={**CALL, "End": True}), TEMPLATE)


def test_every_schedule_is_found_with_its_target_and_input(stack: Stack) -> None:
    found = {each.name: (each.target, each.expression, each.input, each.enabled) for each in stack.schedules()}
    assert found == {
        "Work.Often": ("Work", "rate(5 minutes)", None, True),
        "Machine.Orders": ("Machine", "rate(15 minutes)", {"do": "count"}, True),
        "Machine.Weekly": ("Machine", "cron(0 3 ? * SUN *)", None, False),
        "Nightly": ("Machine", "cron(30 2 * * ? *)", {"rate": "rate(5 minutes)"}, True),
        "Rule": ("Work", "rate(1 day)", None, True),
    }


def test_a_fired_schedule_starts_its_target_with_its_input(stack: Stack) -> None:
    schedules = {each.name: each for each in stack.schedules()}
    started = stack.fire(schedules["Nightly"])
    assert isinstance(started, Execution)
    assert started.wait().output["rate"] == "rate(5 minutes)"
    done = stack.fire(schedules["Work.Often"])
    assert isinstance(done, Invocation)
    assert (done.result["source"], done.result["detail-type"]) == ("aws.scheduler", "Scheduled Event")
    with pytest.raises(ValueError, match=r"Machine\.Weekly is disabled"):
        stack.fire(schedules["Machine.Weekly"])


def test_the_schedules_of_the_projects_template_follow_its_parameters() -> None:
    path = Path(__file__).parents[2] / "template.yaml"
    template = Template.load(path, {"ExportResources": "orders,products", "ExportSchedule": "rate(1 hour)"})
    with Aws() as aws:
        stack = aws.deploy(template)
        found = {each.name: each for each in stack.schedules() if each.target == "ExportStateMachine"}
        assert {name for name, each in found.items() if each.enabled} == {
            "ExportStateMachine.Orders",
            "ExportStateMachine.Products",
        }
        assert {each.expression for each in found.values()} == {"rate(1 hour)"}
        assert found["ExportStateMachine.Orders"].event == {"resource": "orders", "unless_busy": True}
        off = aws.deploy(template, parameters={"ExportEnabled": "false"}).schedules()
        on = {each.target: each.name for each in off if each.enabled}
        assert on["CheckFunction"] == "CheckFunction.Schedule"
        assert "ExportStateMachine" not in on
