"""Function URLs, queues that feed functions, and buses: what Lambda, SQS and EventBridge do with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.aws import Aws, Stack
from sandbox.functions import Invocation
from sandbox.template import Template, TemplateError

TEMPLATE = """
Globals: {Function: {Runtime: python3.13, Handler: app.handler, CodeUri: ., Timeout: 10}}
Parameters: {Listens: {Type: String, Default: "true"}}
Conditions: {IsOn: !Equals [!Ref Listens, "true"]}
Resources:
  Bus: {Type: "AWS::Events::EventBus", Properties: {Name: small}}
  Dead: {Type: "AWS::SQS::Queue"}
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 30
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}
  Echo:
    Type: AWS::Serverless::Function
    Condition: IsOn
    Properties:
      Environment: {Variables: {URL: !GetAtt EchoUrl.FunctionUrl}}
      Events:
        Rule:
          Type: EventBridgeRule
          Properties: {EventBusName: !Ref Bus, Pattern: {detail-type: [wanted]}}
        Own:
          Type: EventBridgeRule
          Properties: {Pattern: {source: [aws.secretsmanager]}}
  EchoUrl:
    Type: AWS::Lambda::Url
    Condition: IsOn
    Properties: {AuthType: NONE, TargetFunctionArn: !GetAtt Echo.Arn}
  Closed: {Type: "AWS::Lambda::Url", Properties: {AuthType: AWS_IAM, TargetFunctionArn: !GetAtt Take.Arn}}
  Take:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Queue:
          Type: SQS
          Properties: {Queue: !GetAtt Queue.Arn, BatchSize: 3, FunctionResponseTypes: [ReportBatchItemFailures]}
Outputs:
  EventBusName: {Value: !Ref Bus}
  Url: {Condition: IsOn, Value: !GetAtt EchoUrl.FunctionUrl}
"""
CODE = """
import json

def handler(event, context):
    print(json.dumps(event))
    if "Records" in event:
        bodies = {record["messageId"]: record["body"] for record in event["Records"]}
        if "raise" in bodies.values():
            raise ValueError("as it was told")
        odd = [{"itemIdentifier": "unknown"}] if "odd" in bodies.values() else []
        return {"batchItemFailures": odd + [{"itemIdentifier": each} for each in bodies if bodies[each] == "fail"]}
    answers = {
        "/plain": {"any": "answer"},
        "/whole": {"statusCode": 202, "headers": {"X-Own": "1"}, "body": "aGk=", "isBase64Encoded": True},
        "/event": {"statusCode": 200, "body": json.dumps(event)},
    }
    return answers[event["rawPath"]] if "rawPath" in event else None
"""


@pytest.fixture(scope="module")
def stack(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("small")
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "app.py").write_text(CODE)
    with closing(aws.deploy(Template.load(folder / "template.yaml"), "small", time_scale=0.01)) as deployed:
        yield deployed


@pytest.fixture
def ask(stack: Stack, tmp_path: Path) -> Callable[..., requests.Response]:
    url = stack.outputs["Url"]
    (tmp_path / "ca.pem").write_text(stack.url_ca_pem)

    def request(method: str, path: str, **how: Any) -> requests.Response:
        return requests.request(method, f"{url}{path}", verify=str(tmp_path / "ca.pem"), timeout=10, **how)

    return request


def test_a_request_becomes_the_event_that_lambda_makes(ask: Callable[..., requests.Response]) -> None:
    headers = {"Content-Type": "application/json", "X-Some": "Value"}
    event = ask("POST", "event?a=1", data='{"é": 1}'.encode(), headers=headers).json()
    assert (event["version"], event["rawPath"], event["rawQueryString"]) == ("2.0", "/event", "a=1")
    assert event["requestContext"]["http"]["method"] == "POST"
    assert event["headers"]["x-some"] == "Value"
    assert (event["body"], event["isBase64Encoded"]) == ('{"é": 1}', False)


def test_bytes_come_in_base64_and_nothing_as_nothing(ask: Callable[..., requests.Response]) -> None:
    event = ask("POST", "event", data=b"\xff", headers={"Content-Type": "application/octet-stream"}).json()
    assert (event["body"], event["isBase64Encoded"]) == ("/w==", True)
    assert "body" not in ask("GET", "event").json()


def test_answers_are_taken_whole_or_plain_and_errors_are_502(ask: Callable[..., requests.Response]) -> None:
    assert ask("GET", "plain").json() == {"any": "answer"}
    whole = ask("GET", "whole")
    assert (whole.status_code, whole.headers["X-Own"], whole.content) == (202, "1", b"hi")
    assert ask("GET", "unknown").status_code == 502


def test_an_address_for_iam_alone_answers_nobody(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(stack.url_ca_pem)
    url = stack.names["Closed.FunctionUrl"]
    assert requests.get(url, verify=str(tmp_path / "ca.pem"), timeout=10).status_code == 403


def test_what_is_not_there_has_no_address(aws: Aws, stack: Stack) -> None:
    with closing(aws.deploy(stack.template, "off", {"Listens": "false"})) as off:
        assert off.outputs.keys() == {"EventBusName"}
        assert off.url_ca_pem.count("BEGIN") == 1, "the other one's"


def send(stack: Stack, *bodies: str) -> None:
    for body in bodies:
        stack.aws.client("sqs").send_message(QueueUrl=stack.names["Queue"], MessageBody=body)


def test_a_batch_is_deleted_but_for_what_failed(stack: Stack) -> None:
    feed = stack.feed("Take")
    send(stack, "a", "fail", "b", "c")
    batch = feed.once()
    assert batch
    assert len(batch.result["batchItemFailures"]) == 1
    assert feed.left() == 2
    assert feed.once()
    assert feed.once() is None, "what failed is under way until its time is over"
    record = json.loads(batch.logs.splitlines()[0])["Records"][0]
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["eventSource"] == "aws:sqs"
    url, handle = stack.names["Queue"], record_of(batch.logs, "fail")["receiptHandle"]
    stack.aws.client("sqs").change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=50)
    assert feed.once(), "a scaled moment is none"
    assert feed.left() == 1
    clear(stack, batch)


def clear(stack: Stack, batch: Invocation) -> None:
    for record in json.loads(batch.logs.splitlines()[0])["Records"]:
        stack.aws.client("sqs").delete_message(QueueUrl=stack.names["Queue"], ReceiptHandle=record["receiptHandle"])


def record_of(logs: str, body: str) -> dict[str, Any]:
    records: list[dict[str, Any]] = json.loads(logs.splitlines()[0])["Records"]
    return next(record for record in records if record["body"] == body)


@pytest.mark.parametrize("body", ["raise", "odd"])
def test_nothing_is_deleted_after_an_error_or_an_answer_that_makes_no_sense(stack: Stack, body: str) -> None:
    feed = stack.feed("Take")
    send(stack, body, "beside")
    batch = feed.once()
    assert batch
    assert feed.left() == 2
    clear(stack, batch)


def test_a_queue_is_emptied_by_threads(stack: Stack) -> None:
    send(stack, *map(str, range(20)))
    feed = stack.feed("Take")
    assert feed.drain(20)
    assert feed.left() == 0


def test_an_event_starts_who_listens_on_its_bus(aws: Aws, stack: Stack) -> None:
    since = len(stack.events())
    entry = {"Source": "x", "Detail": '{"n": 1}', "EventBusName": "small"}
    entries = [{**entry, "DetailType": kind} for kind in ("wanted", "unwanted")]
    assert aws.client("events").put_events(Entries=entries)["FailedEntryCount"] == 0
    aws.client("events").put_events(Entries=[{**entry, "DetailType": "wanted", "EventBusName": "default"}])
    assert aws.buses.settle(10)
    assert [event["detail-type"] for event in stack.events()[since:]] == ["wanted", "unwanted"]
    started = [json.loads(line) for line in stack.logs("Echo").splitlines() if '"detail-type"' in line]
    assert [event["detail"] for event in started] == [{"n": 1}]
    stack.put_event("aws.secretsmanager", "Secret Label Updated", {"n": 2}, "arn")
    assert aws.buses.settle(10)
    assert '"n": 2' in stack.logs("Echo")


def test_a_rule_that_changes_the_event_is_refused(aws: Aws, tmp_path: Path) -> None:
    changing = TEMPLATE.replace(
        "Pattern: {detail-type: [wanted]}", "InputPath: $.detail, Pattern: {detail-type: [wanted]}"
    )
    (tmp_path / "template.yaml").write_text(changing)
    with (
        closing(aws.deploy(Template.load(tmp_path / "template.yaml"), "changing")) as stack,
        pytest.raises(TemplateError, match="changes the event"),
    ):
        assert stack.rules


def test_a_closed_stack_hears_nothing_more(aws: Aws, stack: Stack) -> None:
    with closing(aws.deploy(stack.template, "short")) as short:
        assert short.rules
    entry = {"Source": "x", "Detail": "{}", "EventBusName": "small", "DetailType": "wanted"}
    aws.client("events").put_events(Entries=[entry])
    assert aws.buses.settle(10)
    assert short.logs("Echo") == ""
