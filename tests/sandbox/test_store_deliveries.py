"""What the store delivers to webhooks: which events, how often, signed how, and until when."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from aiohttp import web
from standardwebhooks.webhooks import Webhook

from sandbox.store import SandboxStore
from sandbox.store.blocks import BLOCKED, WINDOW, Blocks
from sandbox.store.deliveries import RETRIES, THREADS
from sandbox.store.orders import OrderMaker
from sandbox.store.server import Server
from tests.sandbox.test_store_hooks import Api

ORDER = {"type": "order", "id": 100}


@dataclass
class Receiver:
    """Receives over TLS what is delivered; answers after ``seconds`` with the next of ``statuses``, else ``status``."""

    statuses: list[int] = field(default_factory=list)
    status: int = 200
    seconds: float = 0.0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    server: Server = field(init=False)

    def __post_init__(self) -> None:
        self.server = Server(self._application)

    def _application(self) -> web.Application:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._take)
        return application

    async def _take(self, request: web.Request) -> web.Response:
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        await asyncio.sleep(self.seconds)
        return web.Response(status=self.statuses.pop(0) if self.statuses else self.status)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.server.port}/"

    @property
    def scopes(self) -> list[str]:
        return sorted(json.loads(body)["scope"] for _, body in self.got)


@pytest.fixture
def receiver(store: SandboxStore) -> Iterator[Receiver]:
    made = Receiver()
    made.server.start()
    store.trust(made.server.ca_pem)
    yield made
    made.server.close()


@pytest.fixture
def api(store: SandboxStore, session: requests.Session) -> Api:
    store.delivery_scale = 0.0001
    return Api(session, store.create_token_account("webhooks"))


def senders() -> int:
    return sum(thread.name == "deliveries" for thread in threading.enumerate())


def until(what: Any) -> None:
    end = time.monotonic() + 5
    while not what():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_changes_are_delivered_to_who_hears_them(store: SandboxStore, api: Api, receiver: Receiver) -> None:
    api.create(receiver.url, "store/order/*", headers={"X-Key": "k"})
    api.create(receiver.url, "store/product/updated")
    api.create(receiver.url, "store/cart/*")
    order = store.add_order(status_id=1)
    store.change_order(order["id"], status_id=2)
    store.archive_order(order["id"])
    store.change_product(3, name="new")
    store.add_product(name="unheard")
    store.remove_customer(4)
    assert store.settle()
    assert receiver.scopes == [
        "store/order/archived",
        "store/order/created",
        "store/order/statusUpdated",
        "store/order/updated",
        "store/order/updated",
        "store/product/updated",
    ]
    (payload,) = (each.payload for each in store.deliveries if each.payload["scope"] == "store/order/statusUpdated")
    status = {"previous_status_id": 1, "new_status_id": 2}
    assert payload["data"] == {"type": "order", "id": order["id"], "status": status}
    assert (payload["producer"], payload["store_id"], len(payload["hash"])) == ("stores/abc123", "1025646", 40)
    assert {headers.get("x-key") for headers, _ in receiver.got} == {"k", None}


def test_each_kind_of_row_has_its_events(store: SandboxStore, api: Api, receiver: Receiver) -> None:
    for kind in ("customer", "product", "shipment"):
        api.create(receiver.url, f"store/{kind}/*")
    for kind, id_ in (("customer", 31), ("product", 21)):
        getattr(store, f"add_{kind}")()
        getattr(store, f"change_{kind}")(id_, sku="new")
        getattr(store, f"remove_{kind}")(id_)
    store.remove_shipment(100, store.add_shipment(100)["id"])
    assert store.settle()
    told = [(each.payload["scope"], each.payload["data"]) for each in store.deliveries]
    assert told == [
        *((f"store/customer/{event}", {"type": "customer", "id": 31}) for event in ("created", "updated", "deleted")),
        *((f"store/product/{event}", {"type": "product", "id": 21}) for event in ("created", "updated", "deleted")),
        *(
            (f"store/shipment/{event}", {"type": "shipment", "id": 1, "orderId": 100})
            for event in ("created", "deleted")
        ),
    ]


def test_an_order_tells_of_its_status_and_of_its_archiving_only_when_they_change(
    store: SandboxStore, api: Api, receiver: Receiver
) -> None:
    api.create(receiver.url)
    status = store.snapshot("orders")[100]["status_id"]
    for fields in ({"status_id": status}, {"staff_notes": "x"}, {"is_deleted": True}, {"is_deleted": True}):
        store.change_orders([100], **fields)
    store.archive_order(100)
    store.set_lines(101, [{"product_id": 1, "quantity": 1}])
    store.remove_order(102)
    assert store.settle()
    assert receiver.scopes == ["store/order/archived", *["store/order/updated"] * 6]


def test_what_the_api_changes_is_delivered_too(store: SandboxStore, api: Api, receiver: Receiver) -> None:
    api.create(receiver.url)
    headers = {"X-Auth-Token": api.account.access_token}
    orders = f"{store.origin}/stores/abc123/v2/orders"
    made = api.session.post(orders, json={"status_id": 1}, headers=headers, timeout=5).json()["id"]
    api.session.put(f"{orders}/{made}", json={"status_id": 0}, headers=headers, timeout=5)
    api.session.delete(f"{orders}/{made}", headers=headers, timeout=5)
    assert store.settle()
    events = ["archived", "created", "statusUpdated", "updated", "updated"]
    assert receiver.scopes == [f"store/order/{event}" for event in events]


@pytest.mark.parametrize("signs", [True, False])
def test_a_delivery_is_signed_by_its_account(store: SandboxStore, api: Api, receiver: Receiver, signs: bool) -> None:
    store.sign_deliveries = signs
    api.create(receiver.url)
    payload = store.emit("store/order/created", {"type": "order", "id": 1}, hash="h" * 40)
    assert payload["hash"] == "h" * 40
    assert store.settle()
    ((headers, body),) = receiver.got
    assert json.loads(body) == payload
    assert ("webhook-signature" in headers) is signs
    if signs:
        assert Webhook(api.account.client_secret.encode()).verify(body.decode(), headers) == payload


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


def test_two_changes_of_a_second_share_their_hash(store: SandboxStore) -> None:
    store.clock = lambda: 1_800_000_000.0
    first, second = (store.emit("store/order/updated", {"id": 1}) for _ in range(2))
    assert first["hash"] == second["hash"]
    assert store.emit("store/order/updated", {"id": 2})["hash"] != first["hash"]
    assert store.emit("store/order/created", {"id": 1})["hash"] != first["hash"]
    store.clock = lambda: 1_800_000_001.0
    assert store.emit("store/order/updated", {"id": 1})["hash"] != first["hash"]


def test_a_receiver_is_verified(store: SandboxStore, api: Api) -> None:
    with pytest.raises(ssl.SSLError):
        store.trust("no certificate")
    stranger = Receiver()
    stranger.server.start()
    store.delivery_scale = 1.0
    api.create(stranger.url)
    store.emit("store/order/created", ORDER)
    until(lambda: store.deliveries[0].tries)
    assert (store.deliveries[0].statuses, stranger.got) == ([0], [])
    stranger.server.close()


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


def test_threads_come_with_the_first_event_and_go_with_the_store(
    store: SandboxStore, api: Api, receiver: Receiver
) -> None:
    api.create(receiver.url)
    assert senders() == 0
    store.emit("store/order/created", ORDER)
    assert senders() == THREADS
    assert store.settle()
    store.delivery_scale, receiver.status = 1.0, 500
    store.emit("store/order/created", ORDER)
    until(lambda: store.deliveries[1].tries)
    store.close()
    assert senders() == 0
    assert store.deliveries[1].done, "what waits is dropped"
    store.add_order()
    assert (len(store.deliveries), senders()) == (2, 0)
    receiver.status = 200
    store.start()
    store.add_order()
    assert store.settle()
    assert store.deliveries[2].statuses == [200]


def test_without_webhooks_changes_cost_nothing(
    store: SandboxStore, api: Api, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    genuine = OrderMaker.make

    def make(self: OrderMaker, row_id: int) -> dict[str, Any]:
        made.append(row_id)
        return genuine(self, row_id)

    monkeypatch.setattr(OrderMaker, "make", make)
    store.change_orders(range(100, 400), status_id=2)
    assert made == [], "no order is made to see its status"
    hook = api.create(receiver.url)
    store.change_orders([100], status_id=3)
    assert 100 in made
    api("DELETE", f"/{hook['id']}")
    made.clear()
    store.change_orders(range(100, 400), status_id=4)
    assert made == []
    assert store.settle()
    assert len(store.deliveries) == 2


def test_nothing_secret_shows(store: SandboxStore, api: Api, receiver: Receiver) -> None:
    api.create(receiver.url, headers={"X-Key": "planted"})
    store.emit("store/order/created", ORDER)
    assert store.settle()
    shown = repr((store.hooks.all(), store.deliveries, api.account, store.requests))
    secrets = ("planted", api.account.client_secret, api.account.access_token)
    assert [secret for secret in secrets if secret in shown] == []
