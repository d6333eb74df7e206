"""Parameters, outputs, size, suppressed rules, and the secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.template import TemplateError

from .source import DEFAULT, RESOURCES, TEMPLATE, TEXT


def test_parameters_and_outputs_are_those_of_the_contract() -> None:
    defaults = {name: parameter["Default"] for name, parameter in TEMPLATE["Parameters"].items()}
    assert defaults == {
        "StoreName": "store",
        "AlarmEmail": "",
        "AllowedHosts": "*.mybigcommerce.com,api.bigcommerce.com",
        "StoreCaBundle": "",
        "CheckSchedule": "rate(5 minutes)",
        "ExportSchedule": "rate(15 minutes)",
        "ExportResources": "orders,customers,products",
        "ExportEnabled": "true",
        "IncludeOrderLines": "true",
        "BackfillConcurrency": 4,
        "QuotaReserve": 20,
        "MaxCredentialsAgeDays": 90,
        "RotationDays": 90,
        "WebhooksEnabled": "false",
        "WebhookScopes": "store/order/*,store/product/*,store/customer/*",
        "RequireSignature": "false",
        "LogRetentionDays": 30,
        "PermissionsBoundary": "",
    }
    assert all(parameter["Description"] for parameter in TEMPLATE["Parameters"].values())
    functions = {"CheckFunctionName", "PromoteFunctionName", "RotateFunctionName", "ExportFunctionName"}
    exports = {"ExportStateMachineArn", "BackfillStateMachineArn", "ExportBucketName", "ExportStateTableName"}
    webhooks = {"WebhookUrl", "SyncFunctionName", "WebhookQueueUrl", "WebhookDeadLetterQueueUrl"}
    always = {"CredentialsSecretArn", "AlarmTopicArn", "EventBusName", "DashboardUrl"} | functions | exports
    assert TEMPLATE["Outputs"].keys() == always | webhooks
    conditional = {name for name, output in TEMPLATE["Outputs"].items() if "Condition" in output}
    assert conditional == webhooks


@pytest.mark.parametrize("value", ["orders", "products,orders", "orders,customers,products"])
def test_some_of_the_resources_can_be_exported(value: str) -> None:
    assert DEFAULT.with_parameters({"ExportResources": value}).parameters["ExportResources"] == value


@pytest.mark.parametrize("value", ["", "orders, customers", "orders,", "Orders", "coupons", "ordersproducts"])
def test_resources_that_there_are_not_are_refused(value: str) -> None:
    with pytest.raises(TemplateError, match="comma-separated"):
        DEFAULT.with_parameters({"ExportResources": value})


def test_the_secret_starts_empty_and_outlives_a_replacement() -> None:
    secret = RESOURCES["CredentialsSecret"]
    assert not {"SecretString", "GenerateSecretString", "Name"} & secret["Properties"].keys()
    assert secret["UpdateReplacePolicy"] == "Retain"


def test_every_suppressed_rule_says_why() -> None:
    for resource in RESOURCES.values():
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
            assert len(skip["comment"]) > 20
    lines = [line for line in TEXT.splitlines() if "ignore_checks" in line]
    assert lines
    assert all(re.search(r" # .{20,}", line) for line in lines)


def test_what_goes_and_what_stays_with_the_stack_says_why_where_it_is_data() -> None:
    stays = {name for name, each in RESOURCES.items() if each.get("DeletionPolicy") == "Retain"}
    assert stays == {"ExportBucket"}
    for name in ("CredentialsSecret", "ExportStateTable", "ExportBucket"):
        block = TEXT.split(f"\n  {name}:", 1)[1]
        line = next(line for line in block.splitlines() if "DeletionPolicy" in line)
        assert " # " in line


def test_cloudformation_takes_the_template(transformed: dict[str, Any]) -> None:
    assert len(TEXT.encode()) < 1_000_000 and len(json.dumps(transformed)) < 1_000_000
    assert len(transformed["Resources"]) < 500
    assert len(TEMPLATE["Parameters"]) < 200
    assert len(TEMPLATE["Outputs"]) < 200
    assert len(TEMPLATE["Description"].encode()) < 1024
    assert [path for path, value in values("", TEMPLATE) if value is None] == [], "null is refused in a template"


def values(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    yield path, value
    for key, each in inner:
        yield from values(f"{path}/{key}", each)


def test_the_description_says_what_the_stack_does() -> None:
    assert "exported to S3" in TEMPLATE["Description"]
    assert "only means updating the secret" in TEMPLATE["Description"]
