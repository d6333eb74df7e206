"""The commands ``aws`` and ``storekey`` for the shell of a page, forked from a process that has imported the command.

Each needs half a second of a busy machine for its imports, and the pages call them forty times. Arguments, folder,
variables and the three streams are the shell's own; tests/ops/ starts the command that people have.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import marshal
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from sandbox.processes import FORKS

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
# What the shell starts: it hands all that it was given to the process that forks, and ends as the command does.
ASKS = """#!{python} -IS
import marshal, os, socket, sys
told, telling = socket.socketpair()
with telling, socket.socket(fileno={asking}) as asking:
    asked = marshal.dumps((sys.argv, os.getcwd(), dict(os.environ)))
    socket.send_fds(asking, [asked], [0, 1, 2, telling.fileno()])
sys.exit(int.from_bytes(told.recv(1) or b"\\x80", "big"))
"""


class Commands(NamedTuple):
    """A folder for the front of a PATH, and the descriptors that a shell must pass on to what is in it."""

    folder: Path
    descriptors: tuple[int, ...]


@cache
def commands() -> Commands:
    """Start what forks, for as long as this process lives; where none may fork, the commands are the usual ones."""
    if not FORKS:
        return Commands(BIN, ())
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    return Commands(folder, tuple(_started(folder / name) for name in ("aws", "storekey")))


def _started(command: Path) -> int:
    asking, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command.write_text(ASKS.format(python=sys.executable, asking=asking.fileno()))
    command.chmod(0o755)
    with asked:
        forking = subprocess.Popen(
            [sys.executable, "-m", "tests.commands", command.name, str(asked.fileno())],
            cwd=ROOT,
            env={"PATH": os.defpath, "PYTHONPATH": f"{ROOT}:{ROOT}/layers/storekey"},
            stdin=subprocess.DEVNULL,
            pass_fds=[asked.fileno()],
        )
    atexit.register(forking.wait)
    atexit.register(asking.close)  # the last that is registered comes first
    return asking.fileno()


def fork_on(name: str, asked: socket.socket) -> None:
    """Fork a process each time that the command is asked for, until nobody can ask any more."""
    before = dict(os.environ)
    if name == "aws":
        main: Callable[[], Any] = importlib.import_module("awscli.clidriver").main
    else:
        importlib.import_module("sandbox.clients").share()
        main = partial(importlib.import_module("ops.cli").app, prog_name=name)
    set_meanwhile = dict(os.environ.items() - before.items())
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # each tells by itself how it has ended
    gc.freeze()
    while (packet := socket.recv_fds(asked, 1 << 17, 4))[0]:
        if not os.fork():
            asked.close()
            become(main, set_meanwhile, *packet[:2])
        for descriptor in packet[1]:
            os.close(descriptor)


def become(main: Callable[[], Any], variables: dict[str, str], asked: bytes, descriptors: list[int]) -> NoReturn:
    """Be the command that is asked for, to its end."""
    *streams, telling = descriptors
    sys.argv, folder, theirs = marshal.loads(asked)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables | theirs)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    status: Any = 1
    try:
        status = main()
    except SystemExit as ended:
        status = ended.code
    except BaseException:  # noqa: BLE001 - as Python ends a script
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(telling, bytes([status or 0]))
    os._exit(0)


if __name__ == "__main__":
    fork_on(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
