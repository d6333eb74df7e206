"""What every role may do, on which resource, and nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from .source import FUNCTIONS, RESOURCES, ROLES, TEXT, listed, of_type, resolved

SECRET = "CredentialsSecret"
TELL = {"sns:Publish": "AlarmTopic", "kms:Decrypt": "AlarmKey.Arn", "kms:GenerateDataKey*": "AlarmKey.Arn"}
TRACE = {"xray:PutTraceSegments": "*", "xray:PutTelemetryRecords": "*"}
QUEUE = {"sqs:SendMessage": "DeadLetterQueue.Arn"}
# What a role may send to beside the queue of failed invocations.
SENDS = {
    "ReceiveRole": [("sqs:SendMessage", "WebhookQueue.Arn")],
    "ProcessRole": [("sqs:SendMessage", "WebhookDeadLetterQueue.Arn")],
}
# Of each function's role beside its own: where it may write its log.
LOGS = {
    "CheckRole": "CheckLogGroup.Arn",
    "PromoteRole": "PromoteLogGroup.Arn",
    "RotateRole": "RotateLogGroup.Arn",
    "ExportRole": "ExportLogGroup.Arn",
    "ReceiveRole": "ReceiveLogGroup.Arn",
    "ProcessRole": "ProcessLogGroup.Arn",
    "SyncRole": "SyncLogGroup.Arn",
}
# The versions of the secret whose value a function may read.
STAGES = {
    "CheckRole": ["AWSCURRENT"],
    "PromoteRole": ["CANDIDATE", "AWSCURRENT"],
    "RotateRole": ["CANDIDATE", "AWSPENDING", "AWSCURRENT"],
    "ExportRole": ["AWSCURRENT"],
    "ReceiveRole": ["AWSCURRENT", "AWSPREVIOUS"],
    "ProcessRole": ["AWSCURRENT"],
    "SyncRole": ["AWSCURRENT"],
}
MACHINE = {
    "lambda:InvokeFunction": "ExportFunction.Arn",
    "logs:CreateLogDelivery": "*",
    "logs:GetLogDelivery": "*",
    "logs:UpdateLogDelivery": "*",
    "logs:DeleteLogDelivery": "*",
    "logs:ListLogDeliveries": "*",
    "logs:PutResourcePolicy": "*",
    "logs:DescribeResourcePolicies": "*",
    "logs:DescribeLogGroups": "*",
    "xray:GetSamplingRules": "*",
    "xray:GetSamplingTargets": "*",
    **TRACE,
    **TELL,
}
GRANTS: dict[str, dict[str, str]] = {
    "CheckRole": {
        "secretsmanager:GetSecretValue": SECRET,
        "secretsmanager:DescribeSecret": SECRET,
        "lambda:InvokeFunction": "PromoteFunction.Arn",
    },
    "PromoteRole": {
        "secretsmanager:GetSecretValue": SECRET,
        "secretsmanager:DescribeSecret": SECRET,
        "secretsmanager:UpdateSecretVersionStage": SECRET,
        **TELL,
    },
    "RotateRole": {
        "secretsmanager:GetSecretValue": SECRET,
        "secretsmanager:DescribeSecret": SECRET,
        "secretsmanager:PutSecretValue": SECRET,
        "secretsmanager:UpdateSecretVersionStage": SECRET,
        **TELL,
    },
    "ExportRole": {
        "secretsmanager:GetSecretValue": SECRET,
        "dynamodb:GetItem": "ExportStateTable.Arn",
        "dynamodb:UpdateItem": "ExportStateTable.Arn",
        "s3:PutObject": "ExportBucket.Arn/exports/*",
        "s3:GetObject": "ExportBucket.Arn/exports/*",
    },
    "ReceiveRole": {"secretsmanager:GetSecretValue": SECRET},
    "ProcessRole": {
        "secretsmanager:GetSecretValue": SECRET,
        **dict.fromkeys(
            ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"),
            "WebhookQueue.Arn",
        ),
        **dict.fromkeys(("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"), "WebhookTable.Arn"),
        "events:PutEvents": "EventBus.Arn",
    },
    "SyncRole": {"secretsmanager:GetSecretValue": SECRET},
    "ExportMachineRole": MACHINE,
    "BackfillMachineRole": {
        **dict.fromkeys(
            ("s3:PutObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"),
            "ExportBucket.Arn/backfills/*",
        ),
        **MACHINE,
    },
    "CheckScheduleRole": {"lambda:InvokeFunction": "CheckFunction.Arn", **QUEUE},
    "ExportScheduleRole": {"states:StartExecution": "ExportStateMachine", **QUEUE},
    "SyncScheduleRole": {"lambda:InvokeFunction": "SyncFunction.Arn", **QUEUE},
}
ASSUMED = {
    **dict.fromkeys(LOGS, "lambda.amazonaws.com"),
    "ExportMachineRole": "states.amazonaws.com",
    "BackfillMachineRole": "states.amazonaws.com",
    "CheckScheduleRole": "scheduler.amazonaws.com",
    "ExportScheduleRole": "scheduler.amazonaws.com",
    "SyncScheduleRole": "scheduler.amazonaws.com",
}


def statements(role: str) -> list[dict[str, Any]]:
    (policy,) = resolved(role, WebhooksEnabled="true")["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


@pytest.mark.parametrize("role", GRANTS)
def test_a_role_may_do_what_it_is_for_and_nothing_else(role: str) -> None:
    granted = [
        (action, resource)
        for statement in statements(role)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]
    log = LOGS.get(role)
    common = {"logs:CreateLogStream": log, "logs:PutLogEvents": log, **TRACE, **QUEUE} if log else {}
    expected = [*(GRANTS[role] | common).items(), *SENDS.get(role, [])]
    assert sorted(granted) == sorted(expected)
    assert {statement["Effect"] for statement in statements(role)} == {"Allow"}
    assert "ManagedPolicyArns" not in ROLES[role]


@pytest.mark.parametrize("role", STAGES)
def test_a_function_reads_the_versions_of_the_secret_that_it_needs(role: str) -> None:
    (read,) = [each for each in statements(role) if "secretsmanager:GetSecretValue" in listed(each["Action"])]
    ((key, stages),) = read["Condition"]["StringEquals"].items()
    assert (key, listed(stages)) == ("secretsmanager:VersionStage", STAGES[role])


@pytest.mark.parametrize("role", ASSUMED)
def test_one_service_takes_a_role_and_for_this_account_alone_where_it_says_so(role: str) -> None:
    (statement,) = ROLES[role]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": ASSUMED[role]}
    if ASSUMED[role] != "lambda.amazonaws.com":
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_every_role_is_looked_at(deployed: dict[str, Any]) -> None:
    """Here, or in test_events.py as that of a schedule; so functions that somebody adds need no line here."""
    targets = [each["Properties"]["Target"] for each in deployed.values() if each["Type"] == "AWS::Scheduler::Schedule"]
    assert ROLES.keys() == GRANTS.keys() | {target["RoleArn"]["Fn::GetAtt"][0] for target in targets}
    assert GRANTS.keys() == ASSUMED.keys()
    functions = {function["Role"]["Fn::GetAtt"][0] for function in FUNCTIONS.values() if "Role" in function}
    assert functions == LOGS.keys() == STAGES.keys()


def test_a_backfill_may_start_and_stop_its_own_children_alone() -> None:
    policy = resolved("BackfillChildrenPolicy")
    assert policy["Roles"] == ["BackfillMachineRole"]
    start, stop = policy["PolicyDocument"]["Statement"]
    assert (start["Action"], start["Resource"]) == ("states:StartExecution", "BackfillStateMachine")
    assert stop["Action"] == ["states:DescribeExecution", "states:StopExecution", "states:RedriveExecution"]
    whole = [one.rpartition(":execution:")[2] for one in stop["Resource"]]
    assert whole == ["BackfillStateMachine.Name:*", "BackfillStateMachine.Name/*"]
    assert {start["Effect"], stop["Effect"]} == {"Allow"}


def test_every_role_is_bounded_when_a_boundary_is_given(deployed: dict[str, Any]) -> None:
    roles = [resource for resource in deployed.values() if resource["Type"] == "AWS::IAM::Role"]
    assert len(roles) >= len(ROLES)
    for role in roles:
        assert role["Properties"]["PermissionsBoundary"]["Fn::If"][0] == "HasPermissionsBoundary"


def test_every_star_has_its_reason_on_the_line() -> None:
    stars = [line for line in TEXT.splitlines() if re.search(r'(Resource|Action): .*"?\*"?( |$)', line)]
    assert stars
    whole = ("kms:*", "sqs:*", "s3:*")  # of a resource's own policy: this resource
    unreasoned = [line for line in stars if " # " not in line and not any(each in line for each in whole)]
    assert unreasoned == []


def test_secrets_manager_alone_may_start_the_rotation_of_this_secret_alone() -> None:
    permission = of_type("AWS::Lambda::Permission")["RotatePermission"]
    assert permission["FunctionName"] == {"Ref": "RotateFunction"}
    assert permission["Principal"] == "secretsmanager.amazonaws.com"
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert permission["SourceArn"] == {"Ref": "CredentialsSecret"}
    schedule = RESOURCES["RotationSchedule"]
    assert schedule["DependsOn"] == "RotatePermission"
    assert schedule["Properties"]["RotationRules"] == {"AutomaticallyAfterDays": {"Ref": "RotationDays"}}


def test_the_receiver_alone_may_be_started_by_anybody_and_by_its_address_alone() -> None:
    permissions = of_type("AWS::Lambda::Permission")
    public = [name for name, permission in permissions.items() if permission["Principal"] == "*"]
    assert public == ["ReceivePermission", "ReceiveThroughUrlPermission"]
    by_url, through_url = (permissions[name] for name in public)
    assert by_url["FunctionName"] == through_url["FunctionName"] == {"Ref": "ReceiveFunction"}
    assert (by_url["Action"], by_url["FunctionUrlAuthType"]) == ("lambda:InvokeFunctionUrl", "NONE")
    assert (through_url["Action"], through_url["InvokedViaFunctionUrl"]) == ("lambda:InvokeFunction", True)


def test_whole_resources_are_only_named_where_they_forbid() -> None:
    for kind in ("AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy"):
        for policy in of_type(kind).values():
            allowed = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]
            assert "*" not in json.dumps([(one["Principal"], one["Action"]) for one in allowed])
