"""The store without a network: the same answers, without start, accounts, quotas or faults."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from sandbox.store import Answer, SandboxStore, Window
from tests.sandbox.in_process import row_ids, small

LINES = {"include": "consignments.line_items", "consignment_structure": "object"}


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("v2/time", {}, 200),
        ("v2/store", {}, 200),
        ("v2/order_statuses", {}, 200),
        ("v2/orders", {"limit": 250, "min_id": 120, "sort": "id:asc"}, 200),
        ("v2/orders", {"limit": 9, "page": 2, "sort": "date_modified:desc", **LINES}, 200),
        ("v2/orders", {"min_date_modified": "2030-01-01T00:00:00+00:00"}, 204),
        ("v2/orders", {"limit": 251}, 413),
        ("v2/orders", {"min_id": "x"}, 400),
        ("v2/orders/count", {}, 200),
        ("v2/orders/100", LINES, 200),
        ("v2/orders/99", {}, 404),
        ("v2/orders/100/products", {"limit": 2, "page": 2}, 200),
        ("v2/orders/99/products", {}, 404),
        ("v2/orders/100/200", {}, 404),
        ("v2/orders/", {}, 404),
        ("v2/customers", {"min_id": 4}, 200),
        ("v2/customers/count", {}, 200),
        ("v2/customers/4", {}, 200),
        ("v2/products", {"sku": "SKU-3"}, 200),
        ("v3/customers", {"limit": 7}, 200),
        ("v3/customers", {"id:in": "1,2"}, 200),
        ("v3/customers", {"date_modified:min": "yesterday"}, 422),
        ("v3/catalog/products", {"id:greater": 5, "limit": 3}, 200),
        ("v4/orders", {}, 404),
    ],
)
def test_it_answers_what_the_network_answers(
    store: SandboxStore, session: requests.Session, path: str, query: dict[str, Any], status: int
) -> None:
    token = store.create_token_account("export")
    store.clock = lambda: 1_800_000_000.0
    headers = {"X-Auth-Token": token.access_token}
    answer = session.get(f"{store.origin}/stores/abc123/{path}", params=query, headers=headers, timeout=5)
    assert store.get(path, query) == (answer.status_code, answer.content)
    assert answer.status_code == status


def test_an_unknown_method_is_answered_405(store: SandboxStore, session: requests.Session) -> None:
    account = store.create_account("orders-export")
    session.auth = (account.username, account.api_token)
    answer = session.post(f"{account.api_path}orders/count", timeout=5)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET,HEAD")
    head = session.head(f"{account.api_path}orders", timeout=5)
    assert (head.status_code, head.content) == (200, b"") and int(head.headers["Content-Length"]) > 1000


def test_it_needs_no_start_and_knows_no_faults_or_quotas() -> None:
    store = small()
    store.fault(Answer(503), times=None)
    store.quota = Window(limit=1)
    assert [store.get("v2/time")[0] for _ in range(3)] == [200] * 3
    with pytest.raises(RuntimeError):
        assert store.origin


def test_it_is_seen_and_watched_in_the_callers_thread() -> None:
    store = small()
    numbers: list[int] = []

    def watch(arriving: Any) -> None:
        numbers.append(arriving.number)
        if arriving.query.get("limit") == "2":
            store.remove_order(100)

    store.before_request = watch
    assert row_ids(store, "v2/orders", limit=1) == [100]
    assert row_ids(store, "v2/orders", limit=2) == [101, 102]
    seen = [(request.method, request.path, request.query, request.status) for request in store.requests]
    assert seen[1] == ("GET", "/stores/abc123/v2/orders", {"limit": "2"}, 200)
    store.clear_requests()
    store.get("v2/time")
    assert numbers == [1, 2, 1] and len(store.requests) == 1


def test_an_error_of_who_watches_reaches_the_caller() -> None:
    store = small()

    def stop(arriving: Any) -> None:
        raise InterruptedError(arriving.path)

    store.before_request = stop
    for _ in range(2):
        with pytest.raises(InterruptedError, match="/v2/orders"):
            store.get("v2/orders")
    store.before_request = None
    assert json.loads(store.get("v2/orders")[1])
    store.close()
