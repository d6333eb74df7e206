"""Webhooks that a test plays: queues, metrics and alarms in moto, and what the function sync_webhooks answers."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from sandbox.aws import Aws
from sandbox.console import register_stack
from storekey.webhooks._account import HEADER
from storekey.webhooks._hooks import Hook, Wanted
from storekey.webhooks._report import Report

URL = "https://abc.lambda-url.us-east-1.on.aws/"
SCOPES = ("store/order/*", "store/product/*")
KEY = "k" * 64
BASIC = "account: is Basic, which has no webhooks"

_ids = itertools.count(700)


def hook(scope: str = SCOPES[0], url: str = URL, active: bool = True) -> Hook:
    return Hook(next(_ids), scope, url, active, {HEADER: KEY})


def answered(*hooks: Hook, **more: Any) -> dict[str, Any]:
    """The function's own answer, for a store that has these hooks."""
    return Report(Wanted(SCOPES, URL, KEY), hooks=list(hooks), **more).as_answer()


def all_there(**more: Any) -> dict[str, Any]:
    return answered(*map(hook, SCOPES), **more)


def unavailable() -> dict[str, Any]:
    """The function's answer while the store is down."""
    return answered(trouble="not now: GET hooks: the store is down (status 503, 3 attempts)")


class Hooked:
    """A stack whose webhooks are on."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.store = f"hooked-{uuid.uuid4().hex[:12]}"
        self.sqs, self.cloudwatch = aws.client("sqs"), aws.client("cloudwatch")
        self.queue = self.sqs.create_queue(QueueName=self.store)["QueueUrl"]
        self.dead = self.sqs.create_queue(QueueName=f"{self.store}-dead")["QueueUrl"]
        self.secret = aws.client("secretsmanager").create_secret(Name=self.store)["ARN"]
        self.alarm("storekey-webhooks-off", "OK")
        self.alarm("storekey-check-missing", "ALARM")

    @property
    def outputs(self) -> dict[str, str]:
        return {
            "CredentialsSecretArn": self.secret,
            "SyncFunctionName": "sync",
            "PromoteFunctionName": "promote",
            "WebhookQueueUrl": self.queue,
            "WebhookDeadLetterQueueUrl": self.dead,
        }

    def send(self, queue: str, count: int, delay: int = 0) -> None:
        for _ in range(count):
            self.sqs.send_message(QueueUrl=queue, MessageBody="{}", DelaySeconds=delay)

    def note(self, metric: str, value: float, at: datetime) -> None:
        point = {"MetricName": metric, "Value": value, "Timestamp": at}
        point["Dimensions"] = [{"Name": "store", "Value": self.store}]
        self.cloudwatch.put_metric_data(Namespace="Storekey", MetricData=[point])

    def alarm(self, name: str, state: str) -> None:
        self.cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="Storekey",
            MetricName="WebhooksOff",
            Statistic="Maximum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
        )
        self.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test says so")

    def close(self) -> None:
        for queue in (self.queue, self.dead):
            self.sqs.delete_queue(QueueUrl=queue)
        names = [alarm["AlarmName"] for alarm in self.cloudwatch.describe_alarms()["MetricAlarms"]]
        self.cloudwatch.delete_alarms(AlarmNames=names)


@pytest.fixture
def hooked(aws_here: Aws) -> Iterator[Hooked]:
    played = Hooked(aws_here)
    register_stack(aws_here, played.outputs, {"StoreName": played.store, "AllowedHosts": "*.mybigcommerce.com"})
    yield played
    played.close()
