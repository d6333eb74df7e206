"""The function ``process_webhooks``: each event once to the bus, with its object as the store has it now.

What fails goes back to the queue and comes again, later each time. What fails for the whole store - its quota is spent,
it refuses the credentials, it is down - ends the batch: the other messages would only fail as well. What fails for
good goes to the dead letters, where an alarm tells of it, and from there back when the cause is mended.
"""

from __future__ import annotations

import functools
import hashlib
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyInconsistentStateError,
    IdempotencyPersistenceLayerError,
)
from botocore.exceptions import BotoCoreError, ClientError

from storekey._credentials import Problem
from storekey._errors import (
    BadCredentials,
    RateLimited,
    StoreError,
    TlsFailure,
    TokenRequired,
    Unauthorized,
    Unavailable,
    Unreachable,
    WrongApiPath,
)
from storekey._invocation import invocation
from storekey._observability import logger
from storekey._store import Store

from ._account import Account, account_of
from ._delivery import Delivery, Refused, Unwanted, read_delivery
from ._objects import read, route_of
from ._settings import WebhookSettings

# How long an event is remembered: longer than a signature is good for, so that nobody can play one again, and short
# because nobody documents what else may share a hash.
MEMORY_SECONDS = 600
# And one without a time, with its object, which may soon be again what it was: as long as a repetition is quick.
TIMELESS_MEMORY_SECONDS = 60
# How long a message is tried that fails by itself, and one that AWS has not taken, in seconds; and how often at least.
GIVE_UP_AFTER, GIVE_UP_ON_AWS_AFTER = 1800, 3600
LEAST_TRIES = 5
# The longest wait, 300 times, leaves ten of the fourteen days that a message is kept by both queues together.
_FIRST_DELAY, _LONGEST_DELAY, _LONGEST_WAIT = 5.0, 300.0, 900.0
# EventBridge takes 256 KiB an entry in every region.
_MOST_DETAIL = 240 * 1024
_LEAST_SECONDS = 5.0
# Kept back from the time of calls to the store: for the bus, and for noting what was published.
_KEEP_BACK_SECONDS = 3.0

# What fails for one message as for all; the others do so where they come twice in a batch. Neither is ever final: after
# an outage a message is old because it has waited with all others. The queue ends what comes again for a day.
_WHOLE_STORE = (BadCredentials, RateLimited, TlsFailure, TokenRequired, Unauthorized, WrongApiPath)
_PERHAPS = (Unavailable, Unreachable)


class NotPublished(Exception):
    """The bus did not take an event; the message is its code."""


_AWS = (
    BotoCoreError,
    ClientError,
    IdempotencyInconsistentStateError,
    IdempotencyPersistenceLayerError,
    NotPublished,
)


@dataclass(frozen=True)
class Message:
    """A message of the queue: how often it has been received, and when it was sent, in Unix seconds."""

    id: str
    handle: str
    body: str
    receives: int
    sent: float

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Message:
        """Read a record of Lambda's event."""
        attributes = record.get("attributes", {})
        sent = float(attributes.get("SentTimestamp", "inf")) / 1000
        receives = int(attributes.get("ApproximateReceiveCount", "1"))
        return cls(record["messageId"], record.get("receiptHandle", ""), record.get("body", ""), receives, sent)

    @property
    def age(self) -> float:
        """Seconds since it was sent."""
        return time.time() - self.sent


class Processor:
    """Works on one batch; ``context`` is Lambda's."""

    def __init__(self, store: Store, settings: WebhookSettings, context: Any) -> None:
        self._store = store
        self._name = store.settings.store_name
        self._settings = settings
        self._context = context
        self._published = False
        self._publish_once = self._remembering(MEMORY_SECONDS)
        self._publish_timeless_once = self._remembering(TIMELESS_MEMORY_SECONDS)

    def work(self, messages: Sequence[Message]) -> list[Message]:
        """Publish what can be published; return the messages that must come again."""
        holds = self._store.credentials()
        account = account_of(holds) if holds else Problem("secret", "is empty; store the credentials in it")
        if isinstance(account, Problem):
            logger().warning("webhooks are off", extra={"store": self._name, "reason": str(account)})
            return self._later(messages, None)
        failed: list[Message] = []
        doubtful: list[Message] = []
        for number, message in enumerate(messages):
            error = self._tried(message, account.producer)
            if isinstance(error, _PERHAPS):
                doubtful.append(message)
            elif error and not isinstance(error, _WHOLE_STORE):
                failed += self._give_up(message) if _is_final(message, error) else self._later([message], error)
            if isinstance(error, _WHOLE_STORE) or len(doubtful) > 1 or self._seconds_left() < _LEAST_SECONDS:
                rest = messages[number if isinstance(error, _WHOLE_STORE) else number + 1 :]
                return failed + self._later([*doubtful, *rest], error)
        return failed + self._later(doubtful, None)

    def _tried(self, message: Message, producer: str) -> Exception | None:
        """Work on a message; return what went wrong, whatever it is: the other messages can do nothing for it."""
        try:
            self._one(message, producer)
        except Exception as error:  # noqa: BLE001 - returned
            self._tell(message, error)
            return error
        return None

    def _one(self, message: Message, producer: str) -> None:
        try:
            delivery = read_delivery(message.body.encode(), producer)
        except Unwanted:  # the secret may lead to another store since it was read
            holds = self._store.credentials(fresh=True)
            account = account_of(holds) if holds else None
            delivery = read_delivery(
                message.body.encode(), account.producer if isinstance(account, Account) else producer
            )
        self._published = False
        if delivery.created is None:  # nothing but the object tells two updates apart that share a hash
            found = self._found(delivery)
            digest = hashlib.sha256(json.dumps([found["object"], found["gone"]]).encode()).hexdigest()
            self._publish_timeless_once(identity=delivery.identity + digest, delivery=delivery, found=found)
        else:
            self._publish_once(identity=delivery.identity, delivery=delivery, found=None)
        with invocation() as running:
            running.count(self._name, "EventsPublished" if self._published else "EventsSuppressed")
            if self._published and delivery.created is not None:
                running.count(self._name, "EventAgeSeconds", max(0.0, time.time() - delivery.created))

    def _remembering(self, seconds: int) -> Callable[..., None]:
        config = IdempotencyConfig(expires_after_seconds=seconds, lambda_context=self._context)
        memory = _memory(self._settings.table, seconds)
        once = idempotent_function(data_keyword_argument="identity", persistence_store=memory, config=config)
        remembering: Callable[..., None] = once(self._publish)
        return remembering

    def _found(self, delivery: Delivery) -> dict[str, Any]:
        """Return the part of an event that tells of its object."""
        route = route_of(delivery.scope, delivery.payload["data"])
        read_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}" if route else None
        found = read(self._store, route) if route else None
        return {"object": found, "gone": bool(route) and found is None, "read_at": read_at}

    def _publish(self, *, identity: str, delivery: Delivery, found: dict[str, Any] | None) -> None:
        # By its identity it is remembered.
        detail = {"payload": delivery.payload, "too_large": False, **(found or self._found(delivery))}
        text = json.dumps(detail)
        if len(text) > _MOST_DETAIL:
            text = json.dumps({**detail, "object": None, "too_large": True})
        self._put(delivery.scope, text)
        self._published = True

    def _put(self, scope: str, detail: str) -> None:
        entry = {
            "EventBusName": self._settings.bus,
            "Source": f"storekey.{self._name}",
            "DetailType": scope,
            "Detail": detail,
        }
        answer = _client("events").put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            raise NotPublished(answer["Entries"][0].get("ErrorCode", "unknown"))

    def _give_up(self, message: Message) -> list[Message]:
        """Put a message with the dead letters; it stays where it is if that fails."""
        try:
            _client("sqs").send_message(QueueUrl=self._settings.dead_letters, MessageBody=message.body)
        except (BotoCoreError, ClientError) as error:  # then it comes again
            self._tell(message, error)
            return self._later([message], None)
        return []

    def _later(self, messages: Sequence[Message], error: Exception | None) -> list[Message]:
        """Have messages come again later than the queue would; where that cannot be told, when the queue will."""
        least = min(_LONGEST_WAIT, error.retry_after) if isinstance(error, RateLimited) else 0.0
        seconds = [round(max(least, delay(message.receives, random.random()))) for message in messages]  # noqa: S311
        entries = [
            {"Id": str(number), "ReceiptHandle": message.handle, "VisibilityTimeout": seconds[number]}
            for number, message in enumerate(messages)
        ]
        try:
            if entries:
                _client("sqs").change_message_visibility_batch(QueueUrl=self._settings.queue, Entries=entries)
        except (BotoCoreError, ClientError) as failure:  # then the queue's own time does
            logger().info("the queue keeps its own time", extra={"store": self._name, "error": type(failure).__name__})
        return list(messages)

    def _tell(self, message: Message, error: Exception) -> None:
        said = {"reason": str(error)} if isinstance(error, StoreError | Refused) else {}
        facts = {"store": self._name, "message_id": message.id, "receives": message.receives}
        logger().warning("event not published", extra={**facts, "error": type(error).__name__, **said})

    def _seconds_left(self) -> float:
        remaining = getattr(self._context, "get_remaining_time_in_millis", None)
        return remaining() / 1000 if remaining else float("inf")


def _is_final(message: Message, error: Exception) -> bool:
    """Tell whether a message that failed by itself has been tried for long enough."""
    if isinstance(error, IdempotencyAlreadyInProgressError):
        return False  # another invocation is about it
    patience = GIVE_UP_AFTER if not isinstance(error, _AWS) else GIVE_UP_ON_AWS_AFTER
    return message.receives >= LEAST_TRIES and message.age >= patience


def delay(receives: int, jitter: float) -> float:
    """Return the seconds until a message comes again: doubled each time to 300, of that a random half to whole."""
    whole: float = min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(receives - 1, 10))
    return whole * (0.5 + jitter / 2)


def process(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Return the answer of process_webhooks: ``batchItemFailures``, the messages that must come again."""
    needed = ("WEBHOOK_QUEUE_URL", "WEBHOOK_DEAD_LETTERS_URL", "EVENT_BUS", "WEBHOOK_TABLE")
    settings = WebhookSettings.from_environment(*needed)
    processor = Processor(Store.from_environment(), settings, context)
    with invocation() as running:
        running.keep_back(_KEEP_BACK_SECONDS)
        failed = processor.work([Message.of(record) for record in event.get("Records", [])])
    return {"batchItemFailures": [{"itemIdentifier": message.id} for message in failed]}


@functools.cache
def _memory(table: str, seconds: int) -> DynamoDBPersistenceLayer:
    """Return a memory, which keeps to the ``seconds`` that it is first used with."""
    return DynamoDBPersistenceLayer(table_name=table)


@functools.cache
def _client(service: Any) -> Any:
    import boto3  # noqa: PLC0415 - a client is made where the first event is published
    from botocore.config import Config  # noqa: PLC0415 - the same

    patience = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.client(service, config=patience)
