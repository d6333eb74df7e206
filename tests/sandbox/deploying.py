"""A small template with a function and a state machine around it, for the tests of the sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.aws import Aws, Stack
from sandbox.template import Template

TEMPLATE = """
Globals: {Function: {Runtime: python3.13, Handler: app.handler}}
Parameters: {Pace: {Type: String, Default: slow}}
Resources:
  Topic: {Type: "AWS::SNS::Topic"}
  Work:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: ., Timeout: 30}
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Type: STANDARD
      Role: !GetAtt Role.Arn
      DefinitionUri: machine.json
      DefinitionSubstitutions: {Function: !GetAtt Work.Arn, Topic: !Ref Topic}
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyDocument: {Statement: {Effect: Allow, Action: "*", Resource: "*"}}
Outputs:
  AlarmTopicArn: {Value: !Ref Topic}
"""
CODE = """
import json, os, time

calls = 0

def handler(event, context):
    global calls
    calls += 1
    print(json.dumps({"saw": event, "call": calls}))
    return globals()[event.get("do", "count")](event)

def count(event):
    return {**event, "call": calls, "pid": os.getpid()}

def fail(event):
    raise type(event["kind"], (Exception,), {})(event.get("says", ""))

def fail_until(event):
    with open(event["file"], "a") as file:
        file.write("x")
    if os.path.getsize(event["file"]) < event["times"]:
        fail(event)
    return {"attempts": os.path.getsize(event["file"])}

def variable(event):
    return os.environ[event["name"]]

def leave(event):
    os._exit(3)

def sleep(event):
    if "file" in event:
        open(event["file"], "w").close()
    time.sleep(event["seconds"])
    return {"slept": event["seconds"]}
"""
CALL: dict[str, Any] = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {"FunctionName": "${Function}", "Payload.$": "$"},
    "OutputPath": "$.Payload",
}
Deploy = Callable[..., Stack]


def machine(**states: Any) -> dict[str, Any]:
    """A definition that starts with the first of the states."""
    return {"StartAt": next(iter(states)), "States": states}


def deploying(aws: Aws, folder: Path) -> Deploy:
    """Return what deploys the template, or another one, around a definition; waits take a hundredth of their time."""

    def deploy(definition: Any, template: str = TEMPLATE, time_scale: float = 0.01) -> Stack:
        (folder / "template.yaml").write_text(template)
        (folder / "machine.json").write_text(json.dumps(definition))
        (folder / "app.py").write_text(CODE)
        return aws.deploy(Template.load(folder / "template.yaml"), "small", time_scale=time_scale)

    return deploy
