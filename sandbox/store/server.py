"""Runs an aiohttp application over TLS on a free port of this machine, in a thread of its own."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import cached_property

import trustme
from aiohttp import web

_STOP_SECONDS = 5.0
_CLOSE_SECONDS = 0.05
_MOMENT = 0.01


class Server:
    """Serves ``https://localhost:PORT`` with a certificate of its own CA; each start after the first keeps the port."""

    def __init__(self, application: Callable[[], web.Application]) -> None:
        self._application = application
        self._port = 0
        self._running: _Running | None = None

    @cached_property
    def ca_pem(self) -> str:
        """The CA's certificate, made when somebody wants it first."""
        return self._authority.cert_pem.bytes().decode()

    @cached_property
    def _authority(self) -> trustme.CA:
        return trustme.CA()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        return context

    @property
    def port(self) -> int:
        """The port; raises RuntimeError before the first start."""
        if not self._port:
            raise RuntimeError("the store has not been started")
        return self._port

    def start(self) -> None:
        """Listen; returns when connections are accepted. Raises RuntimeError if it does already."""
        if self._running is not None:
            raise RuntimeError("the store is running")
        running = _Running(self._application, self._tls, self._port)
        self._port = running.start()
        self._running = running

    def close(self) -> None:
        """Stop listening and end all connections; does nothing if it is not running."""
        if self._running is not None:
            self._running.stop()
            self._running = None


class _Running:
    def __init__(self, application: Callable[[], web.Application], tls: ssl.SSLContext, port: int) -> None:
        self._application, self._tls, self._wanted = application, tls, port
        self._bound: Future[int] = Future()
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()

    def start(self) -> int:
        self._thread.start()
        return self._bound.result()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=_CLOSE_SECONDS)
        await runner.setup()
        try:
            listening = await self._listen(runner)
        except OSError as error:
            self._bound.set_exception(error)
            return
        # Waits for the last socket to close, but only if it is asked before the server is closed.
        closed = asyncio.create_task(listening.wait_closed())
        self._bound.set_result(listening.sockets[0].getsockname()[1])
        await self._stop.wait()
        await _stop_listening(listening)
        await runner.cleanup()
        for handshake in asyncio.all_tasks() - {asyncio.current_task(), closed}:
            handshake.cancel()
        await asyncio.wait([closed], timeout=_STOP_SECONDS / 2)

    async def _listen(self, runner: web.AppRunner) -> asyncio.Server:
        assert runner.server is not None
        return await asyncio.get_running_loop().create_server(
            runner.server,
            "127.0.0.1",
            self._wanted,
            ssl=self._tls,
            ssl_shutdown_timeout=_CLOSE_SECONDS,
            reuse_address=True,
        )


async def _stop_listening(listening: asyncio.Server) -> None:
    # Accept no more, then let what was just accepted attach itself: asyncio leaks it if the server is closed before.
    asyncio.get_running_loop().remove_reader(listening.sockets[0].fileno())
    await asyncio.sleep(_MOMENT)
    listening.close()
