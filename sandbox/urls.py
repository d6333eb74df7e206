"""Function URLs: HTTPS addresses on this machine whose requests become invocations, as Lambda makes them."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from base64 import b64decode, b64encode
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from . import deployed
from .functions import Invocation
from .pool import ClosedError
from .store.server import Server

_MOST_BYTES = 6 * 1024 * 1024
_AT_ONCE = 4
_TEXTS = ("text/", "application/json", "application/javascript", "application/xml")
_FAILED = {"Message": "Internal Server Error"}
_FORBIDDEN = {"Message": "Forbidden"}


class FunctionUrl:
    """The address of one function; at most four requests run at once, the others wait.

    Requests are not signed here: an address with AuthType AWS_IAM answers all with 403.
    """

    def __init__(self, function: str, auth_type: str) -> None:
        self._function = function
        self._is_open = auth_type == "NONE"
        self._server = Server(self._application)
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="function-url")
        self._server.start()

    @property
    def url(self) -> str:
        """The address."""
        return f"https://localhost:{self._server.port}/"

    @property
    def ca_pem(self) -> str:
        """The certificate of the CA that signed the address's own."""
        return self._server.ca_pem

    def close(self) -> None:
        """Stop listening."""
        self._server.close()
        self._threads.shutdown()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=_MOST_BYTES)
        application.router.add_route("*", "/{path:.*}", self._serve)
        return application

    async def _serve(self, request: web.Request) -> web.Response:
        if not self._is_open:
            return web.json_response(_FORBIDDEN, status=403)
        event = _event(request, await request.read())
        invocation = await asyncio.get_running_loop().run_in_executor(self._threads, self._invoke, event)
        if invocation is None or invocation.error:
            return web.json_response(_FAILED, status=502)
        return _response(invocation.result)

    def _invoke(self, event: Any) -> Invocation | None:
        pool = deployed.function(self._function)
        try:
            return pool.invoke(event) if pool else None
        except ClosedError:
            return None


def _event(request: web.Request, body: bytes) -> dict[str, Any]:
    """The event of payload format 2.0; a body of a text type is given as text, any other in base64."""
    is_text = request.content_type.startswith(_TEXTS)
    now = datetime.now(UTC)
    names = dict.fromkeys(name.lower() for name in request.headers)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": request.query_string,
        "headers": {name: ",".join(request.headers.getall(name)) for name in names},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "url",
            "domainName": request.host,
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.remote,
                "userAgent": request.headers.get("User-Agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "time": f"{now:%d/%b/%Y:%H:%M:%S +0000}",
            "timeEpoch": int(time.time() * 1000),
        },
        "isBase64Encoded": bool(body) and not is_text,
    }
    if request.query_string:
        event["queryStringParameters"] = dict(request.query)
    if body:
        event["body"] = body.decode("utf-8", "replace") if is_text else b64encode(body).decode()
    return event


def _response(result: Any) -> web.Response:
    if not isinstance(result, Mapping) or "statusCode" not in result:
        return web.Response(body=json.dumps(result).encode(), content_type="application/json")
    text = result.get("body") or ""
    body = b64decode(text) if result.get("isBase64Encoded") else str(text).encode()
    headers = {"Content-Type": "application/json", **result.get("headers", {})}
    return web.Response(status=int(result["statusCode"]), body=body, headers=headers)
