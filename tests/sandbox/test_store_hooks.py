"""The store's webhooks: the routes on which they are kept; and the routes of v2 and v3 that read one object."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from sandbox.store import SCOPES, SandboxStore
from sandbox.store.events import hears, is_known
from tests.sandbox.clients import Api
from tests.sandbox.in_process import row_ids, small


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
        ({"scope": "store/order/*", "destination": "https://a.example/", "headers": {"a": "1\r\nb: 2"}}, "headers"),
        ({"scope": "store/order/*", "destination": "https://a.example/", "headers": {"a b": "1"}}, "headers"),
        ({"scope": "store/order/*", "destination": "https://a.example/", "is_active": "yes"}, "is_active"),
        ({"scope": ["store/order/*"], "destination": "https://a.example/"}, "scope"),
        ({"scope": "store/order/*", "destination": "https://[/"}, "destination"),
        ({"scope": "store/order/*", "destination": "https://a.example:99999/"}, "destination"),
        ({"scope": "store/order/*", "destination": 5}, "destination"),
    ],
)
def test_what_is_no_webhook_is_refused(api: Api, fields: dict[str, Any], wrong: str) -> None:
    answer = api("POST", **fields)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [wrong]
    assert api("GET").json()["data"] == []


def test_a_body_that_is_no_json_is_answered_400(api: Api) -> None:
    headers = {"X-Auth-Token": api.account.access_token}
    answer = api.session.post(f"{api.account.api_path}hooks", data=b"{", headers=headers, timeout=5)
    assert (answer.status_code, answer.json()["status"]) == (400, 400)


def test_there_is_one_of_a_scope_and_destination_and_ten_of_a_scope(api: Api) -> None:
    for number in range(10):
        api.create(f"https://{number}.example/")
    assert api("POST", scope="store/order/*", destination="https://1.example/").status_code == 422
    assert api("POST", scope="store/order/*", destination="https://11.example/").status_code == 422
    other = api.create("https://1.example/", "store/order/created")
    place = f"/{other['id']}"
    assert api("PUT", place, scope="store/order/*").status_code == 422
    assert api("PUT", place, destination="https://2.example/").status_code == 200
    assert api("PUT", place, destination="https://2.example/", headers=None).status_code == 200, "it is itself no other"
    assert api("PUT", place, scope="nothing").status_code == 422
    assert api("PUT", "/1", scope="nothing").status_code == 404
    assert api("GET", place).json()["data"]["scope"] == "store/order/created"


def test_webhooks_are_listed_by_page_and_by_what_they_are(store: SandboxStore, api: Api) -> None:
    made = [api.create(f"https://{number}.example:8443/", is_active=number != 2)["id"] for number in range(5)]
    answer = api("GET", "?limit=2&page=2").json()
    assert [hook["id"] for hook in answer["data"]] == made[2:4]
    assert answer["meta"]["pagination"] == {
        **{"total": 5, "count": 2, "per_page": 2, "current_page": 2, "total_pages": 3},
        "links": {"current": "?page=2&limit=2", "previous": "?page=1&limit=2", "next": "?page=3&limit=2"},
    }

    def listed(query: str) -> list[int]:
        return [hook["id"] for hook in api("GET", query).json()["data"]]

    assert listed("?is_active=false") == [made[2]]
    assert listed("?is_active=true") == [made[0], made[1], made[3], made[4]]
    assert listed("?destination=https://1.example:8443/") == [made[1]]
    assert listed("?scope=store/order/created") == []
    assert [api("GET", query).status_code for query in ("?is_active=1", "?limit=0", "?limit=251")] == [422, 422, 413]
    store.page_cap = 3
    assert listed("") == made[:3]


def test_webhooks_need_a_token_account_with_a_scope(store: SandboxStore, session: requests.Session) -> None:
    basic = store.create_account("basic")
    credentials = (basic.username, basic.api_token)
    assert session.get(f"{store.origin}/api/v3/hooks", auth=credentials, timeout=5).status_code == 404
    assert session.get(f"{store.origin}/stores/abc123/v3/hooks", auth=credentials, timeout=5).status_code == 401
    without = SCOPES - {"store_v2_information"}
    reader = Api(session, store.create_token_account("reader", {*without, "store_v2_information_read_only"}))
    fields = {"scope": "store/order/*", "destination": "https://a.example/"}
    assert [reader("GET").status_code, reader("POST", **fields).status_code] == [200, 403]
    assert Api(session, store.create_token_account("none", without))("GET").status_code == 403
    assert store.get("v3/hooks")[0] == 404, "nobody asks"


@pytest.mark.parametrize(
    ("scope", "known"),
    [
        ("store/order/*", True),
        ("store/order/statusUpdated", True),
        ("store/order/message/*", True),
        ("store/order/metafield/deleted", True),
        ("store/cart/lineItem/created", True),
        ("store/customer/payment/instrument/default/updated", True),
        ("store/sku/inventory/order/updated", True),
        ("store/app/uninstalled", True),
        ("store/hook/deliveryException", True),
        ("store/channel/*", True),
        ("store/channel/7/order/created", True),
        ("store/channel/7/cart/lineItem/*", True),
        ("store/channel/*/inventory/product/stock_changed", True),
        ("store/channel/*/inventory/product/*", True),
        ("store/*", False),
        ("store/order", False),
        ("store/order/", False),
        ("store/order/deleted", False),
        ("store/order/created/*", False),
        ("store/channel/*/order/created", False),
        ("store/channel/7/inventory/product/stock_changed", False),
        ("store/channel/main/order/created", False),
        ("store/order/created\n", False),
    ],
)
def test_the_store_knows_its_events(scope: str, known: bool) -> None:
    assert is_known(scope) is known


@pytest.mark.parametrize(
    ("scope", "event", "heard"),
    [
        ("store/order/created", "store/order/created", True),
        ("store/order/*", "store/order/created", True),
        ("store/order/*", "store/order/message/created", True),
        ("store/order/*", "store/orders", False),
        ("store/order/created", "store/order/updated", False),
        ("store/order/*", "store/channel/1/order/created", False),
        ("store/channel/*", "store/channel/1/order/created", True),
        ("store/channel/1/order/*", "store/channel/12/order/created", False),
        ("store/channel/*/inventory/product/*", "store/channel/1/inventory/product/stock_changed", True),
        ("store/channel/*/inventory/product/*", "store/channel/1/order/created", False),
    ],
)
def test_a_webhook_hears_its_events(scope: str, event: str, heard: bool) -> None:
    assert hears(scope, event) is heard


def test_blocks_and_emails_are_told_to_the_account_that_they_concern(store: SandboxStore, api: Api) -> None:
    first = api.create("https://a.example/")
    api.create("https://a.example/", "store/product/*", is_active=False)
    store.hooks.block("a.example", 60)
    store.hooks.block("b.example", 60)
    told = api("GET", "/admin?is_active=true").json()["data"]
    (blocked,) = told["blocked_domains"]
    assert blocked["destination"] == "https://a.example"
    assert 50 < blocked["time_left"] <= 60
    assert told["hooks_list"] == [{**first, "status": "active"}]
    assert len(api("GET", "/admin").json()["data"]["hooks_list"]) == 2
    assert api("PUT", "/admin", emails=["a@example.com"]).status_code == 204
    assert api("PUT", "/admin", emails="a@example.com").status_code == 422
    assert api("GET", "/admin").json()["data"]["emails"] == ["a@example.com"]
    other = Api(api.session, store.create_token_account("another"))
    assert other("GET", "/admin").json()["data"] == {"emails": [], "hooks_list": [], "blocked_domains": []}


def test_all_webhooks_are_switched_off(store: SandboxStore, api: Api) -> None:
    made = api.create("https://a.example/")
    store.switch_off_hooks()
    assert api("GET", f"/{made['id']}").json()["data"]["is_active"] is False


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
    variant = get("catalog/products/3/variants/3").json()["data"]
    assert (variant["product_id"], variant["sku"], type(variant["price"])) == (3, store.products[3]["sku"], float)
    for path in ("catalog/products/999", "catalog/products/3/variants/4", "catalog/products/999/variants/999"):
        assert get(path).status_code == 404


def test_the_shipments_of_an_order_are_read() -> None:
    store = small()
    assert store.get("v2/orders/100/shipments") == (204, b"")
    first, second = store.add_shipment(100), store.add_shipment(100, tracking_number="T", id=9)
    assert [first["id"], second["id"], second["order_id"], second["tracking_number"]] == [1, 2, 100, "T"]
    assert first["items"][0]["order_product_id"] == store.lines(100)[0]["id"]
    assert row_ids(store, "v2/orders/100/shipments", page=2, limit=1) == [2]
    status, body = store.get("v2/orders/100/shipments/1")
    assert (status, json.loads(body)) == (200, first)
    store.remove_shipment(100, 1)
    paths = ("100/shipments/1", "101/shipments/2", "99/shipments", "99/shipments/2")
    assert [store.get(f"v2/orders/{path}")[0] for path in paths] == [404] * 4
    store.remove_order(100)
    assert store.get("v2/orders/100/shipments/2")[0] == 404
    for gone in (lambda: store.add_shipment(100), lambda: store.remove_shipment(100, 2)):
        with pytest.raises(KeyError):
            gone()
