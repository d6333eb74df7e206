"""A store, a queue and a bus as far as the processor uses them, and messages for it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from storekey import (
    NotFound,
)
from storekey.webhooks._scopes import Scopes
from storekey.webhooks._settings import WebhookSettings
from storekey.webhooks.processor import (
    GIVE_UP_AFTER,
    LEAST_TRIES,
    Message,
    Processor,
)
from tests.support import Context

from .deliveries import credentials, secret

SETTINGS = WebhookSettings(
    Scopes.parse("store/order/*"), queue="queue", dead_letters="dead", bus="bus", table="webhooks"
)
PRODUCT = {"scope": "store/product/updated", "data": {"type": "product", "id": 7}, "hash": "b" * 40}


@dataclass
class Answering:
    """A store whose objects a test puts, or the errors that it answers in their place; ``asked`` are the paths."""

    holds: Any = field(default_factory=lambda: credentials(secret("A")))
    objects: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    settings: Any = field(default_factory=lambda: SimpleNamespace(store_name="store"))

    def credentials(self, fresh: bool = False) -> Any:
        return self.holds

    @property
    def v3(self) -> Any:
        return self

    def get(self, path: str, params: dict[str, str]) -> Any:
        self.asked.append(path)
        found = self.objects.get(path, NotFound("no such object", status=404))
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        if isinstance(found, Exception):
            raise found
        return found


@dataclass
class Sent:
    """SQS and EventBridge as far as the processor uses them."""

    events: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    delays: dict[str, int] = field(default_factory=dict)
    dead: list[str] = field(default_factory=list)
    error: Exception | None = None

    def put_events(self, **given: Any) -> dict[str, Any]:
        if self.refused:
            return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": self.refused.pop()}]}
        self.events += given["Entries"]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}

    def change_message_visibility_batch(self, **given: Any) -> None:
        assert given["QueueUrl"] == "queue"
        assert 1 <= len(given["Entries"]) <= 10
        if self.error:
            raise self.error
        self.delays |= {each["ReceiptHandle"]: each["VisibilityTimeout"] for each in given["Entries"]}

    def send_message(self, **given: Any) -> None:
        assert given["QueueUrl"] == "dead"
        if self.error:
            raise self.error
        self.dead.append(given["MessageBody"])

    @property
    def details(self) -> list[dict[str, Any]]:
        return [json.loads(event["Detail"]) for event in self.events]


def message(found: Any, number: int = 1, receives: int = 1, age: float = 0.0) -> Message:
    body = found if isinstance(found, str) else json.dumps(found)
    return Message(f"m{number}", f"h{number}", body, receives, time.time() - age)


def old(found: Any, number: int = 1, age: float = GIVE_UP_AFTER) -> Message:
    """A message that was tried often and long enough."""
    return message(found, number, LEAST_TRIES, age)


def work(store: Any, *messages: Message, seconds: float = 60.0) -> list[str]:
    return [one.id for one in Processor(store, SETTINGS, Context(seconds)).work(messages)]
