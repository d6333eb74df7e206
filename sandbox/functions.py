"""Starts the project's functions as Lambda starts them: each in a process and an environment of its own."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from .processes import COVERAGE, started

# Lambda allows ten; an import on a busy machine may take longer and would only make tests flicker.
INIT_SECONDS = 60.0
CLOSE_SECONDS = 5.0
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_SESSION_TOKEN": "testing"}
"""An operator's, who may do all."""


@dataclass(frozen=True)
class Invocation:
    """The outcome of one invocation.

    ``error`` is None or Lambda's report: errorType, errorMessage and stackTrace. ``logs`` is all that was printed since
    the last invocation. ``seconds`` leaves out the start of the environment; ``cold`` tells whether there was one.
    """

    result: Any
    error: dict[str, Any] | None
    logs: str
    seconds: float
    cold: bool


@dataclass(frozen=True)
class Configuration:
    """What a function's environment is made from; timeout in seconds, memory in MB, ``role`` the access key of one."""

    name: str
    arn: str
    handler: str
    code: Path
    layers: Sequence[Path] = ()
    timeout: float = 3.0
    memory: int = 128
    region: str = "us-east-1"
    role: str = CREDENTIALS["AWS_ACCESS_KEY_ID"]
    variables: Mapping[str, str] = field(default_factory=dict)

    def environment(self, home: str) -> dict[str, str]:
        """Return all the variables that the process gets. ``home`` is its private folder, as /tmp is in Lambda."""
        return {
            **CREDENTIALS,
            "AWS_ACCESS_KEY_ID": self.role,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "_HANDLER": self.handler,
            "LAMBDA_TASK_ROOT": str(self.code),
            "PATH": os.defpath,
            "PYTHONPATH": os.pathsep.join(map(str, [self.code, *self.layers])),
            "HOME": home,
            "TMPDIR": home,
            **{name: os.environ[name] for name in COVERAGE if name in os.environ},
            **self.variables,
        }


class Function:
    """One warm environment of a function: started by the first invocation, and anew after a time-out or a crash.

    Invocations of one environment follow one another; use several Functions for several at a time. Use it as a context
    manager, or close() it.
    """

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self._lock = threading.Lock()
        self._process: _Process | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process of the environment while there is one."""
        return self._process.pid if self._process else None

    def invoke(self, event: Any = None, timeout: float | None = None) -> Invocation:
        """Run the handler once with an event (``{}`` when None) and wait for its answer.

        ``timeout`` in seconds overrides the template's. An error of the function is in the answer, never raised.
        """
        with self._lock:
            cold = self._process is None
            process = self._process = self._process or _Process(self.configuration)
            started = time.monotonic()
            reply = process.start() if cold else {}
            if "error" not in reply:
                started = time.monotonic()
                reply = process.invoke({} if event is None else event, timeout or self.configuration.timeout)
            seconds = time.monotonic() - started
            logs = process.logs()
            if process.ended:
                self._end()
        return Invocation(reply.get("result"), reply.get("error"), logs, seconds, cold)

    def close(self) -> None:
        """End the environment and whatever it started; the next invocation is cold."""
        with self._lock:
            self._end()

    def kill(self) -> None:
        """End the environment at once; an invocation that it is about fails as it does in a crash."""
        while self._lock.locked():
            if process := self._process:
                process.signal(signal.SIGKILL)
            time.sleep(0.01)
        self.close()

    def _end(self) -> None:
        if self._process:
            self._process.close()
            self._process = None


class _Process:
    """The child and the channel to it. ``ended`` is set when it can answer no more."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._home = tempfile.TemporaryDirectory(prefix="function-")
        # A file, not pipes: it needs no thread that empties it and keeps the order of the two streams.
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._read = 0
        self._buffer = b""
        self.ended = False
        self._channel, theirs = socket.socketpair()
        with theirs:
            variables = configuration.environment(self._home.name)
            self._child = started(configuration.handler, configuration.code, variables, theirs, self._output)

    @property
    def pid(self) -> int:
        return self._child.pid

    def start(self) -> dict[str, Any]:
        reply = self._reply(INIT_SECONDS, "")
        self.ended = "error" in reply
        return reply

    def invoke(self, event: Any, timeout: float) -> dict[str, Any]:
        invocation = {
            "event": event,
            "request_id": (request_id := str(uuid.uuid4())),
            "arn": self._configuration.arn,
            "deadline": time.time() + timeout,
            "trace": f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0",
        }
        # A child that has died in the meantime shows itself by the end of the stream.
        with contextlib.suppress(OSError):
            self._channel.settimeout(timeout)
            self._channel.sendall(json.dumps(invocation).encode() + b"\n")
        return self._reply(timeout, request_id)

    def logs(self) -> str:
        """Return what was printed since the last call. The child shares the file's position, so it is not moved."""
        end = os.fstat(self._output.fileno()).st_size
        printed = os.pread(self._output.fileno(), end - self._read, self._read)
        self._read = end
        return printed.decode("utf-8", "replace")

    def close(self) -> None:
        """End the child by the end of its stream, so that it can save its coverage; by signals if it does not heed."""
        self._channel.close()
        self._wait()
        self.signal(signal.SIGKILL)  # what the function itself has started and left behind
        self._output.close()
        self._home.cleanup()

    def _reply(self, timeout: float, request_id: str) -> dict[str, Any]:
        try:
            line = self._line(time.monotonic() + timeout)
        except TimeoutError:
            self.ended = True
            self.signal(signal.SIGKILL)
            return _failure("Sandbox.Timedout", request_id, f"Task timed out after {timeout:.2f} seconds")
        if line is None:
            self.ended = True
            return _failure("Runtime.ExitError", request_id, f"Runtime exited with status {self._wait()}")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def _line(self, deadline: float) -> bytes | None:
        """Return the next line, None at the end of the stream. Raises TimeoutError."""
        while b"\n" not in self._buffer:
            self._channel.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                received = self._channel.recv(1 << 16)
            except ConnectionResetError:
                received = b""
            if not received:
                return None
            self._buffer += received
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _wait(self) -> int:
        for signum in (signal.SIGTERM, signal.SIGKILL):
            try:
                return self._child.wait(CLOSE_SECONDS)
            except subprocess.TimeoutExpired:
                self.signal(signum)
        return self._child.wait()

    def signal(self, signum: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signum)


def _failure(kind: str, request_id: str, message: str) -> dict[str, Any]:
    return {"error": {"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {message}", "stackTrace": []}}
