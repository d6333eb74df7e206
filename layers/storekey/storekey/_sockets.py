"""Sockets that keep to one deadline for all that they do, and verify whom they speak to.

The time-outs of requests begin anew with every address, byte and block; a function's time does not.
"""

from __future__ import annotations

import functools
import queue
import socket
import ssl
import threading
import time
from typing import Any

import certifi
import requests.adapters
import urllib3.connection
import urllib3.connectionpool
import urllib3.exceptions
from urllib3.util.connection import create_connection

from ._settings import PEM_MARK, SettingsError

CONNECT_TIMEOUT = 3.0


class Progress(threading.local):
    """How far this thread's request is: when it must end (time.monotonic), and whether any of it was sent."""

    until: float = float("inf")
    sent: bool = False

    def begin(self, until: float) -> None:
        self.until, self.sent = until, False

    def left(self) -> float:
        """Return the seconds until the end; TimeoutError says that there are none."""
        seconds = self.until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


progress = Progress()


class DeadlineSocket(ssl.SSLSocket):
    """A TLS socket whose handshake, writes and reads end by the deadline."""

    def do_handshake(self, block: bool = False) -> None:
        self.settimeout(min(CONNECT_TIMEOUT, progress.left()))
        super().do_handshake(block)

    def send(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(progress.left())
        progress.sent = True
        return super().send(*args, **kwargs)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(progress.left())
        return super().recv_into(*args, **kwargs)


class DeadlineConnection(urllib3.connection.HTTPSConnection):
    """A connection whose name look-up and addresses share one connect time-out."""

    def _new_conn(self) -> socket.socket:
        until = time.monotonic() + min(CONNECT_TIMEOUT, progress.left())
        try:
            return self._connect(until)
        except socket.gaierror as error:
            raise urllib3.exceptions.NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise urllib3.exceptions.ConnectTimeoutError(self, "no connection in time") from error
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(self, "no connection") from error

    def _connect(self, until: float) -> socket.socket:
        places = _look_up(self.host, self.port, until - time.monotonic())
        refusal: OSError = TimeoutError()
        for tried, place in enumerate(places):
            share = (until - time.monotonic()) / (len(places) - tried)
            try:
                return create_connection(place, max(share, 0.001), socket_options=self.socket_options)
            except OSError as error:
                refusal = error
        raise refusal


class VerifyingAdapter(requests.adapters.HTTPAdapter):
    """Speaks TLS 1.2 or newer, verified against certifi's list and ``ca_bundle`` (PEM text, a path or empty).

    Reading that list costs more than a request, so adapters that trust the same share what was read, but for a path,
    where other certificates may lie the next time.
    """

    def __init__(self, ca_bundle: str) -> None:
        if not ca_bundle:
            self._context: ssl.SSLContext | None = None
        elif PEM_MARK in ca_bundle:
            self._context = _text_context(ca_bundle)
        else:
            self._context = _tls_context(ca_bundle)
        super().__init__(pool_maxsize=32)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"https": _DeadlinePool}

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        """Verify by the context, whatever a caller asks for."""
        host, _ = super().build_connection_pool_key_attributes(request, True)
        return host, {"ssl_context": self._context or _public_context()}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave it to the context, whatever a caller asks for; requests would also load certifi's list anew."""
        conn.cert_reqs = "CERT_REQUIRED"


class _DeadlinePool(urllib3.connectionpool.HTTPSConnectionPool):
    ConnectionCls = DeadlineConnection


def _look_up(host: str, port: int, seconds: float) -> list[tuple[str, int]]:
    """Return a host's addresses, in time: the system's resolver takes its own, so it is waited for in a thread."""
    found: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            found.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = found.get(timeout=max(seconds, 0.001))
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, OSError):
        raise answer
    return [(str(place[4][0]), port) for place in answer]


@functools.cache
def _public_context() -> ssl.SSLContext:
    """Return the one context that trusts certifi's list alone."""
    return _tls_context("")


@functools.lru_cache(maxsize=4)
def _text_context(ca_bundle: str) -> ssl.SSLContext:
    """Return the one context that trusts certifi's list and these certificates, PEM text."""
    return _tls_context(ca_bundle)


def _tls_context(ca_bundle: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = DeadlineSocket
    try:
        if PEM_MARK in ca_bundle:
            context.load_verify_locations(cadata=ca_bundle)
        elif ca_bundle:
            context.load_verify_locations(cafile=ca_bundle)
    except OSError:
        raise SettingsError("STORE_CA_BUNDLE holds no certificate that can be read") from None
    return context
