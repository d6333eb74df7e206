"""The way of a request: its fault, the door, its quota, its route; and what was seen of it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from .accounts import Accounts
from .api import answer_errors, routes
from .dates import http_date
from .door import admit
from .faults import Faults
from .query import BadParameterError, TooManyError
from .quota import Meter, meter
from .shop import Shop

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Seen:
    """A request that the store saw, and the status of its answer (0: the connection was reset before one)."""

    method: str
    path: str
    query: dict[str, str]
    status: int
    at: float
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class App:
    """Serves one shop to its accounts."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.accounts = Accounts()
        self.faults = Faults()
        self.meter: Meter = meter(None)
        self._seen: list[Seen] = []
        self._lock = threading.Lock()

    def application(self) -> web.Application:
        """A new aiohttp application, for one start of the server."""
        application = web.Application(middlewares=[self._serve])
        application.add_routes(routes(self.shop))
        return application

    def seen(self) -> list[Seen]:
        """All requests so far, in the order of their answers."""
        with self._lock:
            return list(self._seen)

    def forget(self) -> None:
        """Forget the requests so far."""
        with self._lock:
            self._seen.clear()

    @web.middleware
    async def _serve(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        arrived, body = time.time(), await request.read()
        fault = self.faults.take(request.path)

        async def genuine() -> web.Response:
            answer = await self._genuine(request, handler)
            answer.headers["Date"] = http_date(self.shop.now())
            return answer

        answer = await (fault.play(genuine) if fault else genuine())
        answer.headers["Date"] = http_date(self.shop.now())
        self._note(request, answer.status, arrived, body)
        await asyncio.sleep(self.shop.settings.latency + (fault.after if fault else 0.0))
        return answer

    async def _genuine(self, request: web.Request, handler: _Handler) -> web.Response:
        account = admit(self.accounts, request)
        if isinstance(account, web.Response):
            return account
        headers, refusal = self.meter.count(account)
        answer = refusal or await _routed(request, handler)
        answer.headers.update(headers)
        return answer

    def _note(self, request: web.Request, status: int, arrived: float, body: bytes) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        seen = Seen(request.method, request.path, dict(request.query), status, arrived, headers, body)
        with self._lock:
            self._seen.append(seen)


async def _routed(request: web.Request, handler: _Handler) -> web.Response:
    try:
        answer = await handler(request)
    except (BadParameterError, TooManyError, web.HTTPException) as error:
        return answer_errors(request, error)
    assert isinstance(answer, web.Response)
    return answer
