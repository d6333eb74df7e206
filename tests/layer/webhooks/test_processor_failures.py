"""What fails comes again, later each time; what fails for good goes to the dead letters; nothing is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from storekey import (
    BadAnswer,
    Forbidden,
    RateLimited,
    RequestRejected,
    TlsFailure,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from storekey.webhooks.processor import (
    GIVE_UP_AFTER,
    GIVE_UP_ON_AWS_AFTER,
    LEAST_TRIES,
)

from .deliveries import BASIC, PAYLOAD, payload, version
from .processing import PRODUCT, Answering, Sent, message, old, work

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
def test_one_object_that_the_store_cannot_give_holds_up_no_other_and_comes_again(sent: Sent, error: Exception) -> None:
    store = Answering(objects={"orders/1": error, "orders/2": {"id": 2}, "orders/3": {"id": 3}})
    events = [message(payload(hash=f"{n}" * 40, data={"id": n}), n) for n in (1, 2)]
    assert work(store, *events) == ["m1"]
    third = message(payload(hash="3" * 40, data={"id": 3}), 3)
    waited = old(payload(hash="1" * 40, data={"id": 1}), age=9 * GIVE_UP_AFTER)
    assert work(store, waited, third) == ["m1"], "after an outage one stumble is no reason to give it up"
    assert [detail["object"]["id"] for detail in sent.details] == [2, 3]
    assert sent.dead == []


def test_a_wait_without_end_is_a_quarter_of_an_hour(sent: Sent) -> None:
    work(Answering(objects={"orders/250": RateLimited("spent", retry_after=1e9)}), message(PAYLOAD))
    assert sent.delays == {"h1": 900}


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
