"""What happens to the rows between two requests, and what readers see of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.store import SandboxStore
from tests.sandbox.in_process import row_ids, rows, small

LINES = {"include": "consignments.line_items", "consignment_structure": "object"}
NOW = "Fri, 15 Jan 2027 08:00:00 +0000"


def late() -> SandboxStore:
    """A store whose clock stands still."""
    store = small()
    store.clock = lambda: 1_800_000_000.0
    return store


def lines_of(order: dict[str, Any]) -> list[dict[str, Any]]:
    return [line for shipping in order["consignments"]["shipping"] for line in shipping["line_items"]]


@pytest.mark.parametrize("kind", ["customer", "product"])
def test_customers_and_products_are_added_changed_and_removed(kind: str) -> None:
    store = late()
    add, change, remove = (getattr(store, f"{verb}_{kind}") for verb in ("add", "change", "remove"))
    table = store.customers if kind == "customer" else store.products
    new = add(sku="X", company="X", id=5)
    assert (new["id"], new["date_created"], new["date_modified"]) == (31, NOW, NOW)
    before = dict(table[3])
    changed = change(3, company="New", sku="New", id=9)
    differs = {name for name in changed if changed[name] != before.get(name)}
    assert differs == {"company", "sku", "date_modified"} and changed["date_modified"] == NOW
    assert changed is table[3]
    assert change(4, date_modified="Wed, 10 Jan 2024 21:05:30 +0000")["date_modified"].endswith("21:05:30 +0000")
    remove(3)
    assert row_ids(store, f"v2/{kind}s", min_id=2, limit=2) == [2, 4]
    assert row_ids(store, f"v2/{kind}s", min_date_modified="2027-01-15T08:00:00Z") == [31]
    assert store.get(f"v2/{kind}s/3")[0] == 404 and store.get(f"v2/{kind}s/31")[0] == 200
    for gone in (change, remove):
        with pytest.raises(KeyError):
            gone(3)
    assert add()["id"] == 32, "an id is never used again"


def test_a_bulk_edit_gives_all_rows_the_same_second() -> None:
    moments = iter(range(1_800_000_000, 1_800_000_010))
    store = SandboxStore(orders=3000)
    store.clock = lambda: float(next(moments))
    untouched = store.snapshot("orders")[100]
    recent = {"min_date_modified": "2027-01-15T08:00:00Z", "limit": 250}
    assert row_ids(store, "v2/orders", **recent) == []
    store.change_orders(range(101, 3100), staff_notes="sale", status_id=2)
    found = store.snapshot("orders")
    assert found[100] == untouched
    assert {(found[row_id]["date_modified"], found[row_id]["status"]) for row_id in range(101, 3100)} == {
        (NOW, "Shipped")
    }
    assert len(row_ids(store, "v2/orders", **recent, page=12)) == 249
    counts = json.loads(store.get("v2/orders/count")[1])["statuses"]
    assert counts[2]["count"] >= 2999


def test_a_bulk_edit_of_a_missing_order_changes_none() -> None:
    store = late()
    with pytest.raises(KeyError):
        store.change_orders([100, 99], staff_notes="sale")
    assert store.orders[100]["staff_notes"] == ""


def test_orders_of_a_bulk_edit_share_nothing() -> None:
    store = late()
    fees = [{"name": "wrap"}]
    assert store.orders[100] and store.orders[102], "somebody holds these"
    store.change_orders([100, 101, 102], fees=fees, billing_address={"city": "Ankara"})
    fees[0]["name"] = "other"
    store.orders[100]["fees"][0]["name"] = "mine"
    store.orders[100]["billing_address"]["city"] = "Bursa"
    store.change_orders([100, 101, 102], staff_notes="again")
    read = {row["id"]: row for row in rows(store, "v2/orders", limit=3)}
    assert [read[row_id]["fees"][0]["name"] for row_id in read] == ["mine", "wrap", "wrap"]
    assert [read[row_id]["billing_address"]["city"] for row_id in read] == ["Bursa", "Ankara", "Ankara"]
    assert read[101]["billing_address"]["email"] and {row["staff_notes"] for row in read.values()} == {"again"}


def test_an_orders_lines_are_set() -> None:
    store = late()
    order_id = next(row_id for row_id in store.orders if len(store.lines(row_id)) == 3)
    old = store.lines(order_id)
    store.set_lines(order_id, [old[2], {"product_id": 7, "quantity": 40}, {"product_id": 8, "sku": "own"}])
    new = store.lines(order_id)
    assert [(line["id"], line["product_id"], line["quantity"]) for line in new] == [
        (old[2]["id"], old[2]["product_id"], old[2]["quantity"]),
        (old[2]["id"] + 1, 7, 40),
        (old[2]["id"] + 2, 8, 1),
    ]
    assert new[0] == old[2] and new[2]["sku"] == "own"
    assert rows(store, f"v2/orders/{order_id}/products") == new
    (order,) = rows(store, "v2/orders", min_id=order_id, max_id=order_id, **LINES)
    assert lines_of(order) == new
    assert (order["items_total"], order["date_modified"]) == (41 + old[2]["quantity"], NOW)
    store.set_lines(order_id, [])
    assert rows(store, f"v2/orders/{order_id}/products") == [] and store.orders[order_id]["items_total"] == 0
    with pytest.raises(KeyError):
        store.set_lines(99, [{"product_id": 1}])


def test_a_snapshot_is_what_the_store_would_list() -> None:
    store = late()
    store.change_order(101, staff_notes="x")
    store.change_orders([102], billing_address={"city": "Ankara"})
    store.remove_order(103)
    store.archive_order(104)
    store.add_order(products=[{"product_id": 1}])
    store.change_customer(3, company="New")
    for kind in ("orders", "customers", "products"):
        assert list(store.snapshot(kind).values()) == rows(store, f"v2/{kind}", limit=250)
    store.list_archived = False
    taken = store.snapshot("orders")
    assert 104 not in taken and list(taken.values()) == rows(store, "v2/orders", limit=250)
    before = json.dumps(taken)
    store.orders[101]["billing_address"]["city"] = "Bursa"
    store.change_orders([102, 105], billing_address={"city": "Bursa"})
    assert json.dumps(taken) == before, "it stays as it was taken"
    for row_id in (101, 102, 106):
        taken[row_id]["billing_address"]["city"] = "nowhere"
    assert "nowhere" not in json.dumps(store.snapshot("orders")), "and belongs to who took it"


@given(
    order_id=st.integers(100, 699),
    cap=st.sampled_from([None, 1, 2]),
    include=st.sampled_from(["", "consignments", LINES["include"]]),
)
def test_an_order_reads_the_same_before_and_after_it_is_handed_out(
    order_id: int, cap: int | None, include: str
) -> None:
    store = SandboxStore(orders=600, seed=3)
    store.include_line_cap = cap
    query = {**LINES, "include": include, "min_id": order_id, "max_id": order_id}
    made = store.get("v2/orders", query)[1]
    lines = store.get(f"v2/orders/{order_id}/products", {"limit": 250})[1]
    handed_out = store.orders[order_id]
    assert store.get("v2/orders", query)[1] == made
    own = {name: value for name, value in json.loads(made)[0].items() if name != "consignments"}
    assert own == handed_out
    assert json.loads(lines) == store.lines(order_id)
    if include == LINES["include"]:
        assert lines_of(json.loads(made)[0]) == store.lines(order_id)[:cap]


def test_stores_that_differ_do_not_read_each_others_orders() -> None:
    one, two = SandboxStore(orders=30, seed=1), SandboxStore(orders=30, seed=2)
    assert rows(one, "v2/orders") != rows(two, "v2/orders")
    assert rows(one, "v2/orders") == list(one.snapshot("orders").values())
    assert rows(two, "v2/orders") == list(two.snapshot("orders").values())
