"""Waiting for what AWS does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable

PAUSE = 5.0


def pause() -> None:
    """Let some seconds pass; a test on this machine lets its own clocks pass instead."""
    time.sleep(PAUSE)


def wait_until(what: Callable[[], object], patience: float) -> bool:
    """Wait until ``what`` comes true, for ``patience`` seconds at most; tell whether it did."""
    until = time.monotonic() + patience
    while not what():
        if time.monotonic() >= until:
            return False
        pause()
    return True
