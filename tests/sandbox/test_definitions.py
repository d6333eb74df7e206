"""Definitions of state machines that Step Functions would not take, each with the problem that is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.aws import Aws
from sandbox.definitions import problems
from sandbox.template import TemplateError
from tests.sandbox.deploying import CALL, deploying, machine

DONE: dict[str, Any] = {"Type": "Succeed"}
TASK: dict[str, Any] = {**CALL, "End": True}
PASS: dict[str, Any] = {"Type": "Pass", "End": True}
CATCH: dict[str, Any] = {"ErrorEquals": ["States.ALL"], "Next": "Done"}
RULE: dict[str, Any] = {"Variable": "$.x", "BooleanEquals": True, "Next": "Done"}
SNS = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "End": True}

CONFIG = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
PROCESSOR: dict[str, Any] = {"ProcessorConfig": CONFIG, **machine(Slice=PASS)}
MAP: dict[str, Any] = {"Type": "Map", "ItemProcessor": PROCESSOR, "End": True}
WRITER = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b", "Prefix.$": "$.prefix"}}


def mapped(**fields: Any) -> dict[str, Any]:
    return {**MAP, "ItemProcessor": {**PROCESSOR, **fields}}


def choice(**rule: Any) -> dict[str, Any]:
    return {"Type": "Choice", "Choices": [rule], "Default": "Done"}


WRONG = [
    (PASS | {"Retry": []}, "A: a Pass has no field Retry"),
    ({"Type": "Pass"}, "A: it needs either Next or End"),
    (PASS | {"Next": "Done"}, "A: it needs either Next or End"),
    ({"Type": "Pass", "Next": "Gone"}, "A: leads to no state: Gone"),
    ({"Type": "Pas", "Next": "Done"}, "A: the type 'Pas' is not known here"),
    ({"Type": "Wait", "Next": "Done"}, "A: it needs one of Seconds"),
    ({"Type": "Wait", "Seconds": 1, "SecondsPath": "$.x", "Next": "Done"}, "A: it needs one of Seconds"),
    ({"Type": "Choice", "Default": "Done"}, "A: a Choice needs Choices"),
    (choice(**RULE) | {"End": True}, "A: a Choice has no field End"),
    (choice(Variable="$.x", BooleanEquals=True), "A: each rule of a Choice needs a Next"),
    (choice(And=[RULE], Next="Done"), "A: only the outermost rules"),
    (choice(Not={"Variable": "$.x"}, Next="Done"), "A: a rule has one Variable and one operator"),
    (choice(**RULE, IsPresent=True), "A: a rule has one Variable and one operator"),
    (choice(**RULE | {"BooleanEquals": "true"}), "A: BooleanEquals cannot be compared with 'true'"),
    (choice(Variable="$.x", NumericEquals=True, Next="Done"), "A: NumericEquals cannot be compared with True"),
    (choice(Variable="$.x", StringSmells="bad", Next="Done"), "A: the operator StringSmells is not known"),
    (choice(**RULE | {"Variable": "x"}), "A: Variable is no path: 'x'"),
    (PASS | {"Parameters": {"a": "$.x"}}, "A: a would be taken literally"),
    (PASS | {"Parameters": {"b": [{"a.$": "x"}]}}, "A: a.$ is neither a path nor"),
    (PASS | {"Parameters": {"a.$": "$.["}}, "A: a.$ is neither a path nor"),
    (PASS | {"ResultPath": "$$.Execution"}, "A: ResultPath is no path"),
    (PASS | {"InputPath": "x"}, "A: InputPath is no path"),
    (
        TASK | {"Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["a"]}]},
        "A: Retry needs States.ALL alone, and",
    ),
    (TASK | {"Retry": [{"ErrorEquals": ["a"], "IntervalSecond": 1}]}, "A: Retry has no field IntervalSecond"),
    (TASK | {"Retry": [{"ErrorEquals": []}]}, "A: Retry needs the names of errors"),
    (TASK | {"Catch": [CATCH | {"Next": "Gone"}]}, "A: leads to no state: Gone"),
    (TASK | {"Catch": [CATCH | {"ResultPath": "x"}]}, "A: ResultPath is no path: 'x'"),
    ({"Type": "Task", "End": True}, "A: a Task needs Resource"),
    (TASK | {"Resource": "arn:aws:states:::lambda:invok"}, "A: the resource lambda:invok is not known here"),
    (TASK | {"Parameters": {"FunctionName": "f", "Body.$": "$"}}, "A: lambda:invoke takes no Body"),
    (TASK | {"Parameters": {"Payload.$": "$"}}, "A: lambda:invoke needs FunctionName"),
    (SNS | {"Parameters": {"Message": "m"}}, "A: sns:publish needs TargetArn or TopicArn"),
    (TASK | {"TimeoutSeconds": "960"}, "A: TimeoutSeconds is no number from 1 to"),
    (TASK | {"Retry": [{"ErrorEquals": ["a"], "MaxAttempts": "3"}]}, "A: MaxAttempts is no number from 0 to"),
    (TASK | {"Retry": [{"ErrorEquals": ["a"], "BackoffRate": 0.5}]}, "A: BackoffRate is no number from 1.0 to"),
    ({"Type": "Map", "End": True}, "A: a Map needs ItemProcessor"),
    (MAP | {"Parameters": {}}, "A: a Map has no field Parameters"),
    (MAP | {"MaxConcurrency": "4"}, "A: MaxConcurrency is no number from 0 to inf: '4'"),
    (MAP | {"MaxConcurrency": 2.5}, "A: MaxConcurrency is no number from 0 to inf: 2.5"),
    (MAP | {"MaxConcurrency": 4, "MaxConcurrencyPath": "$.n"}, "A: it takes one of MaxConcurrency, MaxConcurrencyPath"),
    (MAP | {"MaxConcurrencyPath": "n"}, "A: MaxConcurrencyPath is no path: 'n'"),
    (MAP | {"ToleratedFailureCount": -1}, "A: ToleratedFailureCount is no number from 0 to inf: -1"),
    (MAP | {"ToleratedFailureCount": True}, "A: ToleratedFailureCount is no number from 0 to inf: True"),
    (MAP | {"ToleratedFailurePercentage": 101}, "A: ToleratedFailurePercentage is no number from 0.0 to 100: 101"),
    (MAP | {"ToleratedFailureCount": 1, "ToleratedFailurePercentage": 1}, "A: it takes one of ToleratedFailureCount, "),
    (MAP | {"Label": "a b"}, "A: Label is not of 1 to 40"),
    (MAP | {"ItemsPath": "items"}, "A: ItemsPath is no path: 'items'"),
    (MAP | {"ItemSelector": {"a": "$$.Map.Item.Value"}}, "A: a would be taken literally"),
    (MAP | {"ItemProcessor": machine(Slice=PASS)}, "A: ItemProcessor needs a ProcessorConfig"),
    (mapped(ProcessorConfig={"Mode": "INLINE"}), "A: ItemProcessor needs a ProcessorConfig"),
    (mapped(TimeoutSeconds=1), "A: there is no field TimeoutSeconds"),
    (mapped(StartAt="Done"), "A: StartAt names no state: Done"),
    (mapped(**machine(Slice=PASS, Done=DONE)), "there are two states Done"),
    (mapped(**machine(Slice={"Type": "Pass", "Next": "First"})), "A: Slice: leads to no state: First"),
    (mapped(**machine(Slice=PASS | {"Retry": []})), "A: Slice: a Pass has no field Retry"),
    (MAP | {"ResultWriter": WRITER | {"Bucket": "b"}}, "A: ResultWriter has no field Bucket"),
    (MAP | {"ResultWriter": WRITER | {"Resource": "arn:aws:states:::s3:getObject"}}, "A: the resource s3:getObject"),
    (MAP | {"ResultWriter": WRITER | {"Parameters": {"Prefix": "p"}}}, "A: s3:putObject needs Bucket"),
    (MAP | {"ResultWriter": WRITER | {"Parameters": {"Bucket": "$.b"}}}, "A: Bucket would be taken literally"),
]


@pytest.mark.parametrize(("state", "problem"), WRONG)
def test_a_wrong_state_is_told(state: dict[str, Any], problem: str) -> None:
    first = {"Type": "Choice", "Choices": [RULE], "Default": "A"}
    assert [each for each in problems(machine(First=first, A=state, Done=DONE)) if each.startswith(problem)]


def test_a_wrong_whole_is_told() -> None:
    assert problems(machine(A=DONE) | {"StartAt": "B"}) == ["StartAt names no state: B"]
    assert problems(machine(A=DONE) | {"Foo": 1}) == ["there is no field Foo"]
    assert problems(machine(A=DONE, B=DONE)) == ["B: nothing leads to it"]


def test_a_right_definition_has_no_problem() -> None:
    rule = {
        "Or": [
            {"Not": {"Variable": "$.a[0].b", "IsPresent": True}},
            {"Variable": "$$.Execution.Name", "IsString": True},
        ]
    }
    right = machine(
        Defaults={"Type": "Pass", "Parameters": {"all.$": "States.JsonMerge($.a, $, false)"}, "Next": "A"},
        A={**CALL, "Retry": [{"ErrorEquals": ["a", "b"], "BackoffRate": 1.5}], "Catch": [CATCH], "Next": "Choice"},
        Choice={"Type": "Choice", "Choices": [{**rule, "Next": "Wait"}], "Default": "Tell"},
        Wait={"Type": "Wait", "SecondsPath": "$.wait_seconds", "Next": "A"},
        Tell={**SNS, "Parameters": {"TopicArn": "t", "Message": "Not sent: $5"}, "ResultPath": None, "Next": "Failed"}
        | {"End": True},
        Failed={"Type": "Fail", "ErrorPath": "$.failed.Error", "CausePath": "States.Format('{}', $.failed)"},
        Done={**DONE, "Type": "Pass", "Next": "Map"},
        Map=MAP
        | {
            "ItemsPath": "$.items",
            "ItemSelector": {"a.$": "$$.Map.Item.Index"},
            "Label": "Ranges",
            "ResultWriter": WRITER,
        }
        | {"MaxConcurrencyPath": "$.n", "ToleratedFailureCount": 0, "Catch": [CATCH | {"Next": "Failed"}]},
    )
    del right["States"]["Tell"]["End"]
    assert problems(right) == []


def test_a_wrong_definition_is_not_deployed(tmp_path: Path) -> None:
    with Aws() as aws:
        deploy = deploying(aws, tmp_path)
        with pytest.raises(TemplateError, match="Slice: leads to no state: Nowhere"):
            deploy(machine(Slice={**CALL, "Next": "Nowhere"}))
        with pytest.raises(TemplateError, match="DefinitionSubstitutions has no Missing"):
            deploy(machine(Slice={"Type": "Fail", "Cause": "${Missing}"}))
