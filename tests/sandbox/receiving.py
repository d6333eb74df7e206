"""Who receives what the pretend store delivers to webhooks."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

from aiohttp import web

from sandbox.store.server import Server

ORDER = {"type": "order", "id": 100}


@dataclass
class Receiver:
    """Receives over TLS what is delivered; answers after ``seconds`` with the next of ``statuses``, else ``status``."""

    statuses: list[int] = field(default_factory=list)
    status: int = 200
    seconds: float = 0.0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    server: Server = field(init=False)

    def __post_init__(self) -> None:
        self.server = Server(self._application)

    def _application(self) -> web.Application:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._take)
        return application

    async def _take(self, request: web.Request) -> web.Response:
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        await asyncio.sleep(self.seconds)
        return web.Response(status=self.statuses.pop(0) if self.statuses else self.status)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.server.port}/"

    @property
    def scopes(self) -> list[str]:
        return sorted(json.loads(body)["scope"] for _, body in self.got)
