"""A command on a terminal, with a person who types."""

from __future__ import annotations

import os
import pty
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent


def on_terminal(command: list[str], answers: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a command, answer its questions, and return its status and all that was shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execve(command[0], command, {"TERM": "xterm", **environment})
    shown, waiting = b"", list(answers)
    while piece := _read(terminal):
        shown += piece
        if waiting and shown.rstrip().endswith(b":"):
            time.sleep(0.2)  # getpass turns the echo off after its prompt
            os.write(terminal, f"{waiting.pop(0)}\n".encode())
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""
