"""The table of the processor, and what one sends that remembers nothing yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from storekey.webhooks import processor

from .processing import Sent


@pytest.fixture(scope="module")
def table() -> Iterator[Any]:
    """The table of DynamoDB, by moto in this process."""
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "testing")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        processor._memory.cache_clear()
        yield boto3.resource("dynamodb").create_table(
            TableName="webhooks",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        processor._memory.cache_clear()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, table: Any) -> Sent:
    """What is sent by a processor that remembers nothing yet."""
    for item in table.scan()["Items"]:
        table.delete_item(Key={"id": item["id"]})
    services = Sent()
    monkeypatch.setattr(processor, "_client", lambda service: services)
    return services
