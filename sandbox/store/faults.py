"""Answers that go wrong, as a client sees them on the wire."""

from __future__ import annotations

import asyncio
import threading
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from aiohttp import web

from .replies import json_reply
from .wire import Wire, body_of, head_of

Genuine = Callable[[], Awaitable[web.Response]]
_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way of answering wrongly. ``after`` is a delay in seconds before the answer's first byte."""

    after: float = 0.0

    async def play(self, genuine: Genuine) -> web.StreamResponse:
        """The answer. ``genuine`` does what the request asks and gives the answer that would have been right."""
        return await genuine()


@dataclass(frozen=True)
class Slow(Fault):
    """The genuine answer, ``after`` seconds late."""


@dataclass(frozen=True)
class Answer(Fault):
    """Another answer instead of the genuine one: bytes as they are, text as HTML, anything else as JSON.

    ``raw_encoding`` is only a label: the body is sent as it is under that Content-Encoding. ``accepted_only`` leaves
    the store's own refusal (401, 403, 429 ...) as it is and answers so only where it would have answered 2xx.
    """

    status: int
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw_encoding: str | None = None
    accepted_only: bool = False

    async def play(self, genuine: Genuine) -> web.StreamResponse:
        """The given answer."""
        if self.accepted_only:
            own = await genuine()
            if own.status >= 300:
                return own
        answer = self._made()
        answer.headers.update(self.headers)
        if self.raw_encoding:
            answer.headers["Content-Encoding"] = self.raw_encoding
        return answer

    def _made(self) -> web.Response:
        if isinstance(self.body, bytes):
            return web.Response(status=self.status, body=self.body, content_type="application/json")
        if isinstance(self.body, str):
            return web.Response(status=self.status, text=self.body, content_type="text/html")
        return json_reply(self.status, self.body).response()


@dataclass(frozen=True)
class Redirect(Fault):
    """The store's address is another one."""

    location: str
    status: int = 301

    async def play(self, genuine: Genuine) -> web.StreamResponse:
        """A redirect without a body."""
        return web.Response(status=self.status, headers={"Location": self.location})


@dataclass(frozen=True)
class Reset(Fault):
    """The connection is reset before any byte, after the headers, or in the middle of the genuine answer's body.

    ``when="request"`` leaves the request undone; the two others have done it.
    """

    when: Literal["request", "headers", "body"] = "request"

    async def play(self, genuine: Genuine) -> web.StreamResponse:
        """As much of the genuine answer as is due, then a TCP reset."""
        if self.when == "request":
            return Wire(0, [], "reset")
        answer = await genuine()
        body = body_of(answer)
        sent = body[: len(body) // 2] if self.when == "body" else b""
        return Wire(answer.status, [head_of(answer, len(body)) + sent], "reset")


@dataclass(frozen=True)
class Truncate(Fault):
    """Half of the genuine body under its whole Content-Length, then an orderly end of the connection."""

    async def play(self, genuine: Genuine) -> web.StreamResponse:
        """The genuine headers and half of the body."""
        answer = await genuine()
        body = body_of(answer)
        return Wire(answer.status, [head_of(answer, max(1, len(body))) + body[: len(body) // 2]], "close")


@dataclass(frozen=True)
class Drip(Fault):
    """The genuine answer's body byte by byte, ``seconds`` apart; with ``headers`` the header's bytes too."""

    seconds: float
    headers: bool = False

    async def play(self, genuine: Genuine) -> web.StreamResponse:
        """The genuine answer, slowly."""
        answer = await genuine()
        head, body = head_of(answer, len(body_of(answer))), body_of(answer)
        drops = head + body if self.headers else body
        first = [] if self.headers else [head]
        return Wire(answer.status, [*first, *(drops[i : i + 1] for i in range(len(drops)))], "close", self.seconds)


@cache
def _packed(unpacked_bytes: int, text: bool) -> bytes:
    packer = zlib.compressobj(wbits=31)
    fill, quote = (b"x", b'"') if text else (b"\0", b"")
    size = unpacked_bytes - 2 * len(quote)
    whole, rest = divmod(size, _CHUNK)
    pieces = [quote, *[fill * _CHUNK] * whole, fill * rest, quote]
    return b"".join([*map(packer.compress, pieces), packer.flush()])


@dataclass(frozen=True)
class Bomb(Fault):
    """A small gzip body that unpacks to ``unpacked_bytes``: zeros, or with ``text`` one valid JSON string."""

    unpacked_bytes: int
    text: bool = False

    async def play(self, genuine: Genuine) -> web.StreamResponse:
        """The bomb, with status 200."""
        return _gzipped(200, await asyncio.to_thread(_packed, self.unpacked_bytes, self.text))


@dataclass(frozen=True)
class BadGzip(Fault):
    """The genuine body as gzip whose second half is no deflate data."""

    async def play(self, genuine: Genuine) -> web.StreamResponse:
        """The genuine status with a body that cannot be unpacked."""
        answer = await genuine()
        body = body_of(answer)
        packer = zlib.compressobj(wbits=31)
        half = packer.compress(body[: len(body) // 2]) + packer.flush(zlib.Z_FULL_FLUSH)
        # Bits 11x begin a block of a type that does not exist.
        return _gzipped(answer.status, half + b"\xff" * 16)


class Faults:
    """The faults that wait for requests; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plans: list[_Plan] = []

    def plan(self, fault: Fault, times: int | None, path: str | None) -> None:
        """Let the next ``times`` requests (None: all) whose path contains ``path`` go wrong."""
        with self._lock:
            self._plans.append(_Plan(fault, times, path))

    def heal(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._plans.clear()

    def take(self, path: str) -> Fault | None:
        """The fault for a request, the one planned first if there are several."""
        with self._lock:
            due = next((plan for plan in self._plans if plan.path is None or plan.path in path), None)
            if due is not None and due.left is not None:
                due.left -= 1
            self._plans = [plan for plan in self._plans if plan.left is None or plan.left > 0]
        return due.fault if due else None


@dataclass
class _Plan:
    fault: Fault
    left: int | None
    path: str | None


def _gzipped(status: int, body: bytes) -> web.Response:
    headers = {"Content-Encoding": "gzip"}
    return web.Response(status=status, body=body, headers=headers, content_type="application/json")
