"""A deployed function may do what its role says: the rest is refused as AWS refuses it, and both are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from sandbox.aws import Aws, Stack
from sandbox.roles import RECORDS
from sandbox.template import Template

TEMPLATE = """
Globals: {Function: {Runtime: python3.13, Handler: app.handler, CodeUri: ., Timeout: 20}}
Resources:
  Secret: {Type: "AWS::SecretsManager::Secret", Properties: {}}
  Queue: {Type: "AWS::SQS::Queue"}
  Bus: {Type: "AWS::Events::EventBus"}
  Bucket: {Type: "AWS::S3::Bucket"}
  Key: {Type: "AWS::KMS::Key"}
  Topic: {Type: "AWS::SNS::Topic", Properties: {KmsMasterKeyId: !Ref Key}}
  Plain: {Type: "AWS::SNS::Topic"}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Bare: {Type: "AWS::Serverless::Function", Properties: {}}
  Made:
    Type: AWS::Serverless::Function
    Properties:
      Policies:
        - AWSLambdaBasicExecutionRole
        - SQSSendMessagePolicy: {QueueName: !GetAtt Queue.QueueName}
        - Statement: {Effect: Allow, Action: lambda:InvokeFunction, Resource: !GetAtt Bare.Arn}
  Own: {Type: "AWS::Serverless::Function", Properties: {Role: !GetAtt Role.Arn}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyDocument:
            Statement:
              - Effect: Allow
                Action: secretsmanager:GetSecretValue
                Resource: !Ref Secret
                Condition: {StringEquals: {secretsmanager:VersionStage: AWSCURRENT}}
              - {Effect: Allow, Action: "dynamodb:GetItem", Resource: !GetAtt Table.Arn}
              - {Effect: Allow, Action: "s3:PutObject", Resource: !Sub "${Bucket.Arn}/mine/*"}
              - {Effect: Allow, Action: "events:PutEvents", Resource: !GetAtt Bus.Arn}
              - {Effect: Allow, Action: "sns:Publish", Resource: [!Ref Topic, !Ref Plain]}
  More:
    Type: AWS::IAM::Policy
    Properties:
      Roles: [!Ref Role]
      PolicyDocument:
        Statement: {Effect: Allow, Action: "s3:GetObject", Resource: !Sub "${Bucket.Arn}/mine/*"}
"""
CODE = """
import boto3

def handler(event, context):
    service, operation, arguments = event
    try:
        getattr(boto3.client(service), operation)(**arguments)
    except Exception as error:
        return getattr(error, "response", {}).get("Error", {}).get("Code", repr(error))
    return "done"
"""


@pytest.fixture(scope="module")
def stack(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("roles")
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "app.py").write_text(CODE)
    with closing(aws.deploy(Template.load(folder / "template.yaml"), "roles")) as deployed:
        aws.client("secretsmanager").put_secret_value(SecretId=deployed.names["Secret"], SecretString="{}")
        yield deployed


def call(stack: Stack, function: str, service: str, operation: str, **arguments: Any) -> str:
    invocation = stack.pool(function).invoke([service, operation, arguments])
    assert invocation.error is None, invocation.error
    told: str = invocation.result
    return told


ALLOWED: list[tuple[str, str, str, Callable[[Any], dict[str, Any]]]] = [
    ("Own", "secretsmanager", "get_secret_value", lambda n: {"SecretId": n["Secret"], "VersionStage": "AWSCURRENT"}),
    ("Own", "dynamodb", "get_item", lambda n: {"TableName": n["Table"], "Key": {"id": {"S": "1"}}}),
    ("Own", "s3", "put_object", lambda n: {"Bucket": n["Bucket"], "Key": "mine/a", "Body": "x"}),
    ("Own", "s3", "head_object", lambda n: {"Bucket": n["Bucket"], "Key": "mine/a"}),
    ("Own", "events", "put_events", lambda n: {"Entries": [entry(n["Bus"])]}),
    ("Own", "sns", "publish", lambda n: {"TopicArn": n["Plain"], "Message": "m"}),
    ("Made", "sqs", "send_message", lambda n: {"QueueUrl": n["Queue"], "MessageBody": "m"}),
    ("Made", "lambda", "invoke", lambda n: {"FunctionName": n["Bare"], "InvocationType": "DryRun"}),
]
DENIED: list[tuple[str, str, str, str, Callable[[Any], dict[str, Any]]]] = [
    (
        "AccessDeniedException",
        "Own",
        "secretsmanager",
        "get_secret_value",
        lambda n: {"SecretId": n["Secret"], "VersionStage": "AWSPREVIOUS"},
    ),
    ("AccessDeniedException", "Own", "secretsmanager", "get_secret_value", lambda n: {"SecretId": n["Secret"]}),
    ("AccessDeniedException", "Own", "secretsmanager", "describe_secret", lambda n: {"SecretId": n["Secret"]}),
    (
        "AccessDeniedException",
        "Own",
        "dynamodb",
        "delete_item",
        lambda n: {"TableName": n["Table"], "Key": {"id": {"S": "1"}}},
    ),
    ("AccessDenied", "Own", "s3", "put_object", lambda n: {"Bucket": n["Bucket"], "Key": "theirs/a", "Body": "x"}),
    ("AccessDenied", "Own", "s3", "list_objects_v2", lambda n: {"Bucket": n["Bucket"]}),
    ("AccessDenied", "Own", "s3", "delete_object", lambda n: {"Bucket": n["Bucket"], "Key": "mine/a"}),
    (
        "AccessDeniedException",
        "Own",
        "events",
        "put_events",
        lambda n: {"Entries": [entry(n["Bus"]), entry("default")]},
    ),
    ("AccessDenied", "Own", "sns", "publish", lambda n: {"TopicArn": n["Topic"], "Message": "its key is not ours"}),
    (
        "AccessDeniedException",
        "Own",
        "sqs",
        "send_message",
        lambda n: {"QueueUrl": n["Queue"], "MessageBody": "m"},
    ),
    ("AccessDeniedException", "Made", "lambda", "invoke", lambda n: {"FunctionName": n["Own"]}),
    ("AccessDeniedException", "Made", "sqs", "purge_queue", lambda n: {"QueueUrl": n["Queue"]}),
    ("AccessDeniedException", "Bare", "secretsmanager", "get_secret_value", lambda n: {"SecretId": n["Secret"]}),
    ("AccessDeniedException", "Bare", "ssm", "get_parameter", lambda n: {"Name": "a"}),
]


def entry(bus: str) -> dict[str, str]:
    return {"EventBusName": bus, "Source": "here", "DetailType": "thing", "Detail": "{}"}


def test_what_a_role_allows_is_done(stack: Stack) -> None:
    told = [call(stack, function, service, name, **of(stack.names)) for function, service, name, of in ALLOWED]
    assert told == ["done"] * len(ALLOWED)
    used = {what for role, what in RECORDS.used if role == "Role"}
    assert "Allow s3:GetObject on Bucket.Arn/mine/*" in used, "of a policy that is a resource of its own"
    of_secret = "Allow secretsmanager:GetSecretValue on Secret where secretsmanager:VersionStage is AWSCURRENT"
    assert of_secret in used


def test_what_no_role_allows_is_refused_and_told(stack: Stack, denied: Callable[[], list[str]]) -> None:
    told = [call(stack, function, service, name, **of(stack.names)) for _, function, service, name, of in DENIED]
    assert told == [code for code, *_ in DENIED]
    kept = denied()
    assert len(kept) >= len(DENIED), "once for each attempt"
    assert any(one.startswith("Role may not kms:GenerateDataKey on arn:aws:kms:") for one in kept)
    assert any(one.startswith("Bare may not secretsmanager:GetSecretValue on ") for one in kept)
    assert "nobody has said what ssm needs (sandbox/asks.py)" in kept


def test_an_operator_may_do_all(aws: Aws, stack: Stack) -> None:
    assert aws.client("s3").list_objects_v2(Bucket=stack.names["Bucket"])["KeyCount"] <= 1
