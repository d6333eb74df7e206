"""A process that has imported what every function imports from others, and becomes an environment when asked to.

An environment needs half a second of a busy machine for those imports, and tests start hundreds. Nothing of the
project is loaded before the fork: neither the layer nor a function, no variable and no path of either.

Started as ``nursery.py FD``, where FD is a socket of packets. Each asks for an environment: ``{"handler",
"directory", "variables"}`` with its channel, its output and the pipe that tells its exit status; the answer is the
process. The end of the socket ends this process, not the environments.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import select
import signal
import socket
import ssl
import sys
import tempfile
from pathlib import Path
from typing import Any

IMPORTED = (
    "aws_lambda_powertools.metrics",
    "aws_lambda_powertools.utilities.idempotency",
    "boto3.dynamodb.types",
    "msgspec",
    "requests",
)
SERVICES = ("dynamodb", "events", "lambda", "s3", "secretsmanager", "sns", "sqs")
LARGEST = 1 << 17


def warm() -> None:
    """Import what functions need, and read botocore's descriptions of the services that they call, for good."""
    for name in IMPORTED:
        importlib.import_module(name)
    import boto3.session  # noqa: PLC0415 - by the nursery alone, not by who starts one

    new: Any = boto3.session.Session("none", "none", region_name="us-east-1").client
    for name in SERVICES:
        new(name)
    _have_a_context_ready()
    gc.freeze()


def _have_a_context_ready() -> None:
    """Make a context that trusts certifi's list before it is asked for: each process gets one of its own by the fork.

    Reading that list takes longer than the import of the layer.
    """
    import certifi  # noqa: PLC0415 - by the nursery alone

    usual = ssl.create_default_context
    ready = [usual(cafile=certifi.where())]

    def create(*arguments: Any, **named: Any) -> ssl.SSLContext:
        wanted = not arguments and named == {"cafile": certifi.where()}
        return ready.pop() if wanted and ready else usual(*arguments, **named)

    ssl.create_default_context = create


class Nursery:
    """Forks, and tells how each environment has ended."""

    def __init__(self, asked: socket.socket) -> None:
        self._asked = asked
        self._statuses: dict[int, int] = {}
        self._ends, self._ended = os.pipe()
        os.set_blocking(self._ended, False)

    def serve(self) -> dict[str, Any] | None:
        """Fork as often as it is asked to. Returns None at the end, and in each new process what was asked for."""
        # A handler could be called in the midst of a fork, or of itself; so it only wakes this loop.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._ended, warn_on_full_buffer=False)
        asked = self._asked.fileno()
        while True:
            ready, _, _ = select.select([asked, self._ends], [], [])
            if self._ends in ready:
                os.read(self._ends, 1 << 12)
                self._reap()
            if asked not in ready:
                continue
            packet, descriptors, _, _ = socket.recv_fds(self._asked, LARGEST, 3)
            if not packet:
                return None
            channel, output, status = descriptors
            if not (pid := os.fork()):
                self._leave(status)
                return {**json.loads(packet), "channel": channel, "output": output}
            self._statuses[pid] = status
            os.close(channel)
            os.close(output)
            self._asked.send(str(pid).encode())

    def _leave(self, status: int) -> None:
        """Let go of all that is the nursery's, in a new process."""
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._asked.close()
        for descriptor in (self._ends, self._ended, status, *self._statuses.values()):
            os.close(descriptor)

    def _reap(self) -> None:
        while self._statuses:
            pid, ended = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            # Nobody asks any more where who asked has ended.
            with contextlib.suppress(BrokenPipeError), open(self._statuses.pop(pid), "w") as pipe:
                pipe.write(str(os.waitstatus_to_exitcode(ended)))


def become(asked: dict[str, Any]) -> None:
    """Make this process what a new one with these variables would be."""
    os.dup2(asked["output"], 1)
    os.dup2(asked["output"], 2)
    os.close(asked["output"])
    os.chdir(asked["directory"])
    os.environ.clear()
    os.environ.update(asked["variables"])
    tempfile.tempdir = None
    sys.path[:0] = asked["variables"]["PYTHONPATH"].split(os.pathsep)
    sys.modules.pop("sitecustomize", None)
    if importlib.util.find_spec("sitecustomize"):
        importlib.import_module("sitecustomize")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    from bootstrap import main  # type: ignore[import-not-found]
    from clients import share  # type: ignore[import-not-found]

    del sys.path[0]
    share()
    warm()
    if asked := Nursery(socket.socket(fileno=int(sys.argv[1]))).serve():
        become(asked)
        # Lambda too ends a process as it is; to take it down in order would touch, and so copy, all that is shared.
        os._exit(main(asked["handler"], str(asked["channel"])))
