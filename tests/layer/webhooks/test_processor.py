"""Each event once to the bus with its object as it is now."""

from __future__ import annotations

import time
from typing import Any

import pytest

from storekey.webhooks._signature import TOLERANCE_SECONDS
from storekey.webhooks.processor import (
    GIVE_UP_ON_AWS_AFTER,
    MEMORY_SECONDS,
    TIMELESS_MEMORY_SECONDS,
)
from tests.support import points

from .deliveries import PAYLOAD, credentials, payload, secret
from .processing import Answering, Sent, message, old, work


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


def test_two_updates_without_a_time_that_share_a_hash_are_told_apart_by_the_object(sent: Sent, table: Any) -> None:
    store = Answering(objects={"orders/250": [{"id": 250, "status_id": 1}, {"id": 250, "status_id": 2}]})
    timeless = {name: value for name, value in PAYLOAD.items() if name != "created_at"}
    assert work(store, *(message(timeless, number) for number in (1, 2, 3))) == []
    assert [detail["object"]["status_id"] for detail in sent.details] == [1, 2]
    del store.objects["orders/250"]
    assert work(store, message(timeless, 4), message(timeless, 5)) == []
    assert [detail["gone"] for detail in sent.details] == [False, False, True]
    left = [float(item["expiration"]) - time.time() for item in table.scan()["Items"]]
    assert all(TIMELESS_MEMORY_SECONDS - 10 < seconds <= TIMELESS_MEMORY_SECONDS for seconds in left)
    store.objects["orders/250"] = {"id": 250, "status_id": 1}
    for item in table.scan()["Items"]:
        table.update_item(
            Key={"id": item["id"]},
            UpdateExpression="SET expiration = :past",
            ExpressionAttributeValues={":past": 1},
        )
    assert work(store, message(timeless, 6)) == []
    assert [detail["object"] for detail in sent.details[3:]] == [{"id": 250, "status_id": 1}], "it is again what it was"


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


def test_the_credentials_are_read_again_where_an_event_is_of_another_store(sent: Sent) -> None:
    class Moved(Answering):
        def credentials(self, fresh: bool = False) -> Any:
            return credentials(secret("B", "xyz789")) if fresh else self.holds

    store = Moved(objects={"orders/250": {"id": 250}})
    assert work(store, message(payload(producer="stores/xyz789"))) == []
    assert len(sent.events) == 1


def test_an_event_whose_scope_is_wanted_no_more_is_published_all_the_same(sent: Sent) -> None:
    assert work(Answering(), message(payload(scope="store/cart/created", data={"id": "c-1"}))) == []
    assert len(sent.events) == 1


def test_nothing_of_a_body_or_an_object_is_logged(
    sent: Sent, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    personal = payload(data={"id": 250, "email": "jane@example.com"})
    store = Answering(objects={"orders/250": [{"billing_address": "jane"}, KeyError("jane@example.com")]})
    work(store, message(personal), message(personal | {"hash": "e" * 40}, 2))
    told = capsys.readouterr().out + " ".join(str(record.__dict__) for record in caplog.records)
    assert "jane" not in told
    assert "KeyError" in told
