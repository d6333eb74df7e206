"""Hooks become those that are wanted, whatever there was before, and stay so."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekey import BadAnswer, Forbidden, NotFound, RequestRejected, Unavailable, Unreachable
from storekey.webhooks._account import HEADER
from storekey.webhooks._hooks import Wanted, all_hooks, blocked_hosts, host_of
from storekey.webhooks._report import Report
from storekey.webhooks.sync import Synchroniser

URL = "https://abc.lambda-url.eu-central-1.on.aws/"
SCOPES = ("store/order/*", "store/product/updated", "store/customer/*")
KEY = "k" * 64


def row(hook_id: int, scope: str = SCOPES[0], *, url: str = URL, active: bool = True, key: str | None = KEY) -> Any:
    headers = None if key is None else {HEADER: key}
    return {"id": hook_id, "scope": scope, "destination": url, "is_active": active, "headers": headers}


@dataclass
class Hooks:
    """The store's hooks API as far as a sync uses it."""

    rows: dict[int, Any] = field(default_factory=dict)
    rejected: set[str] = field(default_factory=set)
    writes: list[str] = field(default_factory=list)
    page: int = 250
    admin: Any = field(default_factory=lambda: {"data": {"blocked_domains": []}})
    before_post: Any = None
    reason: str = ""
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1000))

    @property
    def v3(self) -> Any:
        return self

    def get(self, path: str, params: dict[str, int] | None = None) -> Any:
        if path == "hooks/admin":
            if isinstance(self.admin, Exception):
                raise self.admin
            return self.admin
        assert path == "hooks"
        assert params
        rows, page = list(self.rows.values()), params["page"]
        pages = -(-len(rows) // self.page)
        meta = {"pagination": {"total_pages": pages}}
        return {"data": rows[(page - 1) * self.page : page * self.page], "meta": meta}

    def post(self, path: str, json: Any) -> Any:
        assert path == "hooks"
        if self.before_post:
            self.before_post()
        taken = any(
            (each["scope"], each["destination"]) == (json["scope"], json["destination"]) for each in self.rows.values()
        )
        if taken or json["scope"] in self.rejected:
            raise RequestRejected("the store rejected the request", status=422, body=self.reason)
        made = {"id": next(self.ids), **json}
        self.rows[made["id"]] = made
        self.writes.append(f"POST {json['scope']}")
        return {"data": made}

    def put(self, path: str, json: Any) -> Any:
        hook_id = int(path.removeprefix("hooks/"))
        if hook_id not in self.rows:
            raise NotFound("gone", status=404)
        if any(
            (each["scope"], each["destination"]) == (json["scope"], json["destination"]) and each["id"] != hook_id
            for each in self.rows.values()
        ):
            raise RequestRejected("the store rejected the request", status=422, body=self.reason)
        self.rows[hook_id] |= json
        self.writes.append(f"PUT {hook_id}")
        return {"data": self.rows[hook_id]}

    def delete(self, path: str) -> Any:
        hook_id = int(path.removeprefix("hooks/"))
        if hook_id not in self.rows:
            raise NotFound("gone", status=404)
        del self.rows[hook_id]
        self.writes.append(f"DELETE {hook_id}")


def hooks(*rows: Any, **more: Any) -> Hooks:
    return Hooks({each["id"]: each for each in rows}, **more)


def synced(store: Any) -> Report:
    return Synchroniser(store, Wanted(SCOPES, URL, KEY)).sync()


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.created, report.updated, report.deleted, report.enabled


def test_what_is_missing_is_created_once() -> None:
    store = hooks()
    assert counts(synced(store)) == (3, 0, 0, 0)
    again = synced(store)
    assert counts(again) == (0, 0, 0, 0)
    assert again.off == 0
    assert len(store.writes) == 3
    assert all(each["headers"] == {HEADER: KEY} and each["is_active"] for each in store.rows.values())


def test_what_was_switched_off_is_enabled_and_told_once() -> None:
    store = hooks(row(1, active=False), row(2, SCOPES[1]), row(3, SCOPES[2]))
    report = synced(store)
    assert counts(report) == (0, 0, 0, 1)
    assert report.missing == []
    assert (report.off, report.found_off(is_daily=False)) == (0, 1), "events were missed, so somebody must know"
    again = synced(store)
    assert (again.off, again.found_off(is_daily=True)) == (0, 0)


def test_what_a_daily_sync_creates_or_changes_was_lost_since_the_last_change() -> None:
    report = synced(hooks(row(1, key="old"), row(2, SCOPES[1])))
    assert (report.found_off(is_daily=True), report.found_off(is_daily=False)) == (2, 0)


def test_another_value_of_our_header_is_replaced_and_others_headers_kept() -> None:
    old = row(1, key="old") | {"headers": {"x-storekey-key": "old", "X-Other": "1"}}
    store = hooks(old, row(2, SCOPES[1], key=None), row(3, SCOPES[2]))
    assert counts(synced(store)) == (0, 2, 0, 0)
    assert store.rows[1]["headers"] == {"X-Other": "1", HEADER: KEY}


def test_what_delivers_to_us_unwanted_or_twice_is_deleted_and_others_hooks_are_left_alone() -> None:
    elsewhere = row(5, url="https://else.example/hook", key=None)
    store = hooks(row(1), row(2, SCOPES[1]), row(3, SCOPES[2]), row(4, "store/cart/*"), elsewhere, row(6))
    assert counts(synced(store)) == (0, 0, 2, 0)
    assert sorted(store.rows) == [1, 2, 3, 5]


def test_the_address_is_the_same_with_or_without_its_last_slash() -> None:
    store = hooks(*(row(n, scope, url=URL.rstrip("/").upper()) for n, scope in enumerate(SCOPES)))
    assert counts(synced(store)) == (0, 0, 0, 0)


@pytest.mark.parametrize("active", [True, False])
def test_of_two_hooks_that_differ_in_a_slash_the_right_one_stays(active: bool) -> None:
    rest = [row(n, scope) for n, scope in enumerate(SCOPES[1:], 5)]
    for first, second in ((1, 2), (2, 1)):
        rows = {1: row(1, url=URL[:-1], active=False), 2: row(2, active=active)}
        store = hooks(rows[first], rows[second], *rest)
        report = synced(store)
        assert report.failed == []
        assert (sorted(store.rows), report.missing) == ([2, 5, 6], [])
        assert counts(report) == (0, 0, 1, int(not active))


def test_a_scope_that_the_account_may_not_have_is_no_reason_to_lack_the_others() -> None:
    store = hooks()

    def forbidden() -> None:
        store.before_post = None
        raise Forbidden("the account may not do this", status=403)

    store.before_post = forbidden
    report = synced(store)
    assert counts(report) == (2, 0, 0, 0)
    assert report.failed == [{"scope": SCOPES[0], "error": "the account may not do this (status 403)"}]


def test_a_scope_that_the_store_rejects_is_no_reason_to_lack_the_others() -> None:
    report = synced(hooks(rejected={SCOPES[1]}))
    assert counts(report) == (2, 0, 0, 0)
    assert report.missing == [SCOPES[1]]
    assert [each["scope"] for each in report.failed] == [SCOPES[1]]
    assert report.off == 1
    assert SCOPES[1] in report.detail


def test_two_syncs_at_once_make_each_hook_once() -> None:
    store = hooks()

    def other() -> None:
        store.before_post = None
        assert counts(synced(store)) == (3, 0, 0, 0)

    store.before_post = other
    report = synced(store)
    assert counts(report) == (0, 0, 0, 0)
    assert (report.off, len(store.rows)) == (0, 3)


def test_a_hook_that_vanishes_meanwhile_is_missing_until_the_next_sync() -> None:
    store = hooks(row(1, active=False), row(2, "store/cart/*"))
    store.put = store.delete = _vanished  # type: ignore[method-assign]
    report = synced(store)
    assert [each["scope"] for each in report.failed] == [SCOPES[0]]
    assert report.deleted == 0


def _vanished(*_: Any, **__: Any) -> Any:
    raise NotFound("gone", status=404)


def test_all_pages_are_read() -> None:
    others = [row(n, f"store/x/{n}", url="https://else.example/") for n in range(10, 33)]
    store = hooks(*others, *(row(n, scope) for n, scope in enumerate(SCOPES)), page=5)
    assert counts(synced(store)) == (0, 0, 0, 0)


def test_a_block_of_our_address_is_told_and_others_blocks_are_not() -> None:
    rows = [row(n, scope) for n, scope in enumerate(SCOPES)]
    theirs = {"destination": "https://else.example", "time_left": 100}
    blocked = {"data": {"blocked_domains": [theirs, {"destination": URL, "time_left": 60}]}}
    report = synced(hooks(*rows, admin=blocked))
    assert report.blocked == [host_of(URL)]
    assert report.off == 1
    assert "BigCommerce sends nothing" in report.detail
    assert synced(hooks(*rows, admin={"data": {"blocked_domains": [theirs]}})).off == 0


@pytest.mark.parametrize("odd", [None, 7, "[", "https://[x/y"])
def test_odd_addresses_are_no_reason_to_fail(odd: Any) -> None:
    blocked = {"data": {"blocked_domains": [{"destination": odd}]}}
    report = synced(hooks(row(1, url=odd), admin=blocked))
    assert counts(report) == (3, 0, 0, 0)
    assert report.as_answer()["blocked"] == []


@pytest.mark.parametrize("error", [Forbidden("no"), Unavailable("down"), BadAnswer("odd")])
def test_trouble_with_blocks_is_none_with_hooks(error: Exception) -> None:
    assert synced(hooks(admin=error)).off == 0


ODD: list[Any] = [[1], 5, "x", {}]


@pytest.mark.parametrize(
    "admin", [{}, [], {"data": []}, {"data": None}, *({"data": {"blocked_domains": odd}} for odd in ODD)]
)
def test_an_admin_answer_of_another_shape_blocks_nothing(admin: Any) -> None:
    assert blocked_hosts(hooks(admin=admin)) == []  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", [[1], [{"id": 1}], [{"id": 1, "scope": "s", "destination": "d", "headers": [1]}], 7])
def test_a_list_that_is_none_is_a_bad_answer(rows: Any) -> None:
    class Odd:
        v3: Any

        def get(self, *_: Any) -> Any:
            return {"data": rows}

    store: Any = Odd()
    store.v3 = store
    with pytest.raises(BadAnswer):
        all_hooks(store)


@pytest.mark.parametrize("error", [Unreachable("no connection"), Unavailable("down"), BadAnswer("odd")])
def test_what_passes_is_raised_when_the_others_have_been_made(error: Exception) -> None:
    store = hooks()

    def broken() -> None:
        store.before_post = None
        raise error

    store.before_post = broken
    with pytest.raises(type(error)):
        synced(store)
    assert store.writes == [f"POST {scope}" for scope in SCOPES[1:]]
    assert counts(synced(store)) == (1, 0, 0, 0)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ({"errors": {"scope": f"bad {KEY}", "headers": "jane@example.com", KEY: "x"}}, "it is about scope, headers"),
        *((odd, None) for odd in ({"errors": [KEY]}, {"errors": "scope"}, {"title": KEY}, [KEY], None)),
    ],
)
def test_nothing_secret_and_none_of_the_stores_words_is_told(reason: Any, told: str | None) -> None:
    store = hooks(row(1), rejected={SCOPES[1]}, reason=json.dumps(reason))
    report = synced(store)
    assert report.failed == [
        {"scope": SCOPES[1], "error": "the store rejected the request (status 422)" + (f": {told}" if told else "")}
    ]
    assert KEY not in repr(report)
    assert KEY not in str(report.as_answer())


@pytest.mark.parametrize("reason", ["", "{", "<html>", "[" * 100_000])
def test_a_refusal_without_json_is_told_as_it_is(reason: str) -> None:
    report = synced(hooks(row(1), rejected={SCOPES[1]}, reason=reason))
    assert [each["error"] for each in report.failed] == ["the store rejected the request (status 422)"]


_rows = st.lists(
    st.builds(
        row,
        st.integers(1, 900),
        st.sampled_from([*SCOPES, "store/cart/*"]),
        url=st.sampled_from([URL, URL[:-1], "https://else.example/"]),
        active=st.booleans(),
        key=st.sampled_from([KEY, "old", None]),
    ),
    unique_by=(lambda each: each["id"], lambda each: (each["scope"], each["destination"])),
)


@given(_rows)
def test_whatever_there_was_one_sync_makes_it_right_and_the_next_does_nothing(rows: list[Any]) -> None:
    store = hooks(*rows)
    report = synced(store)
    assert report.missing == []
    ours = [each for each in store.rows.values() if each["destination"].rstrip("/") == URL.rstrip("/")]
    assert sorted(each["scope"] for each in ours) == sorted(SCOPES)
    assert [each for each in rows if "else" in each["destination"]] == [
        each for each in store.rows.values() if "else" in each["destination"]
    ]
    writes = len(store.writes)
    assert counts(synced(store)) == (0, 0, 0, 0)
    assert len(store.writes) == writes
