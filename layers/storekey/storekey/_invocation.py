"""One invocation of a function: how long it has, and what it has to tell when it ends."""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any

from ._observability import logger, write_metrics

# Kept back, so that a call that ran out of time can still be reported.
_MARGIN_SECONDS = 0.5
_LONGEST_SECONDS = 900.0

_Dimensions = tuple[tuple[str, str], ...]

_own: ContextVar[Invocation | None] = ContextVar("invocation", default=None)
_running: list[Invocation] = []


class Invocation:
    """Collects an invocation's metrics; safe with threads.

    ``started`` is on the wall clock, ``deadline`` on time.monotonic's, both in seconds.
    """

    def __init__(self, seconds: float = _LONGEST_SECONDS) -> None:
        self.started = time.time()
        self.deadline = time.monotonic() + seconds
        self._points: dict[tuple[_Dimensions, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._credentials: dict[str, tuple[str, bool]] = {}
        self._lock = Lock()

    def count(self, store_name: str, metric: str, value: float = 1.0, *, later: int = 0, **further: str) -> None:
        """Note one point of a metric of the store, so many seconds ``later``; ``further`` names more dimensions."""
        with self._lock:
            self._points[(("store", store_name), *further.items()), later][metric].append(value)

    def keep_back(self, seconds: float) -> None:
        """Let calls to the store end so many seconds earlier, for what has to be done after them."""
        self.deadline -= seconds

    def note_credentials(self, store_name: str, version: str, *, refused: bool) -> None:
        """Note whether the store refused a version of the credentials; the last word counts, one point an invocation.

        A version that was refused stays so here: an acceptance of it belongs to a request sent earlier.
        """
        with self._lock:
            if refused or self._credentials.get(store_name) != (version, True):
                self._credentials[store_name] = version, refused

    def finish(self) -> None:
        """Write what was noted."""
        with self._lock:
            for store_name, (_, refused) in self._credentials.items():
                self._points[(("store", store_name),), 0]["CredentialsRefused"] = [float(refused)]
            for (dimensions, later), values in self._points.items():
                write_metrics(dict(dimensions), values, later)
            self._points.clear()
            self._credentials.clear()


def lambda_handler(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Make a function a Lambda handler whose calls to the store end in time and are told of once, at its end.

    Without it every call to the store is an invocation of its own: it writes its own metrics, and nobody knows the
    time that is left.
    """

    @functools.wraps(handler)
    def handle(event: Any, context: Any) -> Any:
        logger().append_keys(request_id=getattr(context, "aws_request_id", None))
        running = Invocation(_seconds_left(context))
        token = _own.set(running)
        _running.append(running)
        try:
            return handler(event, context)
        finally:
            _running.remove(running)
            _own.reset(token)
            running.finish()

    return handle


@contextmanager
def invocation() -> Iterator[Invocation]:
    """Give the invocation that this code runs in; outside of one, one that ends with this block.

    In a thread that a handler started it is the handler's, as long as no other runs in this environment.
    """
    running = _running[:]
    outer = _own.get() or (running[0] if len(running) == 1 else None)
    inner = outer or Invocation()
    try:
        yield inner
    finally:
        if not outer:
            inner.finish()


@contextmanager
def rehearsal() -> Iterator[None]:
    """Run calls whose outcome is no news of the store: within the invocation's time, and without a metric."""
    with invocation() as running:
        unheard = Invocation(running.deadline - time.monotonic())
    token = _own.set(unheard)
    try:
        yield
    finally:
        _own.reset(token)


def _seconds_left(context: Any) -> float:
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return remaining() / 1000 - _MARGIN_SECONDS if remaining else _LONGEST_SECONDS
