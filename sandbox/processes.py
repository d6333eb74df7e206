"""How the process of an environment begins: forked by the nursery, or as any other where lines are counted."""

from __future__ import annotations

import atexit
import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO, Protocol

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
NURSERY = Path(__file__).with_name("nursery.py")
COVERAGE = ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
# Elsewhere the system's own libraries may have started threads by then, which no fork survives.
FORKS = sys.platform == "linux"


class Process(Protocol):
    """What there is to know of one; the names are those of subprocess.Popen."""

    pid: int

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status. Raises subprocess.TimeoutExpired after as many seconds."""


def started(
    handler: str, directory: Path, variables: Mapping[str, str], channel: socket.socket, output: IO[bytes]
) -> Process:
    """Run bootstrap.py in a session of its own with these variables; coverage counts from a process's first line."""
    if FORKS and not any(name in variables for name in COVERAGE):
        return _nursery().start(handler, directory, variables, channel, output)
    return subprocess.Popen(
        [sys.executable, *_flags(), str(BOOTSTRAP), handler, str(channel.fileno())],
        cwd=directory,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=[channel.fileno()],
        start_new_session=True,
    )


class _Nursery:
    """The other end of nursery.py."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._packets, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, *_flags(), str(NURSERY), str(theirs.fileno())],
                env={"PATH": os.defpath},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def start(
        self, handler: str, directory: Path, variables: Mapping[str, str], channel: socket.socket, output: IO[bytes]
    ) -> Process:
        asked = json.dumps({"handler": handler, "directory": str(directory), "variables": dict(variables)})
        reading, writing = os.pipe()
        try:
            with self._lock:
                socket.send_fds(self._packets, [asked.encode()], [channel.fileno(), output.fileno(), writing])
                if pid := self._packets.recv(64):
                    return _Forked(int(pid), reading)
            raise RuntimeError("the process that forks environments has ended")
        finally:
            os.close(writing)

    def close(self) -> None:
        self._packets.close()
        self._process.wait()


class _Forked:
    """A process that the nursery waits for; it writes the exit status into a pipe."""

    def __init__(self, pid: int, status: int) -> None:
        self.pid = pid
        self._pipe = open(status)  # noqa: SIM115 - a descriptor, read when the process has ended
        self._status: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        if self._status is None:
            poll = select.poll()
            poll.register(self._pipe, select.POLLIN)
            if not poll.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired("an environment", timeout or 0)
            with self._pipe as pipe:
                self._status = int(pipe.read())
        return self._status


@cache
def _nursery() -> _Nursery:
    nursery = _Nursery()
    atexit.register(nursery.close)
    return nursery


def _flags() -> list[str]:
    """Unbuffered, UTF-8, nothing of the user's on the path, byte code where this process has it."""
    kept = ["-X", f"pycache_prefix={sys.pycache_prefix}"] if sys.pycache_prefix else []
    flags = ["-u", "-s", "-P", "-X", "utf8", *kept]
    return [*flags, "-B"] if sys.dont_write_bytecode else flags
