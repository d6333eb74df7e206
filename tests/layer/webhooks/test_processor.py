"""Each event once to the bus with its object as it is now; what fails comes again, and none is lost."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from storekey import (
    BadAnswer,
    Forbidden,
    NotFound,
    RateLimited,
    RequestRejected,
    TlsFailure,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from storekey.webhooks import processor
from storekey.webhooks._scopes import Scopes
from storekey.webhooks._settings import WebhookSettings
from storekey.webhooks._signature import TOLERANCE_SECONDS
from storekey.webhooks.processor import (
    GIVE_UP_AFTER,
    GIVE_UP_ON_AWS_AFTER,
    LEAST_TRIES,
    MEMORY_SECONDS,
    Message,
    Processor,
    delay,
)
from tests.support import Context, points

from .deliveries import PAYLOAD, credentials, payload, secret, version
from .test_receiver import BASIC

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


@pytest.fixture(scope="module")
def table() -> Iterator[Any]:
    """The table of DynamoDB, by moto in this process."""
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "testing")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        processor._memory.cache_clear()
        yield boto3.resource("dynamodb").create_table(
            TableName="webhooks",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        processor._memory.cache_clear()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, table: Any) -> Sent:
    """What is sent by a processor that remembers nothing yet."""
    for item in table.scan()["Items"]:
        table.delete_item(Key={"id": item["id"]})
    services = Sent()
    monkeypatch.setattr(processor, "_client", lambda service: services)
    return services


def message(found: Any, number: int = 1, receives: int = 1, age: float = 0.0) -> Message:
    body = found if isinstance(found, str) else json.dumps(found)
    return Message(f"m{number}", f"h{number}", body, receives, time.time() - age)


def old(found: Any, number: int = 1, age: float = GIVE_UP_AFTER) -> Message:
    """A message that was tried often and long enough."""
    return message(found, number, LEAST_TRIES, age)


def work(store: Any, *messages: Message, seconds: float = 60.0) -> list[str]:
    return [one.id for one in Processor(store, SETTINGS, Context(seconds)).work(messages)]


def test_an_event_goes_to_the_bus_with_its_object_as_it_is_now(sent: Sent, capsys: pytest.CaptureFixture[str]) -> None:
    store = Answering(objects={"orders/250": {"id": 250, "status_id": 2}})
    assert work(store, message(PAYLOAD)) == []
    (event,) = sent.events
    assert (event["EventBusName"], event["Source"], event["DetailType"]) == (
        "bus",
        "storekey.store",
        "store/order/created",
    )
    (detail,) = sent.details
    assert detail["payload"] == PAYLOAD
    assert detail["object"] == {"id": 250, "status_id": 2}
    assert (detail["gone"], detail["too_large"]) == (False, False)
    assert detail["read_at"].endswith("Z")
    told = capsys.readouterr().out
    assert points(told, "EventsPublished") == [1.0]
    assert len(points(told, "EventAgeSeconds")) == 1


def test_what_is_gone_is_told_as_gone(sent: Sent) -> None:
    assert work(Answering(), message(PAYLOAD)) == []
    assert [(detail["object"], detail["gone"]) for detail in sent.details] == [(None, True)]


def test_an_event_about_no_object_is_published_without_one(sent: Sent) -> None:
    store = Answering()
    assert work(store, message(payload(scope="store/app/uninstalled"))) == []
    assert [(detail["object"], detail["gone"], detail["read_at"]) for detail in sent.details] == [(None, False, None)]
    assert store.asked == []


def test_an_object_too_large_for_the_bus_is_left_out_and_that_is_told(sent: Sent) -> None:
    store = Answering(objects={"orders/250": {"id": 250, "notes": "x" * 300_000}})
    assert work(store, message(PAYLOAD)) == []
    assert [(detail["object"], detail["gone"], detail["too_large"]) for detail in sent.details] == [(None, False, True)]


def test_an_object_near_the_limit_of_the_bus_goes_with_its_event(sent: Sent) -> None:
    store = Answering(objects={"orders/250": {"id": 250, "notes": "é\ud800" * 15_000}})
    assert work(store, message(PAYLOAD)) == []
    assert len(sent.events[0]["Detail"].encode()) < 256 * 1024
    assert sent.details[0]["object"]["id"] == 250


def test_a_repeated_event_is_published_once(sent: Sent, capsys: pytest.CaptureFixture[str]) -> None:
    store = Answering(objects={"orders/250": {"id": 250}})
    assert work(store, message(PAYLOAD), message(PAYLOAD, 2)) == []
    assert work(store, message(PAYLOAD, 3)) == []
    assert len(sent.events) == 1
    assert store.asked == ["orders/250"], "nor is the store asked again"
    told = capsys.readouterr().out
    assert (points(told, "EventsPublished"), points(told, "EventsSuppressed")) == ([1.0], [1.0, 1.0])


@pytest.mark.parametrize("other", [{"hash": "c" * 40}, {"created_at": 1561479336}, {"scope": "store/order/updated"}])
def test_another_event_is_another(sent: Sent, other: dict[str, Any]) -> None:
    store = Answering(objects={"orders/250": {"id": 250}})
    assert work(store, message(PAYLOAD), message(payload(**other), 2)) == []
    assert len(sent.events) == 2


def test_an_event_is_remembered_for_its_time_and_no_longer(sent: Sent, table: Any) -> None:
    store = Answering(objects={"orders/250": {"id": 250}})
    work(store, message(PAYLOAD))
    (item,) = table.scan()["Items"]
    assert set(item) <= {"id", "expiration", "status", "data", "in_progress_expiration"}
    assert MEMORY_SECONDS >= 2 * TOLERANCE_SECONDS, "the sender's clock may be as far off as ours"
    table.update_item(
        Key={"id": item["id"]},
        UpdateExpression="SET expiration = :past",
        ExpressionAttributeValues={":past": 1},
    )
    work(store, message(PAYLOAD, 2))
    assert len(sent.events) == 2


def test_what_another_environment_is_about_comes_again(sent: Sent) -> None:
    store = Answering()

    class Nested:
        """Works on the same event while it is being read."""

        def __init__(self) -> None:
            self.failed: list[str] | None = None

        def __call__(self, path: str, params: dict[str, str]) -> Any:
            if self.failed is None:
                self.failed = []
                self.failed = work(store, old(PAYLOAD, 2, age=9 * GIVE_UP_ON_AWS_AFTER))
            return {"id": 250}

    store.get = nested = Nested()  # type: ignore[method-assign]
    assert work(store, message(PAYLOAD)) == []
    assert nested.failed == ["m2"]
    assert len(sent.events) == 1


WHOLE_STORE = [
    Unauthorized("refused", status=401),
    TlsFailure("expired"),
    RateLimited("spent", retry_after=120.0, status=429),
]


@pytest.mark.parametrize("error", WHOLE_STORE, ids=lambda error: type(error).__name__)
def test_what_fails_for_the_whole_store_ends_the_batch_and_everything_comes_again(sent: Sent, error: Exception) -> None:
    store = Answering(objects={"orders/1": {"id": 1}, "orders/2": [error, {"id": 2}], "orders/3": {"id": 3}})
    events = [old(payload(hash=f"{n}" * 40, data={"id": n}), n) for n in (1, 2, 3)]
    assert work(store, *events) == ["m2", "m3"]
    assert store.asked == ["orders/1", "orders/2"], "the third would only have failed as well"
    assert sent.delays.keys() == {"h2", "h3"}
    assert sent.dead == []
    assert work(store, *events[1:]) == []
    assert [detail["object"]["id"] for detail in sent.details] == [1, 2, 3]


PERHAPS = [Unavailable("down", status=503), Unreachable("no connection")]


@pytest.mark.parametrize("error", PERHAPS, ids=lambda error: type(error).__name__)
def test_a_store_that_is_down_for_two_messages_is_down_for_all(sent: Sent, error: Exception) -> None:
    store = Answering(objects={f"orders/{n}": error for n in (1, 2, 3)})
    events = [old(payload(hash=f"{n}" * 40, data={"id": n}), n, age=9 * GIVE_UP_AFTER) for n in (1, 2, 3)]
    assert work(store, *events) == ["m1", "m2", "m3"]
    assert store.asked == ["orders/1", "orders/2"]
    assert work(store, events[0]) == ["m1"], "none went well, so it may be the store"
    assert not sent.dead
    assert sent.delays.keys() == {"h1", "h2", "h3"}


@pytest.mark.parametrize("error", PERHAPS, ids=lambda error: type(error).__name__)
def test_one_object_that_the_store_cannot_give_holds_up_no_other_and_is_given_up(sent: Sent, error: Exception) -> None:
    store = Answering(objects={"orders/1": error, "orders/2": {"id": 2}, "orders/3": {"id": 3}})
    events = [message(payload(hash=f"{n}" * 40, data={"id": n}), n) for n in (1, 2)]
    assert work(store, *events) == ["m1"]
    third = message(payload(hash="3" * 40, data={"id": 3}), 3)
    assert work(store, old(payload(hash="1" * 40, data={"id": 1})), third) == []
    assert [detail["object"]["id"] for detail in sent.details] == [2, 3]
    assert len(sent.dead) == 1


def test_the_credentials_are_read_again_where_an_event_is_of_another_store(sent: Sent) -> None:
    class Moved(Answering):
        def credentials(self, fresh: bool = False) -> Any:
            return credentials(secret("B", "xyz789")) if fresh else self.holds

    store = Moved(objects={"orders/250": {"id": 250}})
    assert work(store, message(payload(producer="stores/xyz789"))) == []
    assert len(sent.events) == 1


def test_a_wait_without_end_is_an_hour(sent: Sent) -> None:
    work(Answering(objects={"orders/250": RateLimited("spent", retry_after=1e9)}), message(PAYLOAD))
    assert sent.delays == {"h1": 3600}


def test_a_spent_quota_sends_messages_away_for_as_long_as_it_says(sent: Sent) -> None:
    store = Answering(objects={"orders/250": RateLimited("spent", retry_after=120.0)})
    assert work(store, message(PAYLOAD)) == ["m1"]
    assert sent.delays == {"h1": 120}


FOR_GOOD = [Forbidden("no scope", status=403), RequestRejected("no", status=422), BadAnswer("no"), KeyError("a bug")]


@pytest.mark.parametrize("error", FOR_GOOD, ids=lambda error: type(error).__name__)
def test_what_fails_for_good_is_tried_some_times_and_then_kept_with_the_dead_letters(
    sent: Sent, error: Exception
) -> None:
    store = Answering(objects={"orders/250": error, "catalog/products/7": {"data": {"id": 7}}})
    other = message(payload(**PRODUCT), 2)
    assert work(store, message(PAYLOAD), other) == ["m1"], "the other one can do nothing for it"
    assert work(store, message(PAYLOAD, receives=LEAST_TRIES - 1, age=GIVE_UP_AFTER)) == ["m1"]
    assert work(store, message(PAYLOAD, receives=LEAST_TRIES, age=GIVE_UP_AFTER - 5)) == ["m1"]
    assert sent.dead == []
    assert work(store, old(PAYLOAD)) == []
    assert [json.loads(body) for body in sent.dead] == [PAYLOAD]
    assert [detail["payload"]["scope"] for detail in sent.details] == ["store/product/updated"]


@pytest.mark.parametrize("body", ["", "no JSON", "[]", json.dumps(payload(producer="stores/other1"))])
def test_a_message_that_is_no_event_of_this_store_ends_with_the_dead_letters(sent: Sent, body: str) -> None:
    assert work(Answering(), message(body)) == ["m1"]
    assert work(Answering(), old(body)) == []
    assert sent.dead == [body]


def test_dead_letters_that_cannot_be_kept_come_again(sent: Sent) -> None:
    sent.error = EndpointConnectionError(endpoint_url="no")
    store = Answering(objects={"orders/250": Forbidden("no scope")})
    assert work(store, old(PAYLOAD)) == ["m1"]


def test_a_bus_that_takes_nothing_has_the_event_come_again(sent: Sent) -> None:
    sent.refused = ["ThrottlingException", "InternalFailure"]
    store = Answering(objects={"orders/250": {"id": 250}})
    assert work(store, old(PAYLOAD)) == ["m1"]
    assert work(store, old(PAYLOAD, age=GIVE_UP_ON_AWS_AFTER - 5)) == ["m1"]
    assert work(store, old(PAYLOAD)) == []
    assert len(sent.events) == 1
    assert sent.dead == []


def test_what_aws_has_not_taken_for_an_hour_ends_with_the_dead_letters(sent: Sent) -> None:
    store = Answering(objects={"orders/250": {"id": 250}})
    sent.refused = ["AccessDeniedException"]
    assert work(store, old(PAYLOAD, age=GIVE_UP_ON_AWS_AFTER)) == []
    assert len(sent.dead) == 1
    denied: Any = ClientError({"Error": {"Code": "AccessDenied"}}, "PutEvents")
    sent.put_events = lambda **_: (_ for _ in ()).throw(denied)  # type: ignore[method-assign]
    assert work(store, old(PAYLOAD)) == ["m1"]


def test_an_event_whose_scope_is_wanted_no_more_is_published_all_the_same(sent: Sent) -> None:
    assert work(Answering(), message(payload(scope="store/cart/created", data={"id": "c-1"}))) == []
    assert len(sent.events) == 1


@pytest.mark.parametrize("holds", [version(BASIC).holds, None])
def test_without_token_credentials_everything_waits_and_that_is_told(
    sent: Sent, holds: Any, caplog: pytest.LogCaptureFixture
) -> None:
    store = Answering(holds=holds)
    assert work(store, message(PAYLOAD), message(PAYLOAD, 2)) == ["m1", "m2"]
    assert not store.asked
    assert not sent.events
    assert sent.delays.keys() == {"h1", "h2"}
    assert caplog.records[0].message == "webhooks are off"


def test_what_there_is_no_time_for_comes_again(sent: Sent) -> None:
    store = Answering(objects={"orders/250": {"id": 250}})
    assert work(store, message(PAYLOAD), message(payload(hash="d" * 40), 2), seconds=4.0) == ["m2"]
    assert len(sent.events) == 1


def test_a_queue_that_keeps_its_own_time_loses_nothing(sent: Sent) -> None:
    sent.error = EndpointConnectionError(endpoint_url="no")
    assert work(Answering(objects={"orders/250": Unavailable("down")}), message(PAYLOAD)) == ["m1"]


def test_delays_double_up_to_five_minutes_and_are_spread() -> None:
    assert [delay(receives, 1.0) for receives in (1, 2, 3, 6, 7, 8, 300)] == [5, 10, 20, 160, 300, 300, 300]
    assert delay(1, 0.0) == 2.5
    least = sum(delay(receives, 0.0) for receives in range(1, 300))
    assert least > 12 * 3600, "SQS gives a message up after 300 times: half a day at the very least"


def test_nothing_of_a_body_or_an_object_is_logged(
    sent: Sent, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    personal = payload(data={"id": 250, "email": "jane@example.com"})
    store = Answering(objects={"orders/250": [{"billing_address": "jane"}, KeyError("jane@example.com")]})
    work(store, message(personal), message(personal | {"hash": "e" * 40}, 2))
    told = capsys.readouterr().out + " ".join(str(record.__dict__) for record in caplog.records)
    assert "jane" not in told
    assert "KeyError" in told
