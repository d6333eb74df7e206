"""Tests of how the sandbox's DynamoDB reads an UpdateExpression, once for all requests with the same text."""

from __future__ import annotations

from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from sandbox.aws import Aws

TABLE = "expressions"


@pytest.fixture(scope="module")
def table(aws: Aws) -> Any:
    client = aws.client("dynamodb")
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield client
    client.delete_table(TableName=TABLE)


def update(table: Any, key: str, text: str, **values: Any) -> dict[str, Any]:
    answer = table.update_item(
        TableName=TABLE,
        Key={"id": {"S": key}},
        UpdateExpression=text,
        ExpressionAttributeNames={"#n": "n"},
        ExpressionAttributeValues={f":{name}": TypeSerializer().serialize(value) for name, value in values.items()},
        ReturnValues="ALL_NEW",
    )
    return {name: TypeDeserializer().deserialize(value) for name, value in answer["Attributes"].items()}


def test_the_same_text_is_applied_with_the_values_of_each_request(table: Any) -> None:
    text = "SET #n = if_not_exists(#n, :zero) + :by, l = list_append(if_not_exists(l, :none), :new) ADD s :s, t :by"
    first = update(table, "a", text, zero=0, by=2, none=[], new=["x"], s={"one"})
    again = update(table, "a", text, zero=0, by=3, none=[], new=["y", {"k": 1}], s={"two"})
    other = update(table, "b", text, zero=10, by=1, none=["z"], new=[], s={"one"})
    assert first == {"id": "a", "n": 2, "l": ["x"], "s": {"one"}, "t": 2}
    assert again == {"id": "a", "n": 5, "l": ["x", "y", {"k": 1}], "s": {"one", "two"}, "t": 5}
    assert other == {"id": "b", "n": 11, "l": ["z"], "s": {"one"}, "t": 1}


def test_elements_are_removed_from_behind_and_paths_lead_into_maps(table: Any) -> None:
    update(table, "c", "SET #n = :n", n={"l": ["a", "b", "c"], "m": {"k": 1}})
    text = "SET #n.m.k = #n.m.k - :by REMOVE #n.l[0], #n.l[2] DELETE s :s"
    assert update(table, "c", text, by=1, s={"x"}) == {"id": "c", "n": {"l": ["b"], "m": {"k": 0}}}


def test_what_dynamodb_refuses_is_refused_each_time(table: Any) -> None:
    for _ in range(2):
        with pytest.raises(ClientError, match="overlap"):
            update(table, "d", "SET #n = :a, #n = :a", a=1)
        with pytest.raises(ClientError, match="does not exist"):
            update(table, "d", "SET #n = m + :a", a=1)
    assert table.get_item(TableName=TABLE, Key={"id": {"S": "d"}}).keys() == {"ResponseMetadata"}
