"""SQS as a source of events: what Lambda's pollers do. Nothing is polled unless somebody asks for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .functions import Invocation
from .pool import ClosedError
from .resources import REGION
from .template import Template

if TYPE_CHECKING:
    from .stack import Stack

_IDLE_SECONDS = 0.01
_COUNTS = tuple(f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed"))


class Feed:
    """The way from a queue to a function."""

    def __init__(self, stack: Stack, logical_id: str) -> None:
        self._stack = stack
        self._function = logical_id
        self._client = stack.aws.client("sqs", stack.role_of(logical_id))  # the pollers take the function's role
        source = _source(stack.template, logical_id)
        self._arn: str = stack.template.resolve(source["Queue"], stack.names)
        self._url: str = stack.aws.client("sqs").get_queue_url(QueueName=self._arn.rpartition(":")[2])["QueueUrl"]
        self._batch = int(source.get("BatchSize", 10))
        self._at_once = int(source.get("ScalingConfig", {}).get("MaximumConcurrency", 2))
        self._partial = "ReportBatchItemFailures" in source.get("FunctionResponseTypes", [])

    def once(self) -> Invocation | None:
        """Receive a batch, run the function, delete what it has done; None where there was nothing."""
        messages = self._client.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=self._batch, MessageSystemAttributeNames=["All"]
        ).get("Messages", [])
        if not messages:
            return None
        try:
            invocation = self._stack.pool(self._function).invoke({"Records": [self._record(one) for one in messages]})
        except ClosedError:
            return None
        failed = self._failed(invocation, {one["MessageId"] for one in messages})
        done = [one["ReceiptHandle"] for one in messages if one["MessageId"] not in failed]
        if done:
            entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(done)]
            self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
        return invocation

    def left(self) -> int:
        """How many messages are in the queue: waiting, delayed or under way."""
        found = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=list(_COUNTS))["Attributes"]
        return sum(int(found[name]) for name in _COUNTS)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Poll in threads, as many batches at once as the template allows."""
        stop = threading.Event()

        def poll() -> None:
            while not stop.is_set():
                if self.once() is None:
                    stop.wait(_IDLE_SECONDS)

        with ThreadPoolExecutor(self._at_once, thread_name_prefix="feed") as threads:
            polling = [threads.submit(poll) for _ in range(self._at_once)]
            try:
                yield
            finally:
                stop.set()
        for each in polling:
            each.result()

    def drain(self, timeout: float) -> bool:
        """Poll until the queue is empty, for so many seconds at most; tell whether it is."""
        until = time.monotonic() + timeout
        with self.running():
            while self.left():
                if time.monotonic() > until:
                    return False
                time.sleep(_IDLE_SECONDS)
        return True

    def _record(self, message: dict[str, Any]) -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._arn,
            "awsRegion": REGION,
        }

    def _failed(self, invocation: Invocation, ids: set[str]) -> set[str]:
        """The messages that come again; all of them after an error, or an answer that Lambda cannot make out."""
        if invocation.error:
            return ids
        if not self._partial:
            return set()
        try:
            failed = {each["itemIdentifier"] for each in (invocation.result or {}).get("batchItemFailures") or []}
        except (TypeError, KeyError, AttributeError):
            return ids
        return failed if failed <= ids else ids


def _source(template: Template, logical_id: str) -> dict[str, Any]:
    events = template.functions()[logical_id].get("Events", {}).values()
    (properties,) = [event["Properties"] for event in events if event["Type"] == "SQS"]
    found: dict[str, Any] = properties
    return found
