"""What starts the functions, and the topic and the queue that they speak to: nothing gets lost or past TLS."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .source import RESOURCES, ROLES, of_type, resolved


def test_every_schedule_has_its_own_role_retries_and_a_dead_letter_queue_and_no_name(deployed: dict[str, Any]) -> None:
    schedules = [resource for resource in deployed.values() if resource["Type"] == "AWS::Scheduler::Schedule"]
    assert schedules
    for schedule in schedules:
        properties = schedule["Properties"]
        assert "Name" not in properties, "would clash with a second stack's"
        target = properties["Target"]
        assert target["RetryPolicy"]["MaximumRetryAttempts"] <= 2
        assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
        role = ROLES[target["RoleArn"]["Fn::GetAtt"][0]]
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "scheduler.amazonaws.com"}
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


def test_every_schedule_starts_what_its_role_may_start(deployed: dict[str, Any]) -> None:
    schedules = [each["Properties"] for each in deployed.values() if each["Type"] == "AWS::Scheduler::Schedule"]
    for schedule in schedules:
        role = ROLES[schedule["Target"]["RoleArn"]["Fn::GetAtt"][0]]
        assert "ManagedPolicyArns" not in role
        (policy,) = role["Policies"]
        start, keep = policy["PolicyDocument"]["Statement"]
        assert start["Action"] in ("lambda:InvokeFunction", "states:StartExecution")
        assert start["Resource"] == schedule["Target"]["Arn"]
        assert (keep["Action"], keep["Resource"]) == ("sqs:SendMessage", schedule["Target"]["DeadLetterConfig"]["Arn"])


def test_each_resource_is_exported_on_schedule_by_the_state_machine(deployed: dict[str, Any]) -> None:
    found = [each["Properties"] for each in deployed.values() if each["Type"] == "AWS::Scheduler::Schedule"]
    exports = [each for each in found if each["Target"]["Arn"] == {"Ref": "ExportStateMachine"}]
    assert {each["ScheduleExpression"]["Ref"] for each in exports} == {"ExportSchedule"}
    inputs = [json.loads(each["Target"]["Input"]) for each in exports]
    assert inputs == [{"resource": name, "unless_busy": True} for name in ("orders", "customers", "products")]


@pytest.mark.parametrize(
    ("enabled", "listed", "on"),
    [
        ("true", "orders,customers,products", {"Orders", "Customers", "Products"}),
        ("true", "orders", {"Orders"}),
        ("true", "products,customers", {"Customers", "Products"}),
        ("false", "orders,customers,products", set()),
    ],
)
def test_the_parameters_decide_which_schedules_run(enabled: str, listed: str, on: set[str]) -> None:
    events = resolved("ExportStateMachine", ExportEnabled=enabled, ExportResources=listed)["Events"]
    states = {name: event["Properties"]["State"] for name, event in events.items()}
    assert states.keys() == {"Orders", "Customers", "Products"}
    assert {name for name, state in states.items() if state == "ENABLED"} == on
    assert set(states.values()) <= {"ENABLED", "DISABLED"}


@pytest.mark.parametrize(
    ("name", "label"),
    [("CheckFunction", "AWSCURRENT"), ("PromoteFunction", "CANDIDATE"), ("SyncFunction", "AWSCURRENT")],
)
def test_a_moved_label_starts_its_function_and_no_event_is_lost(
    deployed: dict[str, Any], name: str, label: str
) -> None:
    rules = [resource["Properties"] for resource in deployed.values() if resource["Type"] == "AWS::Events::Rule"]
    labelled = [rule for rule in rules if rule["EventPattern"].get("detail", {}).get("labelUpdated") == [label]]
    (rule,) = [rule for rule in labelled if rule["Targets"][0]["Arn"] == {"Fn::GetAtt": [name, "Arn"]}]
    assert rule["EventPattern"]["source"] == ["aws.secretsmanager"]
    assert rule["EventPattern"]["detail-type"] == ["Secret Label Updated"]
    assert rule["EventPattern"]["resources"] == [{"Ref": "CredentialsSecret"}]
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": [name, "Arn"]}
    assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
    assert target["RetryPolicy"]["MaximumRetryAttempts"] <= 2


def test_cloudwatch_can_use_every_key_of_an_alarm_topic() -> None:
    for topic in of_type("AWS::SNS::Topic").values():
        statements = RESOURCES[topic["KmsMasterKeyId"]["Ref"]]["Properties"]["KeyPolicy"]["Statement"]
        grants = {
            statement["Principal"]["Service"]: statement
            for statement in statements
            if "Service" in statement["Principal"]
        }
        for service in ("cloudwatch.amazonaws.com", "events.amazonaws.com"):
            assert set(grants[service]["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey*"}
        assert "Condition" not in grants["events.amazonaws.com"], "EventBridge names no source: nothing would arrive"


def test_eventbridge_may_publish_to_the_topic_without_a_condition_that_it_cannot_meet() -> None:
    (policy,) = of_type("AWS::SNS::TopicPolicy").values()
    allowed = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]
    conditions = {one["Principal"]["Service"]: one.get("Condition") for one in allowed}
    assert conditions["events.amazonaws.com"] is None
    assert conditions["cloudwatch.amazonaws.com"]


def test_topics_queues_and_buckets_are_spoken_to_over_tls_alone() -> None:
    topics, queues = of_type("AWS::SNS::TopicPolicy"), of_type("AWS::SQS::QueuePolicy")
    policies = [*topics.values(), *queues.values(), *of_type("AWS::S3::BucketPolicy").values()]
    for policy in policies:
        denied = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Deny"]
        assert [one["Condition"] for one in denied] == [{"Bool": {"aws:SecureTransport": False}}]
        assert denied[0]["Principal"] == "*"
    kept = [policy.get("Topics") or policy.get("Queues") or policy["Bucket"] for policy in policies]
    kinds = ("AWS::SNS::Topic", "AWS::SQS::Queue", "AWS::S3::Bucket")
    assert all(f'"{name}"' in json.dumps(kept) for kind in kinds for name in of_type(kind))
