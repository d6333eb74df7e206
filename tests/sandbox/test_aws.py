"""AWS by moto, the template deployed on it, and all parts together."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3.session
import pytest
from botocore.exceptions import ClientError

from sandbox.aws import REGION, Aws, Stack
from sandbox.template import Template, TemplateError

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
SMALL = """
Globals: {Function: {Runtime: python3.13, Handler: app.handler, Layers: [!Ref Layer]}}
Parameters: {Name: {Type: String, Default: shop}}
Resources:
  Secret: {Type: "AWS::SecretsManager::Secret", Properties: {Description: !Sub "of ${Name}"}}
  Topic: {Type: "AWS::SNS::Topic", Properties: {KmsMasterKeyId: !Ref Key}}
  Key: {Type: "AWS::KMS::Key"}
  User: {Type: "AWS::IAM::User"}
  Bucket: {Type: "AWS::S3::Bucket", Properties: {VersioningConfiguration: {Status: Enabled}}}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: resource, AttributeType: S}]
      KeySchema: [{AttributeName: resource, KeyType: HASH}]
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
      SSESpecification: {SSEEnabled: true}
  Database: {Type: "AWS::Glue::Database", Properties: {DatabaseInput: {Name: !Sub "${Name}_db"}}}
  Unnamed: {Type: "AWS::Glue::Table", Properties: {DatabaseName: !Ref Database, TableInput: {}}}
  WorkGroup: {Type: "AWS::Athena::WorkGroup", Properties: {Name: !Sub "${AWS::StackName}-exports"}}
  Policy: {Type: "AWS::S3::BucketPolicy", Properties: {Bucket: !Ref Bucket, PolicyDocument: {}}}
  Layer: {Type: "AWS::Serverless::LayerVersion", Properties: {ContentUri: .}}
  Work:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: code
      Timeout: 9
      Policies: [{Statement: {Effect: Allow, Action: secretsmanager:GetSecretValue, Resource: !Ref Secret}}]
      Environment: {Variables: {SECRET: !Ref Secret, NAME: !Ref Name, FLAG: true}}
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: !Sub "${AWS::StackName}-refused"
      Namespace: Storekey
      MetricName: Refused
      Dimensions: [{Name: store, Value: !Ref Name}]
      Statistic: Maximum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 1
      ComparisonOperator: GreaterThanOrEqualToThreshold
      TreatMissingData: ignore
      AlarmActions: [!Ref Topic]
      OKActions: [!Ref Topic]
Outputs:
  CredentialsSecretArn: {Value: !Ref Secret}
  AlarmTopicArn: {Value: !GetAtt Topic.TopicArn}
"""
CODE = """
import boto3, json, os, time

def handler(event, context):
    client = boto3.client("secretsmanager")
    value = client.get_secret_value(SecretId=os.environ["SECRET"], VersionStage="AWSCURRENT")["SecretString"]
    metrics = [{"Namespace": "Storekey", "Dimensions": [["store"]], "Metrics": [{"Name": "Refused"}]}]
    aws = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": metrics}
    print(json.dumps({"_aws": aws, "store": os.environ["NAME"], "Refused": int(value != "right")}))
    return [value, os.environ["FLAG"], context.function_name]
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Aws]:
    before = dict(os.environ)
    with Aws() as aws:
        yield aws
    del before["PYTEST_CURRENT_TEST"]
    assert before.items() <= os.environ.items()


@pytest.fixture(scope="module")
def stack(running: Aws) -> Stack:
    return running.deploy(Template.load(TEMPLATE), "one", {"StoreName": "shop", "AllowedHosts": "127.0.0.1:8443"})


def test_the_secret_starts_empty(running: Aws, stack: Stack) -> None:
    client = running.client("secretsmanager")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.get_secret_value(SecretId=stack.secret_id, VersionStage="AWSCURRENT")
    assert "shop" in client.describe_secret(SecretId=stack.secret_id)["Description"]


def test_what_the_outputs_name_is_there(running: Aws, stack: Stack) -> None:
    topic = running.client("sns").get_topic_attributes(TopicArn=stack.outputs["AlarmTopicArn"])["Attributes"]
    assert topic["DisplayName"] == "storekey shop"
    queue = running.client("sqs").get_queue_attributes(QueueUrl=stack.names["DeadLetterQueue"], AttributeNames=["All"])
    assert queue["Attributes"]["QueueArn"] == stack.names["DeadLetterQueue.Arn"]
    assert queue["Attributes"]["MessageRetentionPeriod"] == "1209600"


def test_every_function_and_alarm_of_the_template_resolves(running: Aws, stack: Stack) -> None:
    for logical_id in stack.template.functions():
        configuration = stack.configuration(logical_id, {"QUOTA_RESERVE": "5"})
        assert (configuration.code / "app.py").is_file() and configuration.layers[0].is_dir()
        assert configuration.variables["CREDENTIALS_SECRET_ARN"] == stack.secret_id
        assert configuration.variables["ALLOWED_HOSTS"] == "127.0.0.1:8443"
        assert configuration.variables["QUOTA_RESERVE"] == "5"
        assert configuration.variables["AWS_ENDPOINT_URL"] == running.endpoint
        assert not [value for value in configuration.variables.values() if not isinstance(value, str) or "${" in value]
    alarms = stack.alarms()
    assert {"one-credentials-refused", "one-check-missing"} <= alarms.states.keys()
    for alarm in alarms.alarms:
        assert not re.search(r'Fn::|"Ref"|\$\{', json.dumps(alarm.properties))
        assert alarm.properties["AlarmActions"] == alarm.properties["OKActions"] == [stack.outputs["AlarmTopicArn"]]


def test_two_stacks_of_one_name_do_not_clash(running: Aws, stack: Stack) -> None:
    again = running.deploy(stack.template, "one")
    assert again.secret_id != stack.secret_id


@pytest.fixture
def small(running: Aws, tmp_path: Path) -> Iterator[Stack]:
    (tmp_path / "template.yaml").write_text(SMALL)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text(CODE)
    stack = running.deploy(Template.load(tmp_path / "template.yaml"), "small")
    yield stack
    stack.close()


def test_a_reference_to_what_is_not_made_is_an_error(small: Stack) -> None:
    with pytest.raises(TemplateError, match=r"User.*AWS::IAM::User"):
        small.template.resolve({"Ref": "User"}, small.names)
    with pytest.raises(TemplateError, match=r"Topic\.Colour"):
        small.template.resolve({"Fn::GetAtt": "Topic.Colour"}, small.names)


def test_a_refusal_travels_from_the_secret_to_the_inbox_and_back(running: Aws, small: Stack) -> None:
    # Given a function that reads the secret, and someone who subscribed to the alarms
    secrets, inbox = running.client("secretsmanager"), small.subscribe_queue()
    work, alarms = small.function("Work"), small.alarms()

    def told(value: str) -> list[Any]:
        secrets.put_secret_value(SecretId=small.secret_id, SecretString=value)
        invocation = work.invoke()
        assert invocation.error is None and invocation.result[:2] == [value, "true"]
        alarms.read(invocation.logs)
        alarms.evaluate()
        return [(each["AlarmName"], each["OldStateValue"], each["NewStateValue"]) for each in inbox.read()]

    # When the secret is wrong, then there is one message, and silence adds none
    assert told("wrong") == [("small-refused", "INSUFFICIENT_DATA", "ALARM")]
    alarms.skip(600)
    assert alarms.evaluate() == [] and inbox.read() == []
    # When it is right, then there is the all-clear
    assert told("right") == [("small-refused", "ALARM", "OK")]


def test_the_table_takes_items_by_condition(running: Aws, small: Stack) -> None:
    client, name = running.client("dynamodb"), small.names["Table"]
    assert small.names["Table.Arn"] == f"arn:aws:dynamodb:us-east-1:123456789012:table/{name}"
    item = {"resource": {"S": "orders"}, "fence": {"N": "1"}}
    client.put_item(TableName=name, Item=item, ConditionExpression="attribute_not_exists(fence)")
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        client.put_item(TableName=name, Item=item, ConditionExpression="attribute_not_exists(fence)")
    assert client.describe_table(TableName=name)["Table"]["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_the_bucket_keeps_versions_under_a_name_that_s3_takes(running: Aws, small: Stack) -> None:
    client, name = running.client("s3"), small.names["Bucket"]
    assert re.fullmatch(r"small-bucket-[0-9a-f]{12}", name)
    assert small.names["Bucket.Arn"] == f"arn:aws:s3:::{name}"
    versions = [client.put_object(Bucket=name, Key="exports/a=1/part", Body=body)["VersionId"] for body in (b"1", b"2")]
    assert len(set(versions)) == 2
    assert client.get_object(Bucket=name, Key="exports/a=1/part")["Body"].read() == b"2"


def test_what_is_only_named_has_the_name_that_others_refer_to(small: Stack) -> None:
    names = small.names
    assert (names["Database"], names["WorkGroup"], names["Policy"]) == ("shop_db", "small-exports", names["Bucket"])
    assert re.fullmatch(r"small-unnamed-[0-9a-f]{12}", names["Unnamed"])


def test_long_names_are_cut_as_cloudformation_cuts_them(running: Aws, small: Stack) -> None:
    name = running.deploy(small.template, "a-stack-with-a-very-long-name-that-somebody-has-chosen").names["Bucket"]
    assert len(name) == 63
    assert running.client("s3").head_bucket(Bucket=name)


def test_a_bucket_of_the_same_name_is_not_made_twice(running: Aws, tmp_path: Path) -> None:
    bucket = "Resources: {B: {Type: 'AWS::S3::Bucket', Properties: {BucketName: always-the-same}}}"
    (tmp_path / "template.yaml").write_text(bucket)
    template = Template.load(tmp_path / "template.yaml")
    assert running.deploy(template).names["B"] == "always-the-same"
    with pytest.raises(TemplateError, match="always-the-same"):
        running.deploy(template)


def test_a_client_of_this_process_and_one_over_a_socket_get_the_same(aws: Aws) -> None:
    here = aws.client("s3")
    there: Any = boto3.session.Session("testing", "testing", region_name=REGION).client("s3", endpoint_url=aws.endpoint)
    here.create_bucket(Bucket="both-ways")
    body, key = bytes(range(256)) * 300, "a folder/\N{SNOWMAN}+%2B&=?/äö"
    for one, other in ((here, there), (there, here)):
        one.put_object(Bucket="both-ways", Key=key, Body=io.BytesIO(body), Metadata={"who": "one"})
        found = other.get_object(Bucket="both-ways", Key=key)
        assert (found["Body"].read(), found["ContentLength"], found["Metadata"]) == (body, len(body), {"who": "one"})
        listed = other.list_objects_v2(Bucket="both-ways", Prefix="a folder/\N{SNOWMAN}")["Contents"]
        assert [each["Key"] for each in listed] == [key]
        assert other.head_object(Bucket="both-ways", Key=key)["ContentLength"] == len(body)
        other.delete_object(Bucket="both-ways", Key=key)
    errors = []
    for client in (here, there):
        with pytest.raises(client.exceptions.NoSuchKey) as caught:
            client.get_object(Bucket="both-ways", Key=key)
        errors.append(caught.value.response["Error"])
    assert errors[0] == errors[1]
