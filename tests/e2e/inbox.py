"""A queue of the test's own on the stack's topic and bus: what people and other stacks are told."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from ops.stack import Stack


@dataclass
class Inbox:
    """What has come from the stack's topic and from its bus."""

    client: Any
    url: str
    _texts: list[str] = field(default_factory=list)

    def texts(self) -> list[str]:
        """All that has come so far, in the order in which it was received."""
        while received := self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in received:
                self._texts.append(message["Body"])
                self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return self._texts

    def events(self, detail_type: str) -> list[dict[str, Any]]:
        """The details of the events of a kind that the bus has brought so far."""
        return [event["detail"] for event in self._objects() if event.get("detail-type") == detail_type]

    def changes(self, alarm: str) -> list[tuple[str, str]]:
        """The old and the new state of each change of an alarm that the topic has told of so far."""
        told = [message for message in self._objects() if message.get("AlarmName") == alarm]
        return [(message["OldStateValue"], message["NewStateValue"]) for message in told]

    def _objects(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.texts() if text.startswith("{")]


@contextmanager
def listening(stack: Stack, bus: bool) -> Iterator[Inbox]:
    """Listen to the topic, and to the ``bus`` if need be; all that is made for it is taken away again at the end."""
    sqs, sns, name = stack.client("sqs"), stack.client("sns"), f"storekey-e2e-{uuid.uuid4().hex[:12]}"
    with ExitStack() as undone:
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        undone.callback(sqs.delete_queue, QueueUrl=url)
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        topic = stack.output("AlarmTopicArn")
        rules = [undone.enter_context(_rule(stack, name, arn))] if bus else []
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": _letting_in(arn, topic, *rules)})
        raw = {"RawMessageDelivery": "true"}
        subscribed = sns.subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=raw, ReturnSubscriptionArn=True
        )
        undone.callback(sns.unsubscribe, SubscriptionArn=subscribed["SubscriptionArn"])
        yield Inbox(sqs, url)


@contextmanager
def _rule(stack: Stack, name: str, queue: str) -> Iterator[str]:
    """A rule of the bus (its ARN) that sends all events of the store to a queue (ARN)."""
    events, bus = stack.client("events"), stack.output("EventBusName")
    pattern = json.dumps({"source": [f"storekey.{stack.settings.store_name}"]})
    rule: str = events.put_rule(Name=name, EventBusName=bus, EventPattern=pattern)["RuleArn"]
    with ExitStack() as undone:
        undone.callback(events.delete_rule, Name=name, EventBusName=bus)
        events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": name, "Arn": queue}])
        undone.callback(events.remove_targets, Rule=name, EventBusName=bus, Ids=[name])
        yield rule


def _letting_in(queue: str, *sources: str) -> str:
    """The policy of a queue (ARN) that lets a topic and a rule (ARNs) send."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": sources}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
