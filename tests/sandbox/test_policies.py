"""What a role may do, as IAM decides it."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.policies import Ask, decide, grants_of
from sandbox.template import TemplateError

QUEUE = "arn:aws:sqs:us-east-1:123456789012:work"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:store-AbCdEf"
STAGES = {"StringEquals": {"secretsmanager:VersionStage": ["AWSCURRENT", "CANDIDATE"]}}


def allow(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return allow(action, resource, **more) | {"Effect": "Deny"}


def may(ask: Ask, *statements: dict[str, Any]) -> bool:
    return decide(list(grants_of(statements)), ask) is not None


@pytest.mark.parametrize(
    ("allowed", "statements"),
    [
        (True, [allow("sqs:SendMessage", QUEUE)]),
        (True, [allow(["sqs:ReceiveMessage", "SQS:sendmessage"], ["other", QUEUE])]),
        (True, [allow("sqs:Send*", "*")]),
        (True, [allow("*", "arn:aws:sqs:*:123456789012:w?rk")]),
        (False, []),
        (False, [allow("sqs:Send", QUEUE)]),
        (False, [allow("sqs:SendMessage", QUEUE + "s")]),
        (False, [allow("sqs:SendMessage", QUEUE.upper())]),
        (False, [allow("sqs:SendMessage", QUEUE.replace(":", "."))]),
        (False, [allow("sqs:[A-Z]endMessage", QUEUE)]),
        (False, [allow("sqs:*", "*"), deny("sqs:SendMessage", QUEUE)]),
        (True, [allow("sqs:*", "*"), deny("sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:dead")]),
    ],
)
def test_an_action_on_a_resource_is_allowed_by_a_statement_and_denied_by_any(
    allowed: bool, statements: list[dict[str, Any]]
) -> None:
    assert may(Ask("sqs:SendMessage", QUEUE), *statements) is allowed


@pytest.mark.parametrize(
    ("allowed", "context", "condition"),
    [
        (True, {"secretsmanager:VersionStage": "CANDIDATE"}, STAGES),
        (False, {"secretsmanager:VersionStage": "AWSPREVIOUS"}, STAGES),
        (False, {"secretsmanager:VersionStage": "awscurrent"}, STAGES),
        (False, {}, STAGES),
        (True, {"secretsmanager:VersionStage": "AWSPENDING"}, {"StringLike": {"secretsmanager:VersionStage": "AWS*"}}),
        (False, {"secretsmanager:VersionStage": "AWS"}, {"StringEquals": {"secretsmanager:VersionStage": "AWS*"}}),
        (False, {"secretsmanager:VersionStage": "AWSCURRENT"}, {**STAGES, "StringLike": {"aws:SourceAccount": "*"}}),
    ],
)
def test_every_condition_must_hold_with_one_of_its_values(
    allowed: bool, context: dict[str, str], condition: dict[str, Any]
) -> None:
    ask = Ask("secretsmanager:GetSecretValue", SECRET, context)
    assert may(ask, allow("secretsmanager:GetSecretValue", SECRET, Condition=condition)) is allowed


def test_the_grant_that_allowed_a_call_is_told_with_its_condition() -> None:
    ask = Ask("secretsmanager:GetSecretValue", SECRET, {"secretsmanager:VersionStage": "CANDIDATE"})
    grants = list(grants_of([allow("secretsmanager:GetSecretValue", SECRET, Condition=STAGES)]))
    assert len(grants) == 2, "a grant a value"
    told = f"Allow secretsmanager:GetSecretValue on {SECRET} where secretsmanager:VersionStage is CANDIDATE"
    assert str(decide(grants, ask)) == told


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "NotAction": "sqs:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "sqs:*", "NotResource": QUEUE},
        allow("sqs:*", "*", Condition={"ArnLike": {"aws:SourceArn": "*"}}),
    ],
)
def test_what_is_not_known_is_never_passed_over(statement: dict[str, Any]) -> None:
    with pytest.raises(TemplateError, match="not known here"):
        list(grants_of([statement]))
