"""Which rows the views show, over files written by hand: their SQL is the template's own, run in DuckDB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import athena

from .written import Exports

RESOURCES = ("orders", "customers", "products")
TRINO = {"string": "varchar", "timestamp": "timestamp(3)"}  # Glue's types, where Athena calls them otherwise
DUCKDB = {"TIMESTAMP": "timestamp(3)"}


@pytest.fixture
def exports(tmp_path: Path) -> Exports:
    return Exports(tmp_path)


def order(row_id: int, status: str = "Pending", **fields: Any) -> dict[str, Any]:
    return {"id": row_id, "status": status, **fields}


def seen(exports: Exports) -> dict[int, str]:
    return {row["id"]: row["status"] for row in athena.latest(exports.folder, "orders")}


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_view_yields_the_columns_that_it_declares_to_athena_and_to_glue(resource: str) -> None:
    view = athena.view(resource)
    yielded = {name: DUCKDB.get(kind, kind.lower()) for name, kind in athena.types(resource).items()}
    assert list(yielded.items()) == list(view.columns.items())
    declared = {name: TRINO.get(kind, kind) for name, kind in view.glue_columns.items()}
    assert list(declared.items()) == list(view.columns.items())
    assert {
        "id": "bigint",
        "exported_at": "timestamp(3)",
        "run": "varchar",
        "api": "varchar",
    }.items() <= yielded.items()


@pytest.mark.parametrize("resource", RESOURCES)
def test_nothing_is_shown_before_the_first_export(resource: str) -> None:
    assert athena.latest({}, resource) == []


def test_the_newest_row_of_each_id_is_shown(exports: Exports) -> None:
    exports.run("orders", "20261124T080000Z", [order(100), order(101)], [order(102)])
    exports.run("orders", "20261124T081500Z", [order(101, "Shipped")])
    exports.run("orders", "20261125T000000Z", [order(101, "Completed"), order(103)])
    assert seen(exports) == {100: "Pending", 101: "Completed", 102: "Pending", 103: "Pending"}


def test_what_was_read_later_is_newer_and_then_what_is_of_a_later_run(exports: Exports) -> None:
    same, late = "2026-11-24T09:00:00.000Z", "2026-11-24T09:00:00.001Z"
    exports.run(
        "orders", "20261124T080000Z", [order(100, "old", _exported_at=same), order(101, "new", _exported_at=late)]
    )
    exports.run(
        "orders", "20261124T081500Z", [order(100, "new", _exported_at=same), order(101, "old", _exported_at=same)]
    )
    assert seen(exports) == {100: "new", 101: "new"}


def test_a_run_without_a_manifest_does_not_count(exports: Exports) -> None:
    exports.run("orders", "20261124T080000Z", [order(100)])
    exports.unfinished("orders", "20261124T081500Z", [order(100, "Shipped"), order(101)])
    assert seen(exports) == {100: "Pending"}


def test_a_full_run_without_a_manifest_removes_nothing(exports: Exports) -> None:
    exports.run("orders", "20261124T080000Z", [order(100), order(101)])
    exports.unfinished("orders", "20261124T090000Z", [order(100)], full=True)
    assert seen(exports) == {100: "Pending", 101: "Pending"}


@pytest.mark.parametrize("complete", [False, None, "yes"])
def test_a_manifest_that_says_it_is_not_complete_does_not_count(exports: Exports, complete: Any) -> None:
    exports.run("orders", "20261124T080000Z", [order(100)])
    exports.run("orders", "20261124T081500Z", [order(100, "Shipped")], complete=complete)
    exports.run("orders", "20261124T083000Z", [], full=True, complete=complete)
    assert seen(exports) == {100: "Pending"}


def test_a_part_that_the_manifest_does_not_name_does_not_count(exports: Exports) -> None:
    exports.run("orders", "20261124T080000Z", [order(100)], [order(101)])
    exports.unfinished("orders", "20261124T080000Z", [order(101, "left by a killed slice"), order(102)], first=2)
    assert seen(exports) == {100: "Pending", 101: "Pending"}


def test_an_id_that_the_last_full_run_lacks_is_gone(exports: Exports) -> None:
    exports.run("orders", "20261124T080000Z", [order(100), order(101), order(102)])
    exports.run("orders", "20261124T081500Z", [order(101, "Shipped")])
    exports.run("orders", "20261124T090000Z", [order(100), order(102, "Shipped")], full=True)
    assert seen(exports) == {100: "Pending", 102: "Shipped"}


def test_an_id_that_came_after_the_last_full_run_is_there(exports: Exports) -> None:
    exports.run("orders", "20261124T080000Z", [order(100), order(101)])
    exports.run("orders", "20261124T090000Z", [order(100)], full=True)
    exports.run("orders", "20261124T091500Z", [order(101, "restored"), order(102)])
    assert seen(exports) == {100: "Pending", 101: "restored", 102: "Pending"}


def test_the_last_full_run_decides_and_not_an_earlier_one(exports: Exports) -> None:
    exports.run("orders", "20261124T080000Z", [order(100)], full=True)
    exports.run("orders", "20261124T090000Z", [order(100), order(101)], full=True)
    exports.run("orders", "20261125T090000Z", [order(101)], full=True)
    assert seen(exports) == {101: "Pending"}
    exports.run("orders", "20261126T090000Z", [], full=True)
    assert seen(exports) == {}


def test_a_full_and_an_incremental_run_of_one_second_both_count(exports: Exports) -> None:
    exports.run("orders", "20261124T080000Z", [order(100)], full=True)
    exports.run("orders", "20261124T080000Z", [order(101)])
    assert seen(exports) == {100: "Pending", 101: "Pending"}


def test_an_archived_order_is_shown_as_such(exports: Exports) -> None:
    exports.run("orders", "20261124T080000Z", [order(100, is_deleted=False), order(101, is_deleted=True)])
    rows = athena.latest(exports.folder, "orders")
    assert [row["is_deleted"] for row in rows] == [False, True]


def test_resources_and_stores_do_not_mix(exports: Exports, tmp_path: Path) -> None:
    exports.run("orders", "20261124T080000Z", [order(100)])
    exports.run("customers", "20261124T090000Z", [{"id": 7}], full=True)
    exports.run("products", "20261124T090000Z", [{"id": 8}])
    Exports(tmp_path, "other").run("orders", "20261124T093000Z", [order(999)], full=True)
    assert list(seen(exports)) == [100]
    assert [row["id"] for row in athena.latest(tmp_path, "customers")] == [7]
    assert [row["id"] for row in athena.latest(tmp_path, "products")] == [8]
    assert [row["id"] for row in athena.latest(tmp_path, "orders", store="other")] == [999]


def test_ids_sort_as_numbers_whatever_their_length(exports: Exports) -> None:
    exports.run("orders", "20261124T080000Z", [order(9), order(10), order(2_147_483_648)])
    assert list(seen(exports)) == [9, 10, 2_147_483_648]


def test_a_bucket_read_into_memory_shows_the_same(exports: Exports) -> None:
    exports.run("orders", "20261124T080000Z", [order(100)], [order(101)])
    assert athena.latest(exports.objects(), "orders") == athena.latest(exports.folder, "orders")


def test_a_query_may_go_further_than_the_view(exports: Exports) -> None:
    run = exports.run("orders", "20261124T080000Z", [order(100)])
    exports.run("orders", "20261124T081500Z", [order(100, "Shipped")])
    with athena.opened(exports.folder) as database:
        versions = database.execute("SELECT dt, status FROM orders ORDER BY _run").fetchall()
        manifests = database.execute("SELECT resource, run, rows FROM manifests ORDER BY run").fetchall()
    assert versions == [("2026-11-24", "Pending"), ("2026-11-24", "Shipped")]
    assert manifests[0] == ("orders", run, "1")
