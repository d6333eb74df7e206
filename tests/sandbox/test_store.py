"""What a client sees of the pretend store, over real TLS."""

from __future__ import annotations

import socket
import ssl
import time
import warnings

import pytest
import requests

from sandbox.store import (
    BasicAccount,
    SandboxStore,
    TokenAccount,
)
from tests.sandbox.clients import Get, ask, ids


def test_only_its_own_ca_is_trusted(store: SandboxStore) -> None:
    with requests.Session() as session, pytest.raises(requests.exceptions.SSLError):
        session.trust_env = False
        session.get(store.origin, timeout=5)


def test_tls_is_1_2_or_newer(store: SandboxStore) -> None:
    assert _handshake(store, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    with pytest.raises(ssl.SSLError):
        _handshake(store, ssl.TLSVersion.TLSv1_1)


def _handshake(store: SandboxStore, highest: ssl.TLSVersion) -> str | None:
    context = ssl.create_default_context(cadata=store.ca_pem)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = highest
    port = int(store.host.partition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as tls,
    ):
        return tls.version()


def test_accounts_hide_their_secrets_but_give_the_secret(store: SandboxStore) -> None:
    basic, token = store.create_account("orders-export"), store.create_token_account("export")
    assert len(basic.api_token) == 32 and basic.api_token not in repr(basic)
    assert token.access_token not in repr(token) and token.client_secret not in repr(token)
    assert set(basic.secret()) == {"api_path", "username", "api_token"}
    assert set(token.secret()) == {"api_path", "access_token", "client_id", "client_secret"}
    assert basic.api_path == f"{store.origin}/api/v2/" and token.api_path == f"{store.origin}/stores/abc123/v3/"


@pytest.mark.parametrize(
    ("kind", "path", "status"),
    [
        ("basic", "/api/v2/time", 200),
        ("basic", "/stores/abc123/v2/time", 401),
        ("basic", "/stores/abc123/v3/customers", 401),
        ("basic", "/stores/abc123/v3/hooks", 401),
        ("token", "/api/v2/time", 401),
        ("token", "/stores/abc123/v2/orders", 200),
        ("token", "/stores/abc123/v3/catalog/products", 200),
        ("token", "/stores/zzz999/v2/orders", 403),
        ("token", "/stores/abc123/v3/hooks", 200),
        ("reader", "/stores/abc123/v2/orders", 200),
        ("reader", "/stores/abc123/v2/customers", 403),
        ("reader", "/stores/abc123/v3/customers", 403),
        ("basic", "/admin", 404),
    ],
)
def test_each_account_opens_its_own_doors(
    store: SandboxStore, session: requests.Session, kind: str, path: str, status: int
) -> None:
    accounts: dict[str, BasicAccount | TokenAccount] = {
        "basic": store.create_account("orders-export"),
        "token": store.create_token_account("export"),
        "reader": store.create_token_account("reader", scopes={"store_v2_orders_read_only"}),
    }
    answer = ask(session, accounts[kind], store.origin + path)
    assert answer.status_code == status
    if status in {401, 403}:
        assert isinstance(answer.json(), dict if "/v3/" in path else list)


def test_no_credentials_are_asked_for_and_wrong_ones_refused(store: SandboxStore, session: requests.Session) -> None:
    bare = session.get(f"{store.origin}/api/v2/time", timeout=5)
    wrong = session.get(f"{store.origin}/api/v2/time", auth=("orders-export", "0" * 32), timeout=5)
    assert bare.json() == [{"status": 401, "message": "No credentials were supplied in the request."}]
    assert (bare.status_code, bare.headers["WWW-Authenticate"].split()[0]) == (401, "Basic")
    assert wrong.status_code == 401 and "WWW-Authenticate" not in wrong.headers


def test_regenerating_kills_the_old_token_at_once(store: SandboxStore, session: requests.Session) -> None:
    old = store.create_account("orders-export")
    new = store.regenerate(old)
    seen = [ask(session, account, old.api_path + "time").status_code for account in (old, new)]
    store.delete(new)
    assert [*seen, ask(session, new, new.api_path + "time").status_code] == [401, 200, 401]
    assert (new.username, new.api_path) == (old.username, old.api_path) and new.api_token != old.api_token


def test_orders_come_by_id_fifty_at_a_time_until_204(get: Get) -> None:
    pages = [get("orders"), get("orders", page=2, limit=250), get("orders", page=3, limit=250)]
    assert ids(pages[0]) == list(range(100, 150))
    assert ids(pages[1]) == list(range(350, 400))
    assert (pages[2].status_code, pages[2].content) == (204, b"")
    assert get("orders", limit=251).status_code == 413
    assert [get("orders", **{name: "x"}).status_code for name in ("limit", "page", "min_id", "sort")] == [400] * 4


@pytest.mark.parametrize("inclusive", [True, False])
def test_bounds_are_inclusive_or_not(store: SandboxStore, get: Get, inclusive: bool) -> None:
    store.inclusive = inclusive
    store.change_order(120, date_modified="Wed, 10 Jan 2024 21:05:30 +0000")
    edge = {f"{side}_date_modified": "2024-01-10T22:05:30+01:00" for side in ("min", "max")}
    assert ids(get("orders", min_id=110, max_id=112)) == ([110, 111, 112] if inclusive else [111])
    assert (120 in ids(get("orders", **edge, limit=250))) is inclusive


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("customer_id", "7"),
        ("status_id", "10"),
        ("payment_method", "PayPal"),
        ("channel_id", "2"),
        ("cart_id", "cart-1"),
        ("external_order_id", "ext-1"),
        ("email", "customer8@example.com"),
    ],
)
def test_each_equality_filter_selects(store: SandboxStore, get: Get, name: str, value: str) -> None:
    special = {"channel_id": 2, "cart_id": "cart-1", "external_order_id": "ext-1", "customer_id": 7}
    store.change_order(130, **special, status_id=10, payment_method="PayPal")
    store.change_order(130, billing_address={"email": "customer8@example.com"})
    wanted = [
        row_id
        for row_id, order in store.orders.items()
        if str(order["billing_address"]["email"] if name == "email" else order[name]) == value
    ]
    found = ids(get("orders", **{name: value}, limit=250))
    assert 130 in found and found == wanted[:250] and len(found) < 300


@pytest.mark.parametrize(
    ("name", "field", "bound"),
    [
        ("total", "total_inc_tax", "150.5"),
        ("date_created", "date_created", None),
        ("date_modified", "date_modified", None),
    ],
)
def test_each_bound_selects(store: SandboxStore, get: Get, name: str, field: str, bound: str | None) -> None:
    bound = bound or store.orders[220][field]
    low, high = (
        {row_id for page in (1, 2) for row_id in ids(get("orders", **{f"{side}_{name}": bound}, limit=250, page=page))}
        for side in ("max", "min")
    )
    assert low | high == set(store.orders) and low and high and len(low & high) < 10


@pytest.mark.parametrize("key", ["id", "customer_id", "date_created", "date_modified", "status_id", "external_id"])
def test_each_sort_orders(store: SandboxStore, get: Get, key: str) -> None:
    store.change_order(150, external_id="a", date_modified="Tue, 01 Jan 2030 00:00:00 +0000")
    up, down = (ids(get("orders", sort=f"{key}:{direction}", limit=250)) for direction in ("asc", "desc"))
    assert up[::-1][:20] != up[:20] and len(up) == len(down) == 250
    rest = ids(get("orders", sort=f"{key}:asc", limit=250, page=2))
    assert down == [*up, *rest][::-1][:250]
    if key in {"external_id", "date_modified"}:
        assert down[0] == 150


@pytest.mark.parametrize("date", ["2024-01-10T10%3A00%3A00%2B00%3A00", "yesterday", "2024-01-10T10:00:00 00:00"])
def test_a_date_that_is_none_is_silently_ignored(get: Get, date: str) -> None:
    assert len(ids(get("orders", min_date_modified=date, limit=250))) == 250


def test_an_order_is_as_documented(store: SandboxStore, get: Get) -> None:
    order = get("orders/100").json()
    assert order == store.orders[100]
    assert order["total_inc_tax"].partition(".")[2].isdigit() and len(order["total_inc_tax"].partition(".")[2]) == 4
    assert order["date_created"] == "Mon, 01 Jan 2024 00:00:00 +0000"
    assert order["products"]["url"].startswith("https://store-abc123.mybigcommerce.com/")
    missing = get("orders/99")
    assert missing.status_code == 404
    assert missing.json() == [{"status": 404, "message": "The requested resource was not found."}]


def test_lines_are_paged_and_included_where_honoured(store: SandboxStore, get: Get) -> None:
    order_id = next(row_id for row_id in store.orders if len(store.lines(row_id)) == 60)
    pages = [get(f"orders/{order_id}/products", page=page) for page in (1, 2, 3)]
    assert [len(ids(page)) for page in pages] == [50, 10, 0]
    include = {"include": "consignments.line_items", "consignment_structure": "object", "min_id": order_id, "limit": 1}
    order = get("orders", **include).json()[0]
    lines = [line for shipping in order["consignments"]["shipping"] for line in shipping["line_items"]]
    assert lines == store.lines(order_id) == [*pages[0].json(), *pages[1].json()]
    store.include_lines = False
    assert "consignments" not in get("orders", **include).json()[0]


def test_orders_are_written_and_archived_over_http(store: SandboxStore, session: requests.Session) -> None:
    account = store.create_account("orders-export")
    session.auth = (account.username, account.api_token)
    url = f"{account.api_path}orders"
    new = session.post(url, json={"customer_id": 3, "products": [{"product_id": 5, "quantity": 2}]}, timeout=5)
    changed = session.put(f"{url}/{new.json()['id']}", json={"status_id": 2}, timeout=5)
    gone = session.delete(f"{url}/{new.json()['id']}", timeout=5)
    assert (new.status_code, changed.status_code, gone.status_code) == (201, 200, 204)
    assert new.json()["id"] == 400 and store.lines(400)[0]["quantity"] == 2
    assert changed.json()["status"] == "Shipped" and store.orders[400]["is_deleted"] is True
    assert session.delete(url, timeout=5).status_code == 405
    assert [session.put(f"{url}/100", data=body, timeout=5).status_code for body in ("{", "[]")] == [400, 400]


def test_changes_carry_the_stores_own_clock(store: SandboxStore, get: Get) -> None:
    store.clock_skew = 7200
    assert store.orders[101] == get("orders/101").json()
    changed = store.change_order(101, staff_notes="late")
    answer = get("time")
    assert answer.json()["time"] == pytest.approx(time.time() + 7200, abs=3)
    assert ids(get("orders", min_date_modified=changed["date_modified"])) == [101]
    assert get("orders/101").json()["staff_notes"] == "late"
    store.orders[102]["staff_notes"] = "by hand"
    assert get("orders/102").json()["staff_notes"] == "by hand"
    store.remove_order(101)
    assert get("orders/101").status_code == 404
    store.list_archived = False
    store.archive_order(102)
    assert 102 not in ids(get("orders")) and get("orders/102").json()["is_deleted"] is True


def test_the_other_resources(store: SandboxStore, get: Get) -> None:
    count = get("orders/count").json()
    assert count["count"] == 300 == sum(status["count"] for status in count["statuses"])
    assert [status["id"] for status in get("order_statuses").json()] == list(range(15))
    assert get("store").json()["id"] == "abc123"
    for name, table in (("customers", store.customers), ("products", store.products)):
        assert get(f"{name}/count").json() == {"count": len(table)}
        assert ids(get(name, min_id=3, max_id=5)) == [3, 4, 5]
        assert get(f"{name}/4").json() == table[4]
        assert get(name, min_date_modified="2030-01-01").status_code == 204
    assert get("customers/4").json()["email"] == "customer4@example.com"


def test_v3_lists_come_in_an_envelope(store: SandboxStore, session: requests.Session) -> None:
    token = store.create_token_account("export")
    answer = ask(session, token, f"{token.api_path}customers?page=2&limit=20").json()
    assert [row["id"] for row in answer["data"]] == list(range(21, 31))
    pagination = answer["meta"]["pagination"]
    assert (pagination["total"], pagination["count"], pagination["total_pages"]) == (30, 10, 2)
    empty = ask(session, token, f"{token.api_path}catalog/products?page=9")
    assert empty.status_code == 200 and empty.json()["data"] == []


def test_what_was_seen(store: SandboxStore, session: requests.Session) -> None:
    account = store.create_account("orders-export")
    session.auth = (account.username, account.api_token)
    begun = time.time()
    session.put(f"{account.api_path}orders/100?a=1%2B2", data=b'{"staff_notes": "x"}', timeout=5)
    (seen,) = store.requests
    assert (seen.method, seen.path, seen.query, seen.status) == ("PUT", "/api/v2/orders/100", {"a": "1+2"}, 200)
    assert seen.headers["authorization"].startswith("Basic ") and "authorization" not in repr(seen)
    assert seen.body == b'{"staff_notes": "x"}' and begun <= seen.at <= time.time()
    store.clear_requests()
    assert store.requests == []


def test_the_store_comes_back_on_the_same_port(store: SandboxStore, get: Get) -> None:
    store.close()
    with pytest.raises(requests.ConnectionError):
        get("time")
    store.start()
    assert get("time").status_code == 200


def test_the_same_seed_makes_the_same_data() -> None:
    one, two, other = (SandboxStore(orders=40, seed=seed) for seed in (5, 5, 6))
    assert dict(one.orders) == dict(two.orders) != dict(other.orders)
    assert dict(one.customers) == dict(two.customers)
