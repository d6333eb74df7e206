"""What the store delivers to webhooks: which events, signed how, and at what cost."""

from __future__ import annotations

import json
import ssl
import threading
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from sandbox.store import SandboxStore
from sandbox.store.deliveries import THREADS
from sandbox.store.orders import OrderMaker
from tests.sandbox.clients import Api
from tests.sandbox.receiving import ORDER, Receiver
from tests.support import until


def senders() -> int:
    return sum(thread.name == "deliveries" for thread in threading.enumerate())


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
