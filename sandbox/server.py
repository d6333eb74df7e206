"""The web server of AWS's endpoint: one that keeps connections open, as AWS does."""

from __future__ import annotations

import contextlib
import io
import socket
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.test import run_wsgi_app

from .invocations import WsgiApp


class _Handler(WSGIRequestHandler):
    """Answers one request of a connection after the other; werkzeug's closes it, and each call would open its own."""

    protocol_version = "HTTP/1.1"

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        body = environ["wsgi.input"]
        size = -1 if "wsgi.input_terminated" in environ else int(environ.get("CONTENT_LENGTH") or 0)
        environ["wsgi.input"] = io.BytesIO(body.read(size))  # to the end: the next request follows
        chunks, status, headers = run_wsgi_app(self.server.app, environ, buffered=True)
        answer = b"".join(chunks)
        headers.setdefault("Content-Length", str(len(answer)))
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers), "\r\n"]
        self.wfile.write("\r\n".join(lines).encode("latin-1") + answer)


class Server(ThreadedWSGIServer):
    """A WSGI server on a free port of the loopback interface, with a thread for each connection."""

    def __init__(self, app: WsgiApp) -> None:
        super().__init__("127.0.0.1", 0, app, handler=_Handler)
        self._connections: set[socket.socket] = set()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.discard(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
