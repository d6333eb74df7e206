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
        Done=DONE,
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
