"""Writes answers past the HTTP library, byte for byte."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from typing import Literal

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

# Long enough for the bytes before a reset to reach the client.
_SETTLE = 0.02


class Wire(web.StreamResponse):
    """An answer written past the HTTP library, which would not write a wrong one."""

    def __init__(self, status: int, pieces: list[bytes], ending: Literal["close", "reset"], pause: float = 0.0) -> None:
        super().__init__(status=status)
        self._pieces, self._ending, self._pause = pieces, ending, pause

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write everything, then end the connection."""
        self.force_close()
        transport = request.transport
        async for piece in self._paced():
            if transport is None or transport.is_closing():
                return None
            transport.write(piece)
        if transport is not None and self._ending == "reset":
            await _flushed(transport)
            _reset(transport)
        elif transport is not None:
            transport.close()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to write."""

    async def _paced(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
            if self._pause:
                await asyncio.sleep(self._pause)


async def _flushed(transport: asyncio.Transport) -> None:
    while transport.get_write_buffer_size() and not transport.is_closing():
        await asyncio.sleep(_SETTLE)
    await asyncio.sleep(_SETTLE)


def _reset(transport: asyncio.Transport) -> None:
    connection = transport.get_extra_info("socket")
    if connection is not None:
        # Lingering for zero seconds turns the close into a reset.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def body_of(answer: web.Response) -> bytes:
    """The body's bytes."""
    return bytes(answer.body) if isinstance(answer.body, bytes | bytearray) else b""


def head_of(answer: web.Response, length: int) -> bytes:
    """The status line and headers' bytes, with the given Content-Length."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    return f"HTTP/1.1 {answer.status} {answer.reason}\r\n{headers}Content-Length: {length}\r\n\r\n".encode()
