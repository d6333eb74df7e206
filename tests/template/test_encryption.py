"""All that keeps data encrypts it, and nothing is spoken to without TLS."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore
import pytest

from .source import RESOURCES, of_type

Properties = dict[str, Any]

# Whose encryption a template can turn on, and how it is seen.
CHOSEN: dict[str, Callable[[Properties], bool]] = {
    "AWS::SNS::Topic": lambda topic: RESOURCES[topic["KmsMasterKeyId"]["Ref"]]["Type"] == "AWS::KMS::Key",
    "AWS::SQS::Queue": lambda queue: queue["SqsManagedSseEnabled"] is True,
    "AWS::S3::Bucket": lambda bucket: "AES256" in json.dumps(bucket["BucketEncryption"]),
    "AWS::Athena::WorkGroup": lambda group: (
        group["WorkGroupConfiguration"]["EnforceWorkGroupConfiguration"] is True
        and "EncryptionOption" in group["WorkGroupConfiguration"]["ResultConfiguration"]["EncryptionConfiguration"]
    ),
    "AWS::KMS::Key": lambda key: key["EnableKeyRotation"] is True,
}
# What AWS always encrypts, by a key of its own where the template names none.
ALWAYS = {
    "AWS::SecretsManager::Secret",
    "AWS::DynamoDB::Table",
    "AWS::Logs::LogGroup",
    "AWS::Events::EventBus",
    "AWS::Lambda::Function",
    "AWS::Lambda::LayerVersion",
    "AWS::StepFunctions::StateMachine",
}
NO_DATA = {
    *("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "AWS::CloudWatch::Dashboard"),
    *("AWS::Events::Rule", "AWS::Scheduler::Schedule", "AWS::SecretsManager::RotationSchedule"),
    *("AWS::Glue::Database", "AWS::Glue::Table", "AWS::IAM::Policy", "AWS::IAM::Role"),
    *("AWS::Lambda::EventInvokeConfig", "AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission"),
    *("AWS::Lambda::Url", "AWS::S3::BucketPolicy", "AWS::SNS::Subscription", "AWS::SNS::TopicPolicy"),
    *("AWS::SQS::QueuePolicy",),
}
# Checkov asks for a key of the customer's own, and the reason why there is none stands on its line.
OWN_KEY_RULES = {
    "AWS::SecretsManager::Secret": "CKV_AWS_149",
    "AWS::DynamoDB::Table": "CKV_AWS_119",
    "AWS::Logs::LogGroup": "CKV_AWS_158",
    "AWS::SQS::Queue": "CKV_AWS_27",
}


def test_it_is_known_of_every_kind_of_resource_whether_it_keeps_data(deployed: dict[str, Any]) -> None:
    kinds = {resource["Type"] for resource in deployed.values()}
    assert kinds - CHOSEN.keys() - ALWAYS - NO_DATA == set()


@pytest.mark.parametrize("kind", CHOSEN)
def test_what_can_be_encrypted_is(kind: str) -> None:
    assert [name for name, properties in of_type(kind).items() if not CHOSEN[kind](properties)] == []


@pytest.mark.parametrize("kind", OWN_KEY_RULES)
def test_a_key_of_awss_own_has_its_reason(kind: str) -> None:
    for name in of_type(kind):
        skipped = RESOURCES[name].get("Metadata", {}).get("checkov", {}).get("skip", [])
        assert OWN_KEY_RULES[kind] in [skip["id"] for skip in skipped], f"{name} says nothing of its key"


def test_whatever_answers_without_tls_refuses_to(deployed: dict[str, Any]) -> None:
    """Botocore knows which services do; that all topics, queues and buckets deny it is in test_events."""
    endpoints = json.loads((Path(botocore.__file__).parent / "data/endpoints.json").read_text())
    aws = next(each for each in endpoints["partitions"] if each["partition"] == "aws")
    assert aws["defaults"]["protocols"] == ["https"]
    services = {resource["Type"].split("::")[1].lower() for resource in deployed.values()}
    # Alarms and tables have no policy of the stack's that could deny it: docs/security.md.
    plain = {
        name
        for name, service in aws["services"].items()
        if "http" in service.get("defaults", {}).get("protocols", []) and name in services | {"monitoring"}
    }
    assert plain == {"s3", "sns", "sqs", "dynamodb", "monitoring"}
