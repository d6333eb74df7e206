"""Whatever a store or a network can do to a call: the typed error, bounded attempts, and the time left respected."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
from typing import Any

import pytest
import trustme
import urllib3.exceptions
from urllib3.connection import HTTPConnection

from sandbox.store import Answer, BadGzip, Bomb, Drip, Redirect, Reset, SandboxStore, Truncate
from storekey import (
    BadAnswer,
    Forbidden,
    NotFound,
    RateLimited,
    RequestRejected,
    StoreError,
    Unavailable,
    Unreachable,
    WrongApiPath,
)
from tests.peers import peer, server_context
from tests.support import Secret, emf, invoke, points, store_at

RESET = "X-Rate-Limit-Time-Reset-Ms"

# fault, the error, the requests that it costs, the metric
FAULTS: dict[str, tuple[Any, type[StoreError], int, str]] = {
    "reset before the answer": (Reset("request"), Unreachable, 4, "StoreUnreachable"),
    "reset after the headers": (Reset("headers"), Unreachable, 4, "StoreUnreachable"),
    "reset in the middle": (Reset("body"), Unreachable, 4, "StoreUnreachable"),
    "closed in the middle": (Truncate(), Unreachable, 4, "StoreUnreachable"),
    "500": (Answer(500, b"oops"), Unavailable, 4, "StoreUnavailable"),
    "502": (Answer(502, b"<html>"), Unavailable, 4, "StoreUnavailable"),
    "503": (Answer(503), Unavailable, 4, "StoreUnavailable"),
    "504": (Answer(504), Unavailable, 4, "StoreUnavailable"),
    "507": (Answer(507), Unavailable, 1, "StoreUnavailable"),
    "429 without a header": (Answer(429), RateLimited, 4, "RateLimited"),
    "429 with a reset": (Answer(429, headers={RESET: "10"}), RateLimited, 4, "RateLimited"),
    "429 with a retry": (Answer(429, headers={"X-Retry-After": "0"}), RateLimited, 4, "RateLimited"),
    "429 beyond the time": (Answer(429, headers={"X-Retry-After": "600"}), RateLimited, 1, "RateLimited"),
    "509": (Answer(509, b'[{"status":509}]'), RateLimited, 1, "RateLimited"),
    "403": (Answer(403, b"Forbidden"), Forbidden, 1, "Forbidden"),
    "404": (Answer(404), NotFound, 1, ""),
    "422": (Answer(422, b'{"errors": {}}'), RequestRejected, 1, ""),
    "301": (Redirect("https://elsewhere.example/"), WrongApiPath, 1, ""),
    "200 that is HTML": (Answer(200, b"<html></html>"), BadAnswer, 1, ""),
    "200 that is half JSON": (Answer(200, b'[{"id": 1'), BadAnswer, 1, ""),
    "200 that is a number": (Answer(200, b"7"), BadAnswer, 1, ""),
    "200 that is no UTF-8": (Answer(200, b'["\xff"]'), BadAnswer, 1, ""),
    "200 nested without end": (Answer(200, b"[" * 200_000), BadAnswer, 1, ""),
    "gzip bomb": (Bomb(65 * 1024 * 1024), BadAnswer, 1, ""),
    "broken gzip": (BadGzip(), BadAnswer, 1, ""),
}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off is tested in test_policy; here it would only take its time."""
    monkeypatch.setattr("storekey._policy._FIRST_BACKOFF", 0.01)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_stays_is_a_typed_error(
    name: str, secret: Secret, sandbox_store: SandboxStore, capsys: pytest.CaptureFixture[str]
) -> None:
    fault, error, requests, metric = FAULTS[name]
    sandbox_store.fault(fault, times=None)
    with secret.store() as store, pytest.raises(error) as caught:
        invoke(lambda: store.get("orders"))
    assert type(caught.value) is error
    assert caught.value.attempts == requests == len(sandbox_store.requests)
    assert (caught.value.method, caught.value.path) == ("GET", "orders")
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    output = capsys.readouterr().out
    assert points(output, "CredentialsRefused") == [], "neither refused nor accepted"
    failures = {"Forbidden", "RateLimited", "StoreUnavailable", "StoreUnreachable", "TlsFailures"}
    found = {name for document in emf(output) for name in failures & document.keys()}
    assert found == ({metric} if metric else set())


@pytest.mark.parametrize("name", [name for name, (_, _, requests, _) in FAULTS.items() if requests == 4])
def test_a_fault_that_passes_costs_no_read(name: str, secret: Secret, sandbox_store: SandboxStore) -> None:
    sandbox_store.fault(FAULTS[name][0], times=3)
    with secret.store() as store:
        assert invoke(lambda: store.get("orders/101"))["id"] == 101


@pytest.mark.parametrize("name", ["reset before the answer", "reset in the middle", "500", "503"])
def test_a_write_that_may_have_arrived_is_not_sent_again(
    name: str, secret: Secret, sandbox_store: SandboxStore
) -> None:
    sandbox_store.fault(FAULTS[name][0], times=1)
    with secret.store() as store, pytest.raises(FAULTS[name][1]) as caught:
        store.post("orders", {"status_id": 1})
    assert caught.value.attempts == 1


def test_a_write_that_a_quota_refused_is_sent_again(secret: Secret, sandbox_store: SandboxStore) -> None:
    sandbox_store.fault(Answer(429, headers={RESET: "10"}), times=1)
    with secret.store() as store:
        assert store.put("orders/102", {"staff_notes": "x"})["staff_notes"] == "x"


@pytest.mark.parametrize(
    ("fault", "rows"),
    [
        (Answer(204), []),
        (Answer(200, b""), []),
        (Answer(200, b" \n"), []),
        (Answer(200, b"[]"), []),
        (Answer(200, gzip.compress(b'[{"id": 1}]'), {"Content-Encoding": "gzip"}), [{"id": 1}]),
    ],
)
def test_no_rows_and_packed_rows(secret: Secret, sandbox_store: SandboxStore, fault: Any, rows: list[Any]) -> None:
    sandbox_store.fault(fault, times=1)
    with secret.store() as store:
        assert store.get("orders") == rows


@pytest.mark.parametrize("fault", [Truncate(), BadGzip(), Reset("body"), Drip(0.3)], ids=repr)
def test_the_status_of_an_error_decides_whatever_its_body_is(
    secret: Secret, sandbox_store: SandboxStore, fault: Any
) -> None:
    sandbox_store.fault(fault, times=1)
    with secret.store() as store, pytest.raises(NotFound):
        store.get("orders/99999999")
    assert len(sandbox_store.requests) == 1


def test_a_large_body_of_an_error_is_cut(secret: Secret, sandbox_store: SandboxStore) -> None:
    sandbox_store.fault(Answer(422, b"x" * 1_000_000), times=1)
    with secret.store() as store, pytest.raises(RequestRejected) as caught:
        store.get("orders")
    assert caught.value.explain() == "x" * 65_536


@pytest.mark.parametrize(
    ("place", "error", "says"),
    [
        ("socket.getaddrinfo", socket.gaierror(socket.EAI_NONAME, "no name"), "name is not found"),
        ("storekey._sockets.create_connection", TimeoutError(), "no connection in time"),
        ("storekey._sockets.create_connection", ConnectionRefusedError(), "no connection"),
    ],
)
def test_a_request_that_surely_did_not_arrive_is_sent_again_also_as_a_write(
    secret: Secret, monkeypatch: pytest.MonkeyPatch, place: str, error: OSError, says: str
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    with secret.store() as store, monkeypatch.context() as broken:
        broken.setattr(place, fails)
        with pytest.raises(Unreachable, match=says) as caught:
            store.post("orders", {"status_id": 1})
    assert caught.value.attempts == 4


def test_a_write_whose_handshake_failed_is_sent_again() -> None:
    with peer(None, answer=b"") as closing, store_at(closing.port) as store, pytest.raises(Unreachable) as caught:
        store.post("orders", {"status_id": 1})
    assert caught.value.attempts == closing.connections == 4


def test_what_a_caller_was_handling_does_not_make_a_write_be_sent_again() -> None:
    """The chain of an exception ends in the caller's own, which says nothing of this request."""
    ca = trustme.CA()
    with (
        peer(server_context(ca.issue_cert("localhost")), answer=b"") as taking,
        store_at(taking.port, ca.cert_pem.bytes().decode()) as store,
    ):
        for own in (urllib3.exceptions.NewConnectionError(HTTPConnection("x"), "no connection"), ssl.SSLError("other")):
            taking.connections = 0
            with pytest.raises(Unreachable, match="broke off") as caught:
                try:
                    raise own
                except (urllib3.exceptions.HTTPError, ssl.SSLError):
                    store.post("orders", {"status_id": 1})
            assert caught.value.attempts == taking.connections == 1


@pytest.mark.parametrize(("pause", "connections"), [(0.0, 2), (60.0, 1)])
def test_a_write_after_a_pause_does_not_trust_the_old_connection(
    pause: float, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The peer answers one request a connection and drops the next, as a firewall does that has forgotten it."""
    monkeypatch.setattr("storekey._transport.IDLE_SECONDS", pause)
    ca = trustme.CA()
    with (
        peer(server_context(ca.issue_cert("localhost"))) as forgetful,
        store_at(forgetful.port, ca.cert_pem.bytes().decode()) as store,
    ):
        store.get("time")
        with contextlib.suppress(Unreachable):
            store.post("orders", {"status_id": 1})
        assert forgetful.connections == connections


def test_a_rejected_request_explains_itself_when_asked(secret: Secret, sandbox_store: SandboxStore) -> None:
    sandbox_store.fault(Answer(422, b'{"title": "customer17@example.com is taken"}'), times=1)
    with secret.store() as store, pytest.raises(RequestRejected) as caught:
        store.post("customers", {"email": "customer17@example.com"})
    assert "is taken" in caught.value.explain()
    assert "customer17" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


def test_the_connection_is_good_again_after_a_fault(secret: Secret, sandbox_store: SandboxStore) -> None:
    with secret.store() as store:
        for name in ("closed in the middle", "gzip bomb", "301", "503"):
            sandbox_store.fault(FAULTS[name][0], times=4 if FAULTS[name][2] == 4 else 1)
            with pytest.raises(StoreError):
                store.get("orders")
            assert store.get("orders/101")["id"] == 101
