"""How dead letters are tried again: SQS moves them back into the queue that they came from, and is followed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .stack import Stack

_POLL_SECONDS = 1.0
_UNFINISHED = ("RUNNING", "CANCELLING")


@dataclass(frozen=True)
class Task:
    """One movement of messages, as SQS tells it; ``started``, in ms since 1970, tells two of them apart.

    ``total`` is how many lay there when it began; None where SQS does not say.
    """

    status: str
    moved: int = 0
    started: int = 0
    total: int | None = None
    failure: str = ""

    @property
    def running(self) -> bool:
        """Whether SQS still moves messages."""
        return self.status in _UNFINISHED


class Redrive:
    """The way back from the stack's dead-letter queue.

    The destination is named: the function puts there itself what it gives up, and SQS knows no source of that.
    """

    def __init__(self, stack: Stack) -> None:
        self._sqs = stack.client("sqs")
        self._source = self._arn(stack.output("WebhookDeadLetterQueueUrl"))
        self._destination = self._arn(stack.output("WebhookQueueUrl"))

    def running(self) -> bool:
        """Tell whether a movement is under way."""
        return any(task.running for task in self._tasks())

    def run(self, timeout: float) -> Task:
        """Start a movement, or find the one that runs, and follow it until it is over or ``timeout`` seconds passed."""
        tasks = self._tasks()
        known = {task.started for task in tasks if not task.running}
        if not any(task.running for task in tasks):
            self._sqs.start_message_move_task(SourceArn=self._source, DestinationArn=self._destination)
        ends, task = time.monotonic() + timeout, Task("RUNNING")
        try:
            while True:
                task = next((one for one in self._tasks() if one.started not in known), task)
                left = ends - time.monotonic()
                if not task.running or left <= 0:
                    return task
                time.sleep(min(_POLL_SECONDS, left))
        except KeyboardInterrupt:
            return task  # SQS does not mind; the caller sees that it is running, and says so

    def _tasks(self) -> list[Task]:
        """Return the last movements, the newest first."""
        found = self._sqs.list_message_move_tasks(SourceArn=self._source, MaxResults=10).get("Results", [])
        return sorted(map(_task, found), key=lambda task: task.started, reverse=True)

    def _arn(self, url: str) -> str:
        attributes = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        arn: str = attributes["QueueArn"]
        return arn


def _task(told: Mapping[str, Any]) -> Task:
    return Task(
        told["Status"],
        told.get("ApproximateNumberOfMessagesMoved", 0),
        told.get("StartedTimestamp", 0),
        told.get("ApproximateNumberOfMessagesToMove"),
        told.get("FailureReason", ""),
    )
