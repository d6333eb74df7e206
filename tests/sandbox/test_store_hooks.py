"""The store's webhooks: the routes on which they are kept, and what is delivered to them, how often and signed how."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from aiohttp import web
from standardwebhooks.webhooks import Webhook

from sandbox.store import SandboxStore, TokenAccount
from sandbox.store.deliveries import RETRIES
from sandbox.store.server import Server


@dataclass
class Receiver:
    """Receives over TLS what is delivered; answers with the next of ``statuses``, else 200."""

    statuses: list[int] = field(default_factory=list)
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
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.server.port}/"

    @property
    def payloads(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]

    @property
    def scopes(self) -> list[str]:
        return sorted(payload["scope"] for payload in self.payloads)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    made.server.start()
    yield made
    made.server.close()


@dataclass
class Api:
    """The hooks API as an account sees it."""

    session: requests.Session
    account: TokenAccount

    def __call__(self, method: str, path: str = "", **fields: Any) -> requests.Response:
        url = f"{self.account.api_path}hooks{path}"
        headers = {"X-Auth-Token": self.account.access_token}
        return self.session.request(method, url, headers=headers, json=fields or None, timeout=5)

    def create(self, destination: str, scope: str = "store/order/*", **fields: Any) -> dict[str, Any]:
        answer = self("POST", scope=scope, destination=destination, **fields)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["data"])


@pytest.fixture
def api(store: SandboxStore, session: requests.Session) -> Api:
    store.delivery_scale = 0.0001
    return Api(session, store.create_token_account("webhooks"))


def test_a_webhook_is_created_listed_changed_and_deleted(api: Api) -> None:
    made = api.create("https://a.example/", headers={"X-Key": "k"})
    assert made["is_active"] is True
    assert {"id", "client_id", "store_hash", "created_at", "updated_at"} <= made.keys()
    listed = api("GET").json()
    assert listed["data"] == [made]
    assert listed["meta"]["pagination"]["total"] == 1
    place = f"/{made['id']}"
    assert api("PUT", place, is_active=False).json()["data"]["headers"] == {"X-Key": "k"}
    assert api("GET", place).json()["data"]["is_active"] is False
    assert api("DELETE", place).json()["data"]["id"] == made["id"]
    assert [api(method, place).status_code for method in ("GET", "DELETE")] == [404, 404]


def test_a_webhook_is_seen_by_its_own_account_alone_and_goes_with_it(
    store: SandboxStore, session: requests.Session, api: Api
) -> None:
    made = api.create("https://a.example/")
    other = Api(session, store.create_token_account("another"))
    assert other("GET").json()["data"] == []
    assert [other(method, f"/{made['id']}").status_code for method in ("GET", "PUT", "DELETE")] == [404, 404, 404]
    other.create("https://a.example/")
    store.delete(api.account)
    assert [hook.client_id for hook in store.hooks.all()] == [other.account.client_id]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"scope": "store/order/*"}, "destination"),
        ({"destination": "https://a.example/"}, "scope"),
        ({"scope": "store/order/*", "destination": "http://a.example/"}, "destination"),
        ({"scope": "store/ordre/*", "destination": "https://a.example/"}, "scope"),
        ({"scope": "store/order/*", "destination": "https://a.example/", "headers": {"a": 1}}, "headers"),
        ({"scope": "store/order/*", "destination": "https://a.example/", "is_active": "yes"}, "is_active"),
    ],
)
def test_what_is_no_webhook_is_refused(api: Api, fields: dict[str, Any], wrong: str) -> None:
    answer = api("POST", **fields)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [wrong]


def test_there_is_one_of_a_scope_and_destination_and_ten_of_a_scope(api: Api) -> None:
    for number in range(10):
        api.create(f"https://{number}.example/")
    assert api("POST", scope="store/order/*", destination="https://1.example/").status_code == 422
    assert api("POST", scope="store/order/*", destination="https://11.example/").status_code == 422
    api.create("https://1.example/", "store/order/created")


def test_blocks_are_told_to_the_accounts_that_they_concern(store: SandboxStore, api: Api) -> None:
    api.create("https://a.example/")
    store.hooks.block("a.example", 60)
    store.hooks.block("b.example", 60)
    (blocked,) = api("GET", "/admin").json()["data"]["blocked_domains"]
    assert blocked["destination"] == "https://a.example"
    assert 50 < blocked["time_left"] <= 60


def test_changes_are_delivered_to_who_hears_them(store: SandboxStore, api: Api, receiver: Receiver) -> None:
    store.trust(receiver.server.ca_pem)
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
    payload = next(each for each in receiver.payloads if each["scope"] == "store/order/statusUpdated")
    status = {"previous_status_id": 1, "new_status_id": 2}
    assert payload["data"] == {"type": "order", "id": order["id"], "status": status}
    assert (payload["producer"], payload["store_id"], len(payload["hash"])) == ("stores/abc123", "1025646", 40)
    assert {headers.get("x-key") for headers, _ in receiver.got} == {"k", None}


@pytest.mark.parametrize("signs", [True, False])
def test_a_delivery_is_signed_by_its_account(store: SandboxStore, api: Api, receiver: Receiver, signs: bool) -> None:
    store.sign_deliveries = signs
    store.trust(receiver.server.ca_pem)
    api.create(receiver.url)
    store.emit("store/order/created", {"type": "order", "id": 1}, hash="h" * 40)
    assert store.settle()
    ((headers, body),) = receiver.got
    assert ("webhook-signature" in headers) is signs
    if signs:
        assert Webhook(api.account.client_secret.encode()).verify(body.decode(), headers)["hash"] == "h" * 40


def test_what_fails_comes_again_with_a_new_signature_and_at_last_the_webhook_is_switched_off(
    store: SandboxStore, api: Api, receiver: Receiver
) -> None:
    store.delivery_scale = 0.000001
    store.trust(receiver.server.ca_pem)
    made = api.create(receiver.url)
    receiver.statuses += [500, 401]
    store.emit("store/order/created", {"type": "order", "id": 1})
    assert store.settle()
    (delivery,) = store.deliveries
    assert delivery.statuses == [500, 401, 200]
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len({body for _, body in receiver.got}) == 1
    receiver.statuses += [500] * (len(RETRIES) + 1)
    store.emit("store/order/created", {"type": "order", "id": 2})
    assert store.settle()
    assert api("GET", f"/{made['id']}").json()["data"]["is_active"] is False
    store.emit("store/order/created", {"type": "order", "id": 3})
    assert len(store.deliveries) == 2, "nothing more is sent, in silence"


def test_what_waits_for_a_deleted_account_is_dropped(store: SandboxStore, api: Api, receiver: Receiver) -> None:
    store.delivery_scale = 0.001
    api.create(receiver.url)
    store.emit("store/order/created", {"type": "order", "id": 1})
    store.delete(api.account)
    assert store.settle()
    assert receiver.got == [], "its certificate is not trusted"
    assert store.deliveries[0].done


def test_deliveries_can_come_twice(store: SandboxStore, api: Api, receiver: Receiver) -> None:
    store.duplicates = 1.0
    store.trust(receiver.server.ca_pem)
    api.create(receiver.url)
    store.emit("store/order/created", {"type": "order", "id": 1})
    assert store.settle()
    assert len(receiver.got) == 2


def test_two_changes_of_a_second_share_their_hash(store: SandboxStore, api: Api, receiver: Receiver) -> None:
    store.clock = lambda: 1_800_000_000.0
    first, second = (store.emit("store/order/updated", {"id": 1}) for _ in range(2))
    assert first["hash"] == second["hash"]
    store.clock = lambda: 1_800_000_001.0
    assert store.emit("store/order/updated", {"id": 1})["hash"] != first["hash"]


def test_nothing_secret_shows(store: SandboxStore, api: Api) -> None:
    api.create("https://a.example/", headers={"X-Key": "planted"})
    shown = repr(store.hooks.all())
    assert "planted" not in shown
    assert api.account.client_secret not in shown


def test_one_product_and_its_variant_are_read_by_id(store: SandboxStore, session: requests.Session, api: Api) -> None:
    headers = {"X-Auth-Token": api.account.access_token}

    def get(path: str) -> requests.Response:
        return session.get(f"{api.account.api_path}{path}", headers=headers, timeout=5)

    assert get("catalog/products/3").json()["data"]["id"] == 3
    assert get("catalog/products/3/variants/3").json()["data"]["product_id"] == 3
    for path in ("catalog/products/999", "catalog/products/3/variants/4", "catalog/products/999/variants/999"):
        assert get(path).status_code == 404
