"""Whoever cannot prove to be the store never sees a header of ours."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import pytest
import trustme

from sandbox.store import Redirect, SandboxStore
from storekey import Settings, SettingsError, Store, TlsFailure, Unreachable, WrongApiPath
from storekey._sockets import DeadlineSocket
from tests.peers import peer, self_signed_context, server_context
from tests.support import Secret, invoke, store_at

CA = trustme.CA()
OTHER_CA = trustme.CA()
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def old_protocol(newest: ssl.TLSVersion) -> ssl.SSLContext:
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        return server_context(CA.issue_cert("localhost"), newest)


PEERS: dict[str, tuple[Callable[[], ssl.SSLContext | None], str]] = {
    "expired": (
        lambda: server_context(CA.issue_cert("localhost", not_before=NOW - 9 * DAY, not_after=NOW - DAY)),
        "expired",
    ),
    "not yet valid": (
        lambda: server_context(CA.issue_cert("localhost", not_before=NOW + DAY, not_after=NOW + 9 * DAY)),
        "not yet valid",
    ),
    "self-signed": (self_signed_context, "self-signed"),
    "unknown CA": (lambda: server_context(OTHER_CA.issue_cert("localhost")), "unable to get local issuer"),
    "wrong host": (lambda: server_context(CA.issue_cert("store.example")), "Hostname mismatch"),
    "TLS 1.0": (lambda: old_protocol(ssl.TLSVersion.TLSv1), "protocol"),
    "TLS 1.1": (lambda: old_protocol(ssl.TLSVersion.TLSv1_1), "protocol"),
    "plain http": (lambda: None, "TLS failed"),
}


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_that_is_not_the_store_hears_nothing(name: str) -> None:
    context, said = PEERS[name]
    pem = CA.cert_pem.bytes().decode()
    with peer(context()) as running, store_at(running.port, pem) as store:
        with pytest.raises(TlsFailure, match=said) as caught:
            store.get("time")
        assert caught.value.attempts == 1
    assert running.connections == 1
    assert b"uthorization" not in running.heard
    assert b"GET" not in running.heard


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_of_today_is_spoken(newest: ssl.TLSVersion, tmp_path: Path) -> None:
    context = server_context(CA.issue_cert("localhost"))
    context.maximum_version = newest
    CA.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for bundle in (CA.cert_pem.bytes().decode(), str(tmp_path / "ca.pem")):
        with peer(context) as running, store_at(running.port, bundle) as store:
            assert store.get("time") == {"time": 1}
        assert b"Authorization: Basic " in running.heard


def test_an_environment_shakes_hands_once_and_reads_its_secret_once(
    secret: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    handshakes, handshake = [], DeadlineSocket.do_handshake

    def counted(socket: DeadlineSocket, block: bool = False) -> None:
        handshakes.append(1)
        handshake(socket, block)

    monkeypatch.setattr(DeadlineSocket, "do_handshake", counted)
    with secret.store() as store:
        for _ in range(3):
            invoke(lambda: [store.get("time"), store.get("orders/101")])
    assert (len(handshakes), secret.readings) == (1, 1)


def test_the_cas_of_the_environment_are_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    CA.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "ca.pem"))
    context = server_context(CA.issue_cert("localhost"))
    with peer(context) as running, store_at(running.port) as store, pytest.raises(TlsFailure):
        store.get("time")


def test_proxies_and_netrc_of_the_environment_are_not_read(
    secret: Secret, sandbox_store: SandboxStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine localhost login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with secret.store() as store:
        assert store.get("time")["time"]


def test_a_bundle_without_a_certificate_is_an_error(secret: Secret) -> None:
    with pytest.raises(SettingsError, match="STORE_CA_BUNDLE"):
        Store(Settings("secret", secret.hosts, ca_bundle="-----BEGIN CERTIFICATE-----\nAAAA\n"), secret)


def test_what_a_text_trusts_is_read_once_and_what_a_path_does_each_time(
    secret: Secret, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    read, there = [], certifi.where()

    def where() -> str:
        read.append(there)
        return there

    monkeypatch.setattr("storekey._sockets.certifi.where", where)
    (tmp_path / "own.pem").write_bytes(own := trustme.CA().cert_pem.bytes())
    for bundle in (own.decode(), str(tmp_path / "own.pem")) * 2:
        Store(Settings("secret", secret.hosts, ca_bundle=bundle), secret).close()
    assert len(read) == 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("origin", ["https://localhost", "https://127.0.0.1", "http://localhost"])
def test_a_redirect_is_not_followed(secret: Secret, sandbox_store: SandboxStore, origin: str, status: int) -> None:
    context = server_context(CA.issue_cert("localhost", "127.0.0.1")) if origin.startswith("https") else None
    with peer(context) as other:
        scheme, _, host = origin.partition("://")
        place = f"{host}:{other.port}/api/v2/time"
        sandbox_store.fault(Redirect(f"{scheme}://user:pass@{place}?a=secret#b", status), times=1)
        with secret.store() as store, pytest.raises(WrongApiPath) as caught:
            store.get("time")
    assert other.connections == 0
    assert str(caught.value).endswith(f"the store points to {place} (status {status}, 1 attempt)")


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("https://www.store.example/api/v2/time", "www.store.example/api/v2/time"),
        ("http://localhost/api/v2/time", "localhost/api/v2/time"),
        ("//other.example/x", "other.example/x"),
        ("/login.php?email=a@b.example", "/login.php"),
        ("https://[broken", "an unreadable address"),
    ],
)
def test_a_redirect_says_where_it_points_without_its_query(
    secret: Secret, sandbox_store: SandboxStore, location: str, place: str
) -> None:
    sandbox_store.fault(Redirect(location), times=1)
    with secret.store() as store, pytest.raises(WrongApiPath) as caught:
        store.get("time")
    assert place in str(caught.value)
    assert "email" not in str(caught.value)
    assert len(sandbox_store.requests) == 1


def test_a_hostile_redirect_is_told_short_and_printable() -> None:
    answer = b"HTTP/1.1 301 Moved\r\nLocation: https://a.example/\x07planted" + b"x" * 9000 + b"\r\n\r\n"
    context, pem = server_context(CA.issue_cert("localhost")), CA.cert_pem.bytes().decode()
    with peer(context, answer) as running, store_at(running.port, pem) as store, pytest.raises(WrongApiPath) as caught:
        store.get("time")
    assert "a.example/?***xxx" in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 320


def test_links_in_answers_point_elsewhere_and_are_not_called(secret: Secret, sandbox_store: SandboxStore) -> None:
    with secret.store() as store:
        order = store.get("orders/101")
        assert sandbox_store.host not in order["products"]["url"]
        with pytest.raises(ValueError, match="is not relative"):
            store.get(order["products"]["url"])
        assert store.get("orders/101/products")
    assert [seen.path for seen in sandbox_store.requests] == ["/api/v2/orders/101", "/api/v2/orders/101/products"]


def test_a_host_that_is_not_there_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storekey._policy._FIRST_BACKOFF", 0.01)
    with peer(None) as gone:
        port = gone.port
    with store_at(port) as store, pytest.raises(Unreachable, match="no connection"):
        store.get("time")
