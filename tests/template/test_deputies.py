"""No service of AWS's can be made to act here for somebody else, and no event of somebody else's starts anything."""

from __future__ import annotations

import json
from typing import Any

from .source import of_type, resolved

SHIPPED = tuple(f"{name}Function" for name in ("Check", "Promote", "Rotate", "Export", "Receive", "Process", "Sync"))
POLICIES = ("AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy")


def rules(deployed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {name: each["Properties"] for name, each in deployed.items() if each["Type"] == "AWS::Events::Rule"}
    assert found
    return found


def test_a_service_starts_a_function_for_one_rule_or_secret_of_this_stack(deployed: dict[str, Any]) -> None:
    permissions = [each["Properties"] for each in deployed.values() if each["Type"] == "AWS::Lambda::Permission"]
    of_services = [each for each in permissions if each["Principal"] != "*"]
    assert len(of_services) >= 5
    for permission in of_services:
        ((_, source),) = permission["SourceArn"].items()
        name = source[0] if isinstance(source, list) else source
        assert name in deployed, "the source is not of this stack"


def test_rules_listen_to_what_aws_alone_can_send_and_to_this_secret_or_stack(deployed: dict[str, Any]) -> None:
    """PutEvents takes no source that begins with aws., and real events of other accounts name other ARNs.

    A function of your own may listen to the stack's bus, which whoever may put events in the account can write to.
    """
    for name, rule in rules(deployed).items():
        pattern = rule["EventPattern"]
        if rule.get("EventBusName") == {"Ref": "EventBus"} and not name.startswith(SHIPPED):
            continue
        assert "EventBusName" not in rule, f"{name} listens to a bus that others may write to"
        assert all(source.startswith("aws.") for source in pattern["source"])
        named = json.dumps([pattern.get("resources"), pattern["detail"]])
        assert '{"Ref": "CredentialsSecret"}' in named or "${AWS::AccountId}:stack/${AWS::StackName}" in named


def test_the_bus_takes_events_of_this_account_alone(deployed: dict[str, Any]) -> None:
    """A bus without a policy does: AWS, "Permissions for event buses"."""
    assert not [name for name, each in deployed.items() if each["Type"] == "AWS::Events::EventBusPolicy"]
    assert "Policy" not in resolved("EventBus")


def test_only_eventbridge_acts_on_a_resource_without_naming_for_whom() -> None:
    unconditional = [
        (kind, statement["Principal"])
        for kind in POLICIES
        for policy in of_type(kind).values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow" and "aws:SourceAccount" not in json.dumps(statement.get("Condition", {}))
    ]
    assert unconditional == [("AWS::SNS::TopicPolicy", {"Service": "events.amazonaws.com"})]


def test_no_variable_holds_a_secret(deployed: dict[str, Any]) -> None:
    functions = [each["Properties"] for each in deployed.values() if each["Type"] == "AWS::Lambda::Function"]
    names = {name for function in functions for name in function["Environment"]["Variables"]}
    wordy = [name for name in names if any(word in name for word in ("TOKEN", "PASSWORD", "KEY", "SECRET"))]
    assert wordy == ["CREDENTIALS_SECRET_ARN"]
    assert "{{resolve:" not in json.dumps(deployed), "CloudFormation would write the value into the variable"


def test_the_receiver_takes_nothing_from_a_browser_and_little_time() -> None:
    url, function = (resolved(each, WebhooksEnabled="true") for each in ("ReceiveFunctionUrl", "ReceiveFunction"))
    assert "Cors" not in url
    assert function["Timeout"] <= 30
    assert "MemorySize" not in function, "more would cost more, and anybody can start it"
    assert resolved("ProcessFunction", WebhooksEnabled="true")["Events"]["Queue"]["Properties"]["ScalingConfig"]
