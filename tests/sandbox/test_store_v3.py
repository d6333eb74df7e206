"""The lists of v3: filters, order, pages and cursors."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from sandbox.store import SandboxStore
from tests.sandbox.clients import ask
from tests.sandbox.in_process import row_ids, rows, small

CUSTOMERS, PRODUCTS = "v3/customers", "v3/catalog/products"


def meta(store: SandboxStore, path: str, **query: Any) -> dict[str, Any]:
    return dict(json.loads(store.get(path, query)[1])["meta"])


def cursors(store: SandboxStore, **query: Any) -> dict[str, Any]:
    return dict(meta(store, CUSTOMERS, **query)["cursor_pagination"])


def status(store: SandboxStore, path: str, **query: Any) -> int:
    return store.get(path, query)[0]


def test_customers_go_forward_and_back_by_cursor(store: SandboxStore, session: requests.Session) -> None:
    token = store.create_token_account("export")
    url = f"{token.api_path}customers?limit=12"
    first = ask(session, token, url).json()
    assert set(first["meta"]) == {"pagination", "cursor_pagination"}
    place = first["meta"]["cursor_pagination"]
    assert (place["count"], place["per_page"], set(place["links"])) == (12, 12, {"next"})
    second = ask(session, token, f"{url}&after={place['end_cursor']}").json()
    assert set(second["meta"]) == {"cursor_pagination"}
    assert set(second["meta"]["cursor_pagination"]["links"]) == {"next", "previous"}
    last = ask(
        session, token, f"{token.api_path}customers{second['meta']['cursor_pagination']['links']['next']}"
    ).json()
    pages = [[row["id"] for row in page["data"]] for page in (first, second, last)]
    assert pages == [list(range(1, 13)), list(range(13, 25)), list(range(25, 31))]
    place = last["meta"]["cursor_pagination"]
    assert set(place["links"]) == {"previous"}
    back = ask(session, token, f"{url}&before={place['start_cursor']}").json()
    assert back["data"] == second["data"]
    assert set(ask(session, token, f"{url}&page=2").json()["meta"]) == {"pagination"}


def test_after_the_last_customer_there_is_nothing() -> None:
    store = small()
    end = cursors(store, limit=250)["end_cursor"]
    assert not end.isdigit(), "a cursor says nothing to its reader"
    assert cursors(store, after=end) == {
        "count": 0,
        "per_page": 50,
        "start_cursor": None,
        "end_cursor": None,
        "links": {},
    }
    assert row_ids(store, CUSTOMERS, after=end, page=1) == []
    assert row_ids(store, CUSTOMERS, after=cursors(store, limit=9)["end_cursor"], page=3, limit=2) == [10, 11]


@given(
    limit=st.integers(1, 6),
    events=st.lists(st.tuples(st.sampled_from(["add", "remove", "change"]), st.integers(1, 12)), max_size=12),
)
def test_a_cursor_is_stable_under_changes(limit: int, events: list[tuple[str, int]]) -> None:
    store = small(customers=12)
    stay = set(range(1, 13)) - {row_id for event, row_id in events if event == "remove"}
    seen: list[int] = []
    query: dict[str, Any] = {"limit": limit}
    while page := row_ids(store, CUSTOMERS, **query):
        seen += page
        query["after"] = cursors(store, **query)["end_cursor"]
        if events:
            event, row_id = events.pop()
            if event == "add":
                store.add_customer()
            elif row_id in store.customers:
                getattr(store, f"{event}_customer")(row_id)
    assert seen == sorted(set(seen)) and stay <= set(seen)


@pytest.mark.parametrize(
    "query",
    [
        {"after": "7"},
        {"after": "bm8="},
        {"before": "aWQ6eA=="},
        {"after": "aWQ6NA==", "before": "aWQ6OQ=="},
        {"after": "aWQ6NA==", "sort": "last_name:asc"},
        {"sort": "last_name"},
        {"sort": "id:asc"},
        {"sort": "email:asc"},
        {"sort": "last_name:up"},
        {"id:in": "1,x"},
        {"date_modified:min": "yesterday"},
        {"date_created:max": "2024-01-10T10:00:00 00:00"},
        {"limit": "x"},
        {"page": "0"},
    ],
)
def test_what_is_not_valid_is_answered_422(query: dict[str, str]) -> None:
    store = small()
    code, body = store.get(CUSTOMERS, query)
    assert code == 422 and json.loads(body)["status"] == 422
    assert status(store, CUSTOMERS, limit=251) == 413


def test_customers_are_filtered_and_sorted() -> None:
    store = small()
    store.change_customer(7, date_modified="Wed, 10 Jan 2029 21:05:30 +0000", last_name="z", company="New")
    store.change_customer(9, date_created="Wed, 10 Jan 2029 21:05:31 +0000", last_name="zz", email="x@example.com")
    on_the_bound = {f"date_modified:{side}": "2029-01-10T22:05:30+01:00" for side in ("min", "max")}
    assert row_ids(store, CUSTOMERS, **on_the_bound) == [7], "both bounds are inclusive"
    assert row_ids(store, CUSTOMERS, **{"date_modified:min": "2029-01-10T21:05:31Z"}) == []
    assert row_ids(store, CUSTOMERS, date_modified="2029-01-10T21:05:30Z") == [7]
    assert row_ids(store, CUSTOMERS, **{"date_created:min": "2029-01-10T21:05:31Z"}) == [9]
    assert row_ids(store, CUSTOMERS, **{"id:in": "9,7,99,7"}) == [7, 9]
    assert row_ids(store, CUSTOMERS, **{"email:in": "customer4@example.com,x@example.com"}) == [4, 9]
    assert row_ids(store, CUSTOMERS, sort="last_name:desc", limit=2) == [9, 7]
    assert row_ids(store, CUSTOMERS, sort="date_created:desc", limit=2) == [9, 30]
    assert row_ids(store, CUSTOMERS, sort="date_modified:desc", limit=1) == [7]
    assert row_ids(store, CUSTOMERS, min_id=9, limit=1) == [1], "a parameter of v2 means nothing here"


def test_the_total_counts_what_the_filters_select() -> None:
    store = small()
    found = meta(store, CUSTOMERS, **{"id:in": "9,7"})
    assert (found["pagination"]["total"], found["cursor_pagination"]["count"]) == (2, 2)
    assert set(meta(store, CUSTOMERS, sort="last_name:asc")) == {"pagination"}
    assert set(meta(store, PRODUCTS)) == {"pagination"}
    pagination = meta(store, PRODUCTS, **{"id:greater": 3}, limit=10, page=3)["pagination"]
    links = {"current": "?page=3&limit=10", "previous": "?page=2&limit=10"}
    facts = {"total": 27, "count": 7, "per_page": 10, "current_page": 3, "total_pages": 3}
    assert pagination == {**facts, "links": links}
    assert meta(store, PRODUCTS, page=9)["pagination"]["count"] == 0


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"id:greater": 27}, [28, 29, 30]),
        ({"id:min": 28}, [28, 29, 30]),
        ({"id:less": 3}, [1, 2]),
        ({"id:max": 2}, [1, 2]),
        ({"id:min": 2, "id:greater": 3, "id:max": 9, "id:less": 6}, [4, 5]),
        ({"id:in": "5,3", "id:greater": 3}, [5]),
        ({"sku": "SKU-4"}, [4]),
        ({"sku:in": "SKU-4,SKU-2"}, [2, 4]),
        ({"date_modified:min": "2029-01-10T21:05:30Z"}, [6]),
        ({"date_modified:max": "2023-01-10T21:05:30Z"}, [8]),
        ({"sort": "date_modified", "direction": "desc", "limit": 1}, [6]),
        ({"sort": "id", "direction": "desc", "limit": 2}, [30, 29]),
        ({"sort": "id", "limit": 2, "page": 2}, [3, 4]),
        ({"sort": "price", "limit": 2}, [8, 6]),
        ({"sort": "price", "direction": "desc", "limit": 1}, [9]),
        ({"sort": "name", "limit": 2}, [1, 10]),
        ({"sort": "date_last_imported", "limit": 2}, [1, 2]),
        ({"is_deleted": "true", "limit": 1}, [1]),
    ],
)
def test_products_are_filtered_and_sorted(query: dict[str, Any], found: list[int]) -> None:
    store = small()
    store.change_product(6, date_modified="Wed, 10 Jan 2029 21:05:30 +0000", price="0.9000")
    store.change_product(8, date_modified="Tue, 10 Jan 2023 21:05:30 +0000", price="0.1000")
    store.change_product(9, date_modified="Wed, 10 Jan 2024 21:05:30 +0000", price="1000.0000")
    assert row_ids(store, PRODUCTS, **query) == found


@pytest.mark.parametrize("query", [{"sort": "id:asc"}, {"sort": "weight"}, {"sort": "id", "direction": "up"}])
def test_an_order_of_products_that_is_not_documented_is_answered_422(query: dict[str, str]) -> None:
    assert status(small(), PRODUCTS, **query) == 422


def test_options_and_modifiers_make_pages_of_ten() -> None:
    store = small()
    for include, size in (("options", 10), ("images,modifiers", 10), ("images", 30)):
        assert len(rows(store, PRODUCTS, limit=250, include=include)) == size
    assert row_ids(store, PRODUCTS, limit=250, include="options", page=3) == list(range(21, 31))
    assert meta(store, PRODUCTS, limit=250, include="options")["pagination"]["per_page"] == 10


@pytest.mark.parametrize(("path", "change"), [(CUSTOMERS, "change_customer"), (PRODUCTS, "change_product")])
def test_a_date_without_a_time_gets_the_time_of_day_that_it_is(path: str, change: str) -> None:
    store = small()
    noon = datetime(2027, 1, 15, 12, tzinfo=UTC).timestamp()
    store.clock, store.clock_skew = (lambda: noon - 60), 60
    for row_id, time in ((3, "11:59:59"), (4, "12:00:00")):
        getattr(store, change)(row_id, date_modified=f"Thu, 14 Jan 2027 {time} +0000")
    assert row_ids(store, path, **{"date_modified:min": "2027-01-14"}) == [4], "the morning is missing"
    assert row_ids(store, path, **{"date_modified:min": "2027-01-14T00:00:00Z"}) == [3, 4]


def test_a_row_has_both_shapes() -> None:
    store = small()
    store.change_product(4, price="12.5000", name="New", date_modified="Wed, 10 Jan 2029 21:05:30 +0000", extra=[1])
    (product,) = rows(store, PRODUCTS, **{"id:in": 4})
    assert (product["price"], product["name"], product["extra"]) == (12.5, "New", [1])
    assert (product["date_modified"], product["custom_url"]["url"]) == ("2029-01-10T21:05:30+00:00", "/product-4/")
    assert type(product["weight"]) is float and "images" not in product
    assert rows(store, "v2/products", min_id=4, max_id=4)[0]["price"] == "12.5000"
    new = store.add_customer(first_name="Zoë")
    (customer,) = rows(store, CUSTOMERS, **{"id:in": new["id"]})
    assert customer["first_name"] == "Zoë" and "addresses" not in customer
    assert datetime.fromisoformat(customer["date_created"]).timestamp() == pytest.approx(store.clock(), abs=5)
    store.customers[5]["notes"] = "by hand"
    assert rows(store, CUSTOMERS, **{"id:in": 5})[0]["notes"] == "by hand"
    store.remove_product(4)
    assert rows(store, PRODUCTS, **{"id:in": 4}) == []
