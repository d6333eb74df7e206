"""Tests of the web server of AWS's endpoint."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from sandbox.server import Server


def echo(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    body: bytes = environ["wsgi.input"].read()
    start_response("200 OK", [("X-Asked", environ["REQUEST_METHOD"])])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body.upper()]


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(echo)
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def client(server: Server) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    yield connection
    connection.close()


def test_a_connection_takes_one_request_after_the_other(client: http.client.HTTPConnection) -> None:
    client.connect()
    opened = client.sock
    for method, body, chunked in (("POST", b"one", False), ("PUT", [b"tw", b"o"], True), ("HEAD", None, False)):
        client.request(method, "/", body, encode_chunked=chunked)
        answer = client.getresponse()
        expected = b"".join(body or []).upper() if isinstance(body, list) else (body or b"").upper()
        assert (answer.status, answer.headers["X-Asked"], answer.read()) == (200, method, expected)
        assert client.sock is opened


def test_a_client_that_asks_first_is_told_to_go_on(client: http.client.HTTPConnection) -> None:
    client.putrequest("PUT", "/")
    client.putheader("Expect", "100-continue")
    client.putheader("Content-Length", "3")
    client.endheaders()
    assert client.sock.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"one")
    assert client.getresponse().read() == b"ONE"


def test_its_end_is_the_end_of_its_connections(server: Server, client: http.client.HTTPConnection) -> None:
    client.request("GET", "/")
    assert client.getresponse().read() == b""
    server.shutdown()
    server.server_close()
    assert client.sock.recv(1) == b""
