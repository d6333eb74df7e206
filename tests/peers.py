"""Peers that are not the store: servers with wrong certificates, old protocols or no TLS, which note what they hear."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"time": 1}'


class Peer:
    """A server on loopback that answers the first request on each connection, or none without an ``answer``.

    With an empty one, or one that says so, it closes the connection then.

    ``heard`` is every byte that it received, in clear.
    """

    def __init__(self, context: ssl.SSLContext | None, answer: bytes | None = ANSWER) -> None:
        self._closing = threading.Event()
        self.heard = b""
        self.connections = 0
        self._context = context
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._meet, args=(connection,), daemon=True).start()

    def _meet(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        if self._context is None:
            self._answer_on(connection)
        else:
            with self._context.wrap_socket(connection, server_side=True) as wrapped:
                self._answer_on(wrapped)

    def _answer_on(self, connection: socket.socket) -> None:
        if self._answer is None:
            self._closing.wait()
        else:
            self.heard += connection.recv(65536)
            connection.sendall(self._answer)
            if self._answer and b"Connection: close" not in self._answer:
                connection.recv(1)

    def close(self) -> None:
        self._closing.set()
        # A listener that only closes leaves its thread in accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(6)


@contextmanager
def peer(context: ssl.SSLContext | None, answer: bytes | None = ANSWER) -> Iterator[Peer]:
    running = Peer(context, answer)
    try:
        yield running
    finally:
        running.close()


def server_context(certificate: trustme.LeafCert, newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """A server's context, for TLS up to ``newest``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if newest:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = newest
    certificate.configure_cert(context)
    return context


def self_signed_context() -> ssl.SSLContext:
    """A server's context with a certificate that nobody but itself signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with trustme.Blob(pem + private).tempfile() as path:
        context.load_cert_chain(path)
    return context
