"""A queue on a topic, to see what its subscribers get."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from .resources import arn

if TYPE_CHECKING:
    from .aws import Aws


class Inbox:
    """A queue on a topic: what a person who subscribed would get."""

    def __init__(self, aws: Aws, topic: str) -> None:
        self._client = aws.client("sqs")
        name = f"inbox-{uuid.uuid4().hex[:12]}"
        self.url: str = self._client.create_queue(QueueName=name)["QueueUrl"]
        aws.client("sns").subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=arn("sqs", name), Attributes={"RawMessageDelivery": "true"}
        )

    def read(self) -> list[dict[str, Any]]:
        """Take the messages of the alarms, which are JSON, out of the queue."""
        return [json.loads(text) for text in self.texts()]

    def texts(self) -> list[str]:
        """Take the messages out of the queue, in the order in which they came."""
        taken: list[str] = []
        while received := self._client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in received:
                taken.append(message["Body"])
                self._client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return taken
