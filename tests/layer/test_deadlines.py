"""A call ends with the time that its invocation has left, whatever holds it up."""

from __future__ import annotations

import socket
import time

import pytest
import trustme

from sandbox.store import Answer, Drip, SandboxStore
from storekey import (
    RateLimited,
    Unreachable,
)
from tests.peers import peer, server_context
from tests.support import Secret, invoke, store_at


@pytest.mark.parametrize("drip", [Drip(0.2), Drip(0.2, headers=True)], ids=["body", "headers"])
def test_a_slow_drip_ends_with_the_time_left(secret: Secret, sandbox_store: SandboxStore, drip: Drip) -> None:
    sandbox_store.fault(drip, times=None)
    with secret.store() as store:
        started = time.monotonic()
        with pytest.raises(Unreachable, match="time"):
            invoke(lambda: store.get("orders"), seconds=1.5)
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize("drip", [Drip(0.2), Drip(0.2, headers=True)], ids=["body", "headers"])
def test_a_slow_drip_ends_with_the_read_timeout(
    secret: Secret, sandbox_store: SandboxStore, drip: Drip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storekey._transport.READ_TIMEOUT", 0.5)
    sandbox_store.fault(drip, times=1)
    with secret.store() as store:
        started = time.monotonic()
        assert store.get("orders/101")["id"] == 101, "read again"
    assert time.monotonic() - started < 2


def test_a_silent_store_is_left_when_the_time_is_up(secret: Secret, sandbox_store: SandboxStore) -> None:
    sandbox_store.fault(Answer(200, b"[]", after=3.0), times=None)
    with secret.store() as store:
        started = time.monotonic()
        with pytest.raises(Unreachable, match="no whole answer in time"):
            invoke(lambda: store.get("orders"), seconds=1.2)
    assert time.monotonic() - started < 1.2


def test_a_handshake_that_never_comes_ends_with_the_time_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, store_at(silent.getsockname()[1]) as store:
        started = time.monotonic()
        with pytest.raises(Unreachable):
            invoke(lambda: store.get("orders"), seconds=1.5)
    assert time.monotonic() - started < 1.5


def test_an_upload_that_is_not_taken_ends_with_the_time_left() -> None:
    ca = trustme.CA()
    with (
        peer(server_context(ca.issue_cert("localhost")), answer=None) as deaf,
        store_at(deaf.port, ca.cert_pem.bytes().decode()) as store,
    ):
        started = time.monotonic()
        with pytest.raises(Unreachable) as caught:
            invoke(lambda: store.post("orders", {"staff_notes": "x" * 10_000_000}), seconds=1.5)
    assert time.monotonic() - started < 1.5
    assert caught.value.attempts == 1


@pytest.mark.parametrize("slow", ["name", "addresses"])
def test_connecting_ends_with_the_time_left(slow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def drop(address: object, timeout: float, **_: object) -> None:
        time.sleep(timeout)
        raise TimeoutError

    def look_up(*_: object, **__: object) -> list[object]:
        time.sleep(3.0 if slow == "name" else 0.0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{last}", 1)) for last in (1, 2, 3)]

    with store_at(1) as store, monkeypatch.context() as broken:
        broken.setattr("storekey._sockets.create_connection", drop)
        broken.setattr("socket.getaddrinfo", look_up)
        started = time.monotonic()
        with pytest.raises(Unreachable, match="no connection in time"):
            invoke(lambda: store.get("orders"), seconds=1.5)
    assert time.monotonic() - started < 1.5


def test_no_request_is_sent_when_no_time_is_left(secret: Secret, sandbox_store: SandboxStore) -> None:
    with secret.store() as store, pytest.raises(Unreachable, match="no time left"):
        invoke(lambda: store.get("orders"), seconds=0.1)
    assert sandbox_store.requests == []


def test_a_wait_that_does_not_fit_tells_its_seconds(secret: Secret, sandbox_store: SandboxStore) -> None:
    sandbox_store.fault(Answer(429, headers={"X-Rate-Limit-Time-Reset-Ms": "12000", "X-Retry-After": "5"}), times=1)
    with secret.store() as store, pytest.raises(RateLimited) as caught:
        invoke(lambda: store.get("orders"), seconds=10)
    assert caught.value.retry_after == 12.0
