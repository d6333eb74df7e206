"""The store behind the client, as an export reads it, with odd and failing answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.store import Answer, Fault, Reset, SandboxStore
from storekey._errors import BadAnswer, Forbidden, StoreError, TokenRequired, Unauthorized
from storekey.exports._routes import Position, Window, route
from storekey.exports._source import StoreSource
from tests.support import Secret

EVERYTHING = Window(2_000_000_000, everything=True)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storekey._policy._FIRST_BACKOFF", 0.01)


@pytest.fixture
def source(secret: Secret) -> Iterator[StoreSource]:
    with secret.store() as store:
        yield StoreSource(store)


def test_the_store_tells_its_time_and_whose_credentials_they_are(source: StoreSource) -> None:
    assert source.kind() == "Basic"
    assert source.time() > 1_600_000_000
    assert (source.kind(), source.requests) == ("Basic", 1)


def test_a_token_is_known_once_the_store_was_asked(sandbox_store: SandboxStore) -> None:
    secret = Secret(sandbox_store.host, sandbox_store.ca_pem)
    secret.put(sandbox_store.create_token_account("export").secret())
    with secret.store() as store:
        source = StoreSource(store)
        source.time()
        assert source.kind() == "token"
        for resource in ("customers", "products"):
            there = route(resource, "token")
            page = source.page(there, there.query(EVERYTHING, Position()))
            assert source.count(there, {}) == len(page.rows) > 0


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"time": "1"}', b'{"time": NaN}', b'{"time": 1e999}', b""])
def test_no_time_is_a_bad_answer(source: StoreSource, sandbox_store: SandboxStore, body: bytes) -> None:
    sandbox_store.fault(Answer(200, body))
    with pytest.raises(BadAnswer):
        source.time()


def test_a_page_without_a_body_has_no_rows(source: StoreSource, sandbox_store: SandboxStore) -> None:
    there = route("orders", "Basic")
    for fault in (Answer(204), Answer(200), Answer(200, b"[]")):
        sandbox_store.fault(fault)
        assert source.page(there, {}).rows == []


@pytest.mark.parametrize(
    "body", [b"{}", b"[{}]", b'[{"id": "7"}]', b'[{"id": 7, "name": NaN}]', b'{"data": [{"id": 7}]}', b"[" * 100_000]
)
def test_what_is_no_page_is_a_bad_answer_that_tells_nothing_of_it(
    source: StoreSource, sandbox_store: SandboxStore, body: bytes
) -> None:
    sandbox_store.fault(Answer(200, body))
    with pytest.raises(BadAnswer) as caught:
        source.page(route("orders", "Basic"), {})
    assert str(caught.value) == "GET orders: the answer is not the JSON expected (status 200, 1 attempt)"


@pytest.mark.parametrize("fault", [*map(Answer, [400, 403, 404, 422, 500, 503]), Answer(200, b"<html>"), Reset()])
def test_a_store_that_does_not_count_is_exported_all_the_same(
    source: StoreSource, sandbox_store: SandboxStore, fault: Fault
) -> None:
    sandbox_store.fault(fault, times=None, path="count")
    there = route("orders", "Basic")
    assert source.count(there, there.filters(EVERYTHING)) is None


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"count": "7"}', b'{"count": 7.5}', b'{"count": true}', b"<html>", b""]
)
def test_an_odd_count_is_none(source: StoreSource, sandbox_store: SandboxStore, body: bytes) -> None:
    sandbox_store.fault(Answer(200, body))
    assert source.count(route("orders", "Basic"), {}) is None


@pytest.mark.parametrize(("status", "error"), [(401, Unauthorized), (403, Forbidden)])
def test_lines_that_the_store_refuses_are_an_error(
    source: StoreSource, sandbox_store: SandboxStore, status: int, error: type[StoreError]
) -> None:
    sandbox_store.fault(Answer(status), times=None)
    with pytest.raises(error):
        source.lines(101, 1)


def test_an_order_that_is_gone_has_no_lines(source: StoreSource) -> None:
    assert source.lines(10**9, 1) == []
    assert source.lines(101, 1)


@pytest.mark.parametrize(
    "lines",
    [
        b"{}",
        b"[1]",
        b"[{}]",
        b'[{"id": [7]}]',
        b'[{"id": null}]',
        b'[{"id": "7"}]',
        b'[{"id": true}]',
        b'[{"id": 7, "price": NaN}]',
    ],
)
def test_what_are_no_lines_is_a_bad_answer(source: StoreSource, sandbox_store: SandboxStore, lines: bytes) -> None:
    sandbox_store.fault(Answer(200, lines))
    with pytest.raises(BadAnswer):
        source.lines(101, 1)


def test_v3_needs_a_token(source: StoreSource) -> None:
    with pytest.raises(TokenRequired):
        source.page(route("products", "token"), {})
