"""Exports, started by their schedules as AWS would: whole runs from the store to S3, and what the views show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from sandbox.aws import Aws
from sandbox.store import Arriving
from tests import athena
from tests.functions.exported import ALL, Exports, Resource, exporting, latest, rows_of
from tests.support import points


@pytest.fixture(scope="module")
def deployed(aws: Aws) -> Iterator[Exports]:
    with exporting(aws) as exports:
        yield exports


@pytest.fixture
def exports(deployed: Exports) -> Exports:
    deployed.clean()
    return deployed


def change_everything(exports: Exports) -> None:
    """Change and add rows of every kind, and lines of an order."""
    store = exports.store
    store.change_order(103, status_id=2, billing_address={"city": "Łódź\u2028\n"})
    store.change_orders([105, 106, 107], staff_notes='"quoted" \\ and {"json": 1}')
    store.set_lines(104, [{"product_id": product_id, "quantity": 1} for product_id in range(1, 70)])
    store.archive_order(108)
    store.add_order(customer_id=3, products=[{"product_id": 1, "quantity": 3}])
    store.change_customer(5, notes="moved")
    store.add_customer(first_name="New")
    store.change_product(7, price="12.5000")
    store.add_product(name="New")


def check_view(exports: Exports, resource: Resource) -> None:
    """Athena shows the store's rows, each once, with their types."""
    shown = {row["id"]: row for row in athena.latest(exports.objects, resource, "wholesale")}
    there: dict[int, dict[str, Any]] = exports.store.snapshot(resource)
    assert shown.keys() == there.keys()
    for row_id, row in there.items():
        modified = shown[row_id]["date_modified"].timetuple()
        assert modified[:6] == parsedate_to_datetime(row["date_modified"]).timetuple()[:6]
    if resource == "orders":
        assert {row_id: row["total_inc_tax"] for row_id, row in shown.items()} == {
            row_id: Decimal(row["total_inc_tax"]) for row_id, row in there.items()
        }
        assert all(json.loads(row["lines"]) == exports.store.lines(row_id) for row_id, row in shown.items())


@pytest.mark.parametrize("token", [False, True], ids=["Basic", "token"])
def test_what_the_schedules_export_is_what_the_store_holds(aws: Aws, token: bool) -> None:
    with exporting(aws, token) as exports:
        # Given a first run of each resource, then all rows are there
        first = exports.fire()
        assert {name: (one.status, one.output["rows"]) for name, one in first.items()} == dict.fromkeys(
            ALL, ("SUCCEEDED", 24)
        )
        assert points(exports.new_logs(), "ExportedRows") == [24, 24, 24]
        for resource in ALL:
            exports.check(resource)
            (manifest,) = exports.manifests(resource)
            assert manifest["window"]["from"] is None
            assert manifest["api"] == ("v3" if token and resource != "orders" else "v2")
            assert manifest["counts"]["verdict"] == "agrees"
            assert exports.item(resource).keys() == {"resource", "fence", "watermark", "skew", "finished", "created"}

        # When rows change, then the next run holds these alone
        change_everything(exports)
        exports.pass_time()
        second = exports.fire()
        assert {name: one.output["rows"] for name, one in second.items()} == {
            "orders": 7,
            "customers": 2,
            "products": 2,
        }
        for resource in ALL:
            exports.check(resource)
            check_view(exports, resource)

        # When rows are removed, then a full run leaves them out
        exports.store.remove_order(110)
        exports.store.remove_customer(9)
        exports.pass_time()
        exports.check("orders", gone=frozenset({110}))
        for resource in ALL:
            exports.finish(resource, mode="full")
            exports.check(resource)
            check_view(exports, resource)


def test_rows_that_change_while_a_run_goes_on_are_in_the_next(exports: Exports) -> None:
    store, before = exports.store, len(exports.store.orders)

    def change(arriving: Arriving) -> None:
        if arriving.number == 6:
            store.change_orders([101, 112, 120], staff_notes="changed meanwhile")
            store.remove_order(115)
            store.add_order(products=[{"product_id": 2, "quantity": 1}])

    store.before_request = change
    assert exports.finish()["rows"] == before - 3, "one was read before, two had changed and one was gone"
    store.before_request = None
    exports.pass_time()
    assert exports.finish()["rows"] == 4
    exports.check()
    assert 115 not in latest(exports.objects, "orders")


@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        ({}, "include"),
        ({"include_line_cap": 2}, "include"),
        ({"include_lines": False}, "products"),
        ({"inclusive": False}, "include"),
    ],
    ids=str,
)
def test_orders_hold_all_their_lines(exports: Exports, settings: dict[str, object], lines: str) -> None:
    for name, value in settings.items():
        setattr(exports.store, name, value)
    exports.store.set_lines(104, [{"product_id": product_id, "quantity": 1} for product_id in range(1, 70)])
    exports.pass_time()
    rows = exports.finish()["rows"]
    exports.check()
    (manifest,) = exports.manifests()
    assert manifest["lines"] == lines
    fetched = manifest["orders_with_fetched_lines"]
    assert fetched == (rows if lines == "products" else 0) or (settings and 0 < fetched < rows)


def test_without_lines_no_line_is_asked_for(aws: Aws) -> None:
    with exporting(aws, IncludeOrderLines="false") as exports:
        exports.finish()
        (manifest,) = exports.manifests()
        assert all("_lines" not in row for row in rows_of(exports.objects, manifest))
        assert (manifest["lines"], manifest["rows"]) == (None, 24)
        assert all("include" not in seen.query and "/products" not in seen.path for seen in exports.store.requests)


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"resource": "coupons"}, "resource is none of orders, customers, products"),
        ({"resource": None}, "resource is none of orders"),
        ({"resource": ["orders"]}, "resource is none of orders"),
        ({"mode": "full"}, "resource is none of orders"),
        ({"resource": "orders", "mode": "census"}, "mode is none of incremental, full"),
        ({"resource": "orders", "mode": ["full"]}, "mode is none of incremental, full"),
        (["orders"], 'the event is not an object; send {"resource": "orders"}'),
    ],
    ids=str,
)
def test_a_wrong_event_is_refused_by_name(exports: Exports, event: Any, says: str) -> None:
    error = exports.pool.invoke(event).error
    assert error
    assert error["errorType"] == "BadEvent"
    assert says in error["errorMessage"]
    assert exports.store.requests == []


def test_a_wrong_input_ends_the_execution_and_counts_as_no_failure(exports: Exports) -> None:
    outcome = exports.run("coupons")
    assert (outcome.status, outcome.error) == ("FAILED", "BadEvent")
    assert exports.run("orders", mode="census").error == "BadEvent"
    assert exports.item("coupons") == exports.item("orders") == {}
    assert exports.finish()["complete"] is True
    assert points(exports.new_logs(), "ExportsFailing") == [0]
