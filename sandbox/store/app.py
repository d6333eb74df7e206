"""The way of a request: who watches it, its fault, the door, its quota, its route; and what was seen of it."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from .accounts import STORE_HASH, Accounts
from .api import Api
from .dates import http_date
from .door import admit
from .faults import Fault, Faults
from .hook_routes import hook_routes
from .hooks import Hooks
from .quota import Meter, meter
from .replies import Reply, error_reply
from .settings import Arriving
from .shop import Shop

_LOG = logging.getLogger(__name__)


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
    """Serves one shop to its accounts, and to whoever holds it in this process."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.accounts = Accounts()
        self.faults = Faults()
        self.meter: Meter = meter(None)
        self.hooks = Hooks(shop.settings, shop.now)
        self._api = Api(shop, hook_routes(self.hooks))
        self._seen: list[Seen] = []
        self._arrived = 0
        self._failure: BaseException | None = None
        self._lock = threading.Lock()

    def application(self) -> web.Application:
        """A new aiohttp application, for one start of the server."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._serve)
        return application

    def get(self, path: str, query: Mapping[str, object]) -> Reply:
        """Answer a GET of a path below the store's root, without a network, an account, quotas or faults."""
        whole, params = f"/stores/{STORE_HASH}/{path}", {name: str(value) for name, value in query.items()}
        begun = time.time()
        self._announce("GET", whole, params)
        answer = self._api.answer("GET", whole, params)
        self._note(Seen("GET", whole, params, answer.status, begun, {}, b""))
        return answer

    def seen(self) -> list[Seen]:
        """All requests so far, in the order of their answers."""
        with self._lock:
            return list(self._seen)

    def forget(self) -> None:
        """Forget the requests so far."""
        with self._lock:
            self._seen.clear()
            self._arrived = 0

    def failure(self) -> BaseException | None:
        """What ``before_request`` raised, told once."""
        failure, self._failure = self._failure, None
        return failure

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        arrived, body, params = time.time(), await request.read(), _params(request)
        fault: Fault | None = None
        answer: web.StreamResponse | None = self._watched(request.method, request.path, params)
        if answer is None:
            fault = self.faults.take(request.path)
            answer = await self._answer(request, params, body, fault)
        answer.headers["Date"] = http_date(self.shop.now())
        headers = {name.lower(): value for name, value in request.headers.items()}
        self._note(Seen(request.method, request.path, params, answer.status, arrived, headers, body))
        await asyncio.sleep(self.shop.settings.latency + (fault.after if fault else 0.0))
        return answer

    async def _answer(
        self, request: web.Request, params: dict[str, str], body: bytes, fault: Fault | None
    ) -> web.StreamResponse:
        async def genuine() -> web.Response:
            answer = self._genuine(request, params, body)
            answer.headers["Date"] = http_date(self.shop.now())
            return answer

        return await (fault.play(genuine) if fault else genuine())

    def _genuine(self, request: web.Request, params: dict[str, str], body: bytes) -> web.Response:
        account = admit(self.accounts, request)
        if isinstance(account, web.Response):
            return account
        headers, refusal = self.meter.count(account)
        answer = refusal or self._api.answer(request.method, request.path, params, body, account).response()
        answer.headers.update(headers)
        return answer

    def _watched(self, method: str, path: str, params: dict[str, str]) -> web.Response | None:
        # An error in a thread fails no test, and a client may well survive one 500: so it is kept and nothing answered.
        if self._failure is None:
            try:
                self._announce(method, path, params)
            except BaseException as error:  # noqa: BLE001 - kept, and raised by close()
                _LOG.exception("before_request failed")
                self._failure = error
        if self._failure is None:
            return None
        return error_reply(path, 500, f"before_request failed: {self._failure!r}").response()

    def _announce(self, method: str, path: str, params: dict[str, str]) -> None:
        with self._lock:
            self._arrived += 1
            number = self._arrived
        watch = self.shop.settings.before_request
        if watch is not None:
            watch(Arriving(number, method, path, dict(params)))

    def _note(self, seen: Seen) -> None:
        with self._lock:
            self._seen.append(seen)


def _params(request: web.Request) -> dict[str, str]:
    # A name given twice counts once, but for include.
    params = dict(request.query)
    if "include" in params:
        params["include"] = ",".join(request.query.getall("include"))
    return params
