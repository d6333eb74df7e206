"""What the settings make of the store's answers: its clock, its caps, its counts, and who watches requests arrive."""

from __future__ import annotations

import json
import ssl
import threading
from contextlib import closing
from http.client import HTTPSConnection
from typing import Any

import pytest
import requests

from sandbox.store import Answer, Arriving, SandboxStore
from tests.sandbox.clients import Get, ask, ids
from tests.sandbox.in_process import row_ids, rows, small

LINES = {"include": "consignments.line_items", "consignment_structure": "object"}


def count(store: SandboxStore, kind: str, **query: Any) -> Any:
    return json.loads(store.get(f"v2/{kind}/count", query)[1])["count"]


def test_the_clock_may_jump(store: SandboxStore, get: Get) -> None:
    moments = iter([1_800_000_000.9, 1_700_000_000.0])
    store.clock = lambda: 1_800_000_000.9
    answer = get("time")
    assert answer.json() == {"time": 1_800_000_000}
    assert answer.headers["Date"] == "Fri, 15 Jan 2027 08:00:00 GMT"
    store.clock = lambda: next(moments)
    assert [store.change_order(row_id)["date_modified"] for row_id in (100, 101)] == [
        "Fri, 15 Jan 2027 08:00:00 +0000",
        "Tue, 14 Nov 2023 22:13:20 +0000",
    ]
    store.clock, store.clock_skew = (lambda: 1_700_000_000.0), 60
    assert get("time").json() == {"time": 1_700_000_060}


@pytest.mark.parametrize("path", ["v2/orders", "v2/customers", "v2/products", "v3/customers", "v3/catalog/products"])
def test_no_page_is_longer_than_the_cap(path: str) -> None:
    store = small()
    store.page_cap = 7
    first = 100 if path == "v2/orders" else 1
    assert row_ids(store, path, limit=250) == list(range(first, first + 7))
    assert row_ids(store, path, limit=250, page=5) == [first + 28, first + 29]
    assert row_ids(store, path, limit=3, page=2) == [first + 3, first + 4, first + 5]
    if "v3" in path:
        meta = json.loads(store.get(path, {"limit": 250})[1])["meta"]
        assert (meta["pagination"]["per_page"], meta["pagination"]["total_pages"]) == (7, 5)


def test_the_cap_holds_for_an_orders_lines_too() -> None:
    store = small()
    store.set_lines(100, [{"product_id": 1}] * 9)
    store.page_cap = 4
    pages = [len(rows(store, "v2/orders/100/products", limit=250, page=page)) for page in (1, 2, 3, 4)]
    assert pages == [4, 4, 1, 0]


def test_pages_with_consignments_have_a_cap_of_their_own() -> None:
    store = small()
    store.include_page_cap = 5
    assert len(rows(store, "v2/orders", limit=20, **LINES)) == 5
    assert len(rows(store, "v2/orders", limit=20)) == 20
    assert len(rows(store, "v2/orders", limit=20, include="fees", consignment_structure="object")) == 20
    assert len(rows(store, "v2/orders", limit=20, include="consignments.line_items")) == 20
    assert len(rows(store, "v2/customers", limit=20, **LINES)) == 20
    store.include_lines = False
    assert len(rows(store, "v2/orders", limit=20, **LINES)) == 20


@pytest.mark.parametrize("touched", [False, True])
def test_only_so_many_lines_are_inlined(touched: bool) -> None:
    store = small()
    store.include_line_cap = 2
    order_id = max(store.orders, key=lambda row_id: len(store.lines(row_id)))
    if touched:
        store.change_orders([order_id], staff_notes="late")
    (order,) = rows(store, "v2/orders", min_id=order_id, max_id=order_id, **LINES)
    lines = store.lines(order_id)
    assert len(lines) > 2 and order["consignments"]["shipping"][0]["line_items"] == lines[:2]
    assert rows(store, f"v2/orders/{order_id}/products", limit=250) == lines
    store.include_line_cap = None
    (order,) = rows(store, "v2/orders", min_id=order_id, max_id=order_id, **LINES)
    assert order["consignments"]["shipping"][0]["line_items"] == lines


@pytest.mark.parametrize(("kind", "first"), [("orders", 100), ("customers", 1), ("products", 1)])
def test_counts_know_filters_or_do_not(kind: str, first: int) -> None:
    store = small()
    changed = store.change_order if kind == "orders" else getattr(store, f"change_{kind[:-1]}")
    changed(first + 4, date_modified="Tue, 01 Jan 2030 00:00:00 +0000")
    late, narrow = {"min_date_modified": "2029-12-31T00:00:00Z"}, {"min_id": first + 3, "max_id": first + 5}
    assert [count(store, kind, **query) for query in ({}, late, narrow)] == [30, 30, 30]
    store.count_filters = True
    assert [count(store, kind, **query) for query in ({}, late, narrow)] == [30, 1, 3]
    store.inclusive = False
    assert count(store, kind, **narrow) == 1


def test_incomplete_orders_are_counted_or_not() -> None:
    store = small()
    store.change_orders(store.orders, status_id=10)
    store.change_orders([100, 101], status_id=0)
    assert count(store, "orders") == 30
    store.count_incomplete = False
    answer = json.loads(store.get("v2/orders/count")[1])
    assert answer["count"] == 28
    assert {status["id"]: status["count"] for status in answer["statuses"] if status["count"]} == {0: 2, 10: 28}


def test_before_each_request_rows_may_change(store: SandboxStore, session: requests.Session, get: Get) -> None:
    arrived: list[tuple[Arriving, str]] = []

    def archive(arriving: Arriving) -> None:
        arrived.append((arriving, threading.current_thread().name))
        if arriving.path.endswith("v2/orders"):
            store.remove_order(100 + arriving.number)

    store.before_request = archive
    assert ids(get("orders", limit=2, min_id=101)) == [102, 103]
    store.fault(Answer(503))
    assert get("time").status_code == 503
    token = store.create_token_account("export")
    assert ask(session, token, f"{store.origin}/stores/abc123/v3/customers").status_code == 200
    store.clear_requests()
    get("orders/100", a="1+2")
    seen = [arriving for arriving, _ in arrived]
    assert [arriving.number for arriving in seen] == [1, 2, 3, 1]
    assert [arriving.path for arriving in seen[1:]] == [
        "/api/v2/time",
        "/stores/abc123/v3/customers",
        "/api/v2/orders/100",
    ]
    assert (seen[0].method, seen[0].query) == ("GET", {"limit": "2", "min_id": "101"})
    assert seen[3].query == {"a": "1+2"} and {thread for _, thread in arrived} == {"store"}


def _wrong(arriving: Arriving) -> None:
    raise ZeroDivisionError(arriving.path)


def test_an_error_before_a_request_answers_500_until_it_is_raised(
    store: SandboxStore, get: Get, caplog: pytest.LogCaptureFixture
) -> None:
    store.before_request = _wrong
    first = get("time")
    store.before_request = None
    second = get("time")
    assert [first.status_code, second.status_code] == [500, 500], "no client survives it by asking again"
    assert "ZeroDivisionError('/api/v2/time')" in first.json()[0]["message"]
    assert "Traceback" in caplog.text and [seen.status for seen in store.requests] == [500, 500]
    with pytest.raises(ZeroDivisionError):
        store.clear_requests()
    assert get("time").status_code == 200


def test_an_error_before_a_request_is_raised_by_closing() -> None:
    store = SandboxStore(orders=1)
    store.before_request = _wrong
    store.start()
    assert _status(store) == 500
    with pytest.raises(ZeroDivisionError):
        store.close()
    with pytest.raises(ZeroDivisionError), store:
        assert _status(store) == 500
    with pytest.raises(LookupError) as caught, store:
        assert _status(store) == 500
        raise LookupError
    assert "ZeroDivisionError" in caught.value.__notes__[0]
    store.close()


def _status(store: SandboxStore) -> int:
    """The status of an answer to nobody, whom the door would send away with 401."""
    with closing(HTTPSConnection(store.host, context=ssl.create_default_context(cadata=store.ca_pem))) as connection:
        connection.request("GET", "/api/v2/time")
        return connection.getresponse().status
