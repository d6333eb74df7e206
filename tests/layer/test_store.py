"""Calls as functions make them: paths, parameters, rows, paging and the pace that leaves quota to others."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from sandbox.store import Answer, Hourly, SandboxStore, Window
from storekey import BadAnswer, RateLimited, SettingsError, Store, check
from tests.support import Secret, invoke, points


def test_objects_are_read_made_changed_and_deleted(secret: Secret, sandbox_store: SandboxStore) -> None:
    with secret.store() as store:
        made = store.post("orders", {"status_id": 1, "staff_notes": "Zoë"})
        assert store.get(f"orders/{made['id']}")["staff_notes"] == "Zoë"
        assert store.put(f"/orders/{made['id']}", {"status_id": 2})["status_id"] == 2
        assert store.delete(f"orders/{made['id']}") is None
    seen = sandbox_store.requests[0]
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["user-agent"] == "storekey (store)"
    assert "content-type" not in sandbox_store.requests[1].headers


@pytest.mark.parametrize(
    ("path", "params", "query"),
    [
        ("orders", {"limit": 5, "is_deleted": True, "email": None}, {"limit": "5", "is_deleted": "true"}),
        ("orders?limit=5", {"page": 2}, {"limit": "5", "page": "2"}),
        ("orders?limit=5", None, {"limit": "5"}),
        ("orders", {"email": "a+b@c.example"}, {"email": "a+b@c.example"}),
        (
            "orders",
            {"min_date_modified": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))},
            {"min_date_modified": "2026-01-02T03:04:05+02:00"},
        ),
    ],
)
def test_parameters_reach_the_store_encoded_once(
    secret: Secret, sandbox_store: SandboxStore, path: str, params: dict[str, Any] | None, query: dict[str, str]
) -> None:
    with secret.store() as store:
        store.get(path, params)
    assert sandbox_store.requests[0].query == query


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//evil.example/x",
        "https://evil.example/x",
        "orders/../../admin",
        "orders/%2e%2e/admin",
        "orders/./1",
        "orders//1",
        "orders/1#x",
        "orders/a b",
        "orders\\1",
        "orders/\r\nX-Evil: 1",
        "orders/é",
    ],
)
def test_a_path_that_leaves_the_api_is_refused_before_anything_is_read(secret: Secret, path: str) -> None:
    with secret.store() as store, pytest.raises(ValueError, match="is not relative"):
        store.get(path)
    assert secret.readings == 0


@pytest.mark.parametrize(
    ("version", "path", "params"),
    [
        ("v2", "orders", None),
        ("v2", "orders/", None),
        ("v2", "orders/100/shipments", None),
        ("v2", "orders/100/", None),
        ("v2", "orders?id=5", {"min_id": 5}),
        ("v3", "catalog/products", None),
    ],
)
def test_a_whole_collection_is_not_deleted_by_mistake(
    secret: Secret, sandbox_store: SandboxStore, version: str, path: str, params: dict[str, Any] | None
) -> None:
    with secret.store() as store, pytest.raises(ValueError, match="ends in no id"):
        (store if version == "v2" else store.v3).delete(path, params)
    assert sandbox_store.requests == []


@pytest.mark.parametrize("answer", [Answer(204), Answer(200), Answer(200, []), Answer(200, {"error": "parked"})])
def test_the_check_takes_nothing_but_the_time_for_a_proof(
    secret: Secret, sandbox_store: SandboxStore, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox_store.fault(answer)
    with secret.store() as store:
        assert invoke(lambda: check(store))["status"] == "unavailable"
    assert points(capsys.readouterr().out, "CredentialsRefused") == []


def test_the_check_takes_no_large_answer(secret: Secret, sandbox_store: SandboxStore) -> None:
    sandbox_store.fault(Answer(200, {"time": 1, "more": "x" * 70_000}))
    with secret.store() as store, pytest.raises(BadAnswer, match="larger than 64 KiB"):
        store.probe()


@pytest.mark.parametrize("rows", [[{"noid": 1}], [1, 2], [{"id": "1"}]])
def test_rows_without_ids_are_a_bad_answer(secret: Secret, sandbox_store: SandboxStore, rows: list[Any]) -> None:
    sandbox_store.fault(Answer(200, rows))
    with secret.store() as store, pytest.raises(BadAnswer, match="rows with ids"):
        list(store.orders())


def test_no_rows_have_the_shape_of_rows(secret: Secret, sandbox_store: SandboxStore) -> None:
    secret.put(sandbox_store.create_token_account("export").secret())
    with secret.store() as store:
        assert store.get("orders", {"min_id": 10**9}) == []
        sandbox_store.fault(Answer(204), times=1)
        assert store.v3.get("catalog/products")["data"] == []


def test_orders_come_once_each_in_order_over_all_pages(secret: Secret, sandbox_store: SandboxStore) -> None:
    for sandbox_store.inclusive in (False, True):
        sandbox_store.clear_requests()
        with secret.store() as store:
            ids = [order["id"] for order in store.orders()]
        assert ids == sorted(sandbox_store.orders)
        assert len(sandbox_store.requests) == 4


def test_orders_modified_since(secret: Secret, sandbox_store: SandboxStore) -> None:
    since = datetime.now(UTC).replace(microsecond=0)
    sandbox_store.change_order(150, staff_notes="now")
    sandbox_store.change_order(151, staff_notes="now", status_id=5)
    with secret.store() as store:
        found = {order["id"] for order in store.orders(modified_since=since)}
        assert {150, 151} <= found < set(sandbox_store.orders)
        assert 150 not in {order["id"] for order in store.orders(modified_since=since, status_id=5)}
        with pytest.raises(ValueError, match="time zone"):
            list(store.orders(modified_since=datetime(2026, 1, 1)))


def test_an_object_where_a_list_is_due_is_a_bad_answer(secret: Secret, sandbox_store: SandboxStore) -> None:
    sandbox_store.fault(Answer(200, {"data": []}), times=1)
    with secret.store() as store, pytest.raises(BadAnswer, match="not a list of rows"):
        list(store.orders())


def test_the_session_is_kept_and_cookies_are_not(secret: Secret, sandbox_store: SandboxStore) -> None:
    sandbox_store.fault(Answer(200, b"[]", {"Set-Cookie": "session=1; Path=/"}), times=1)
    with secret.store() as store:
        store.get("orders")
        store.get("orders")
    assert "cookie" not in sandbox_store.requests[1].headers


@pytest.mark.parametrize(("reserve", "most"), [(0, 20), (50, 10)])
def test_the_client_slows_down_before_the_quota_is_spent(
    secret: Secret, sandbox_store: SandboxStore, reserve: float, most: int
) -> None:
    sandbox_store.quota = Window(limit=20, seconds=1)
    with secret.store(quota_reserve=reserve) as store:
        started = time.monotonic()
        for _ in range(3 * most):
            store.get("time")
        taken = time.monotonic() - started
    assert {seen.status for seen in sandbox_store.requests} == {200}, "no 429"
    assert 2.0 <= taken < 4.0


def test_a_pause_that_does_not_fit_is_told_and_the_check_does_not_wait(
    secret: Secret, sandbox_store: SandboxStore
) -> None:
    sandbox_store.quota = Hourly(limit=4001)
    with secret.store() as store:
        store.get("time")
        with pytest.raises(RateLimited, match="left to the store's other apps") as caught:
            invoke(lambda: store.get("orders"))
        assert 59 < caught.value.retry_after <= 60
        assert caught.value.attempts == 0
        assert invoke(store.probe)["time"]


def test_from_environment_gives_one_store_an_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_SECRET_ARN", "one")
    first = Store.from_environment()
    assert Store.from_environment() is first
    monkeypatch.setenv("CREDENTIALS_SECRET_ARN", "two")
    assert Store.from_environment() is not first
    monkeypatch.setenv("CREDENTIALS_SECRET_ARN", "one")
    Store.forget()
    assert Store.from_environment() is not first
    Store.forget()
    monkeypatch.delenv("CREDENTIALS_SECRET_ARN")
    with pytest.raises(SettingsError, match="CREDENTIALS_SECRET_ARN"):
        Store.from_environment()
