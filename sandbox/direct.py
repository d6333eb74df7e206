"""A shorter way for the boto3 clients of this process: straight into the application, without a socket between.

Two thirds of what a small call costs are the two ends of its connection. What is signed, sent and answered stays the
same; functions and the operator's command, which are processes of their own, take the usual way.
"""

from __future__ import annotations

import io
import sys
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from moto.core.botocore_stubber import MockRawResponse

from .invocations import WsgiApp


class Direct:
    """Answers botocore's event ``before-send`` for requests to ``endpoint``, and leaves others alone."""

    def __init__(self, endpoint: str, app: WsgiApp) -> None:
        self._endpoint = endpoint
        self._app = app

    def __call__(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        if not request.url.startswith(f"{self._endpoint}/"):
            return None
        begun: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
            begun.update(status_code=int(status.split(maxsplit=1)[0]), headers=HeadersDict(headers))

        chunks: Any = self._app(_environ(request), start_response)
        body = b"".join(chunks)
        getattr(chunks, "close", bool)()
        return AWSResponse(request.url, raw=MockRawResponse(body), **begun)


def _environ(request: AWSPreparedRequest) -> dict[str, Any]:
    """Return what a web server would make of a request (PEP 3333)."""
    address = urlsplit(request.url)
    target = f"{address.path}?{address.query}" if address.query else address.path
    body: Any = request.body or b""
    body = body.read() if hasattr(body, "read") else body
    body = body.encode() if isinstance(body, str) else body
    environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(address.path).decode("latin-1"),
        "QUERY_STRING": address.query,
        "REQUEST_URI": target,
        "RAW_URI": target,
        "SERVER_NAME": address.hostname,
        "SERVER_PORT": str(address.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": address.hostname,
        "HTTP_HOST": address.netloc,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": address.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        text = value.decode() if isinstance(value, bytes) else value
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = text
    environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_CONTENT_LENGTH", None)
    return environ
