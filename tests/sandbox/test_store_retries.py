"""What the store could not deliver: how often and until when it tries again, and which hosts it blocks."""

from __future__ import annotations

import time
from itertools import pairwise
from types import SimpleNamespace

import pytest
from standardwebhooks.webhooks import Webhook

from sandbox.store import SandboxStore
from sandbox.store.blocks import BLOCKED, WINDOW, Blocks
from sandbox.store.deliveries import RETRIES
from tests.sandbox.clients import Api
from tests.sandbox.receiving import ORDER, Receiver
from tests.support import until


def test_what_fails_comes_again_with_a_new_signature(
    store: SandboxStore, api: Api, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter(range(int(time.time()), int(time.time()) + 99))
    monkeypatch.setattr("sandbox.store.sending.time", SimpleNamespace(time=lambda: next(moments)))
    api.create(receiver.url)
    receiver.statuses += [500, 401, 302]
    store.emit("store/order/created", ORDER)
    assert store.settle()
    (delivery,) = store.deliveries
    assert (delivery.statuses, delivery.done) == ([500, 401, 302, 200], True)
    times = [at for at, _ in delivery.tries]
    waited = [later - sooner for sooner, later in pairwise(times)]
    assert all(seconds >= retry * store.delivery_scale for seconds, retry in zip(waited, RETRIES, strict=False))
    sent = [headers for headers, _ in receiver.got]
    assert {headers["webhook-id"] for headers in sent} == {delivery.id}
    assert {body for _, body in receiver.got} == {delivery.body}
    assert len({headers["webhook-timestamp"] for headers in sent}) == len(sent)
    for headers in sent:
        Webhook(api.account.client_secret.encode()).verify(delivery.body.decode(), headers)


def test_after_the_last_try_the_webhook_is_switched_off(store: SandboxStore, api: Api, receiver: Receiver) -> None:
    store.delivery_scale = 0.000001
    made = api.create(receiver.url)
    receiver.status = 500
    store.emit("store/order/created", ORDER)
    assert store.settle()
    assert store.deliveries[0].statuses == [500] * (1 + len(RETRIES))
    assert api("GET", f"/{made['id']}").json()["data"]["is_active"] is False
    store.emit("store/order/created", ORDER)
    assert len(store.deliveries) == 1, "nothing more is sent, in silence"
    receiver.status = 200
    assert api("PUT", f"/{made['id']}", is_active=True).status_code == 200
    store.emit("store/order/created", ORDER)
    assert store.settle()
    assert store.deliveries[1].statuses == [200]


@pytest.mark.parametrize("how", ["account", "hook", "inactive", "off"])
def test_what_waits_for_a_webhook_that_is_gone_or_off_is_dropped(
    store: SandboxStore, api: Api, receiver: Receiver, how: str
) -> None:
    store.delivery_scale = 1.0
    place = f"/{api.create(receiver.url)['id']}"
    receiver.status = 500
    store.emit("store/order/created", ORDER)
    until(lambda: store.deliveries[0].tries)
    assert not store.settle(0.01), "it waits for a minute"
    if how == "account":
        store.delete(api.account)
    elif how == "off":
        store.switch_off_hooks()
    else:
        api("DELETE" if how == "hook" else "PUT", place, **({} if how == "hook" else {"is_active": False}))
    assert store.settle(0.2)
    assert store.deliveries[0].done
    assert store.deliveries[0].statuses == [500]


def test_what_is_under_way_to_a_webhook_as_it_goes_does_not_come_again(
    store: SandboxStore, api: Api, receiver: Receiver
) -> None:
    store.delivery_scale, receiver.seconds, receiver.status = 1.0, 0.1, 500
    api.create(receiver.url)
    store.emit("store/order/created", ORDER)
    until(lambda: receiver.got)
    store.delete(api.account)
    assert store.settle(2.0)
    assert (store.deliveries[0].statuses, store.deliveries[0].done) == ([500], True)


def test_a_share_of_deliveries_comes_twice_and_fails_no_faster_for_it(
    store: SandboxStore, api: Api, receiver: Receiver
) -> None:
    api.create(receiver.url)
    store.delivery_scale, store.duplicates = 0.001, 1.0
    receiver.statuses += [500, 500]
    store.emit("store/order/created", ORDER)
    assert store.settle()
    assert store.deliveries[0].statuses == [500, 500, 200], "the second is not tried again"
    assert len({(headers["webhook-id"], body) for headers, body in receiver.got}) == 1
    store.duplicates = 0.5
    for number in range(40):
        store.emit("store/order/created", {"type": "order", "id": number})
    assert store.settle()
    assert [len(each.tries) for each in store.deliveries[1:]].count(2) == pytest.approx(20, abs=8)


def test_a_receiver_that_does_not_answer_fails(
    store: SandboxStore, api: Api, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.store.sending.TRY_SECONDS", 0.05)
    receiver.seconds = 0.2
    store.delivery_scale = 1.0
    api.create(receiver.url)
    store.emit("store/order/created", ORDER)
    until(lambda: store.deliveries[0].tries)
    assert store.deliveries[0].statuses == [0]


def test_a_host_is_blocked_for_a_client_when_a_tenth_of_a_hundred_fails() -> None:
    now = [1000.0]
    blocks = Blocks(lambda: 0.5, lambda: now[0])

    def sent(client_id: str, taken: int, failed: int) -> float:
        for ok in [True] * taken + [False] * failed:
            blocks.note("a.example", client_id, ok)
        return blocks.left("a.example", client_id)

    assert sent("one", 0, 99) == 0
    assert sent("two", 90, 10) == 0, "nine of ten are enough"
    assert sent("two", 0, 1) == BLOCKED / 2
    assert [blocks.left("a.example", "one"), blocks.left("b.example", "two")] == [0, 0]
    (reason,) = blocks.reasons("a.example", "two")
    assert reason["count"] == 11
    now[0] += WINDOW / 2 + 1
    assert sent("one", 0, 99) == 0, "what was sent before the window is forgotten"
    assert sent("one", 0, 1) == BLOCKED / 2
    now[0] += BLOCKED / 2
    assert blocks.left("a.example", "one") == 0
    assert sent("one", 0, 99) == 0, "it is judged anew"


def test_a_host_that_fails_is_blocked_and_told_of(store: SandboxStore, api: Api, receiver: Receiver) -> None:
    store.delivery_scale = 0.05
    receiver.status = 503
    made = api.create(receiver.url)
    for number in range(100):
        store.emit("store/order/created", {"type": "order", "id": number})
    until(lambda: store.hooks.blocks.left("localhost", api.account.client_id))
    (blocked,) = api("GET", "/admin").json()["data"]["blocked_domains"]
    assert (blocked["destination"], blocked["reasons"][0]["count"]) == ("https://localhost", 100)
    assert 0 < blocked["time_left"] <= 9
    tried = len(receiver.got)
    store.emit("store/order/created", ORDER)
    until(lambda: store.deliveries[-1].step == 1)
    assert (store.deliveries[-1].tries, len(receiver.got)) == ([], tried), "it went the way of the retries"
    api("DELETE", f"/{made['id']}")
    assert store.settle()


def test_what_a_block_kept_back_is_delivered_afterwards(store: SandboxStore, api: Api, receiver: Receiver) -> None:
    api.create(receiver.url)
    store.duplicates = 1.0
    store.hooks.block("localhost", 60)
    store.emit("store/order/created", ORDER)
    until(lambda: store.deliveries[0].step > 1)
    store.hooks.block("localhost", 0)
    assert store.settle()
    assert store.deliveries[0].statuses == [200], "and of two the second is left out"
