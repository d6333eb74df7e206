"""The environments of a function as its callers share them: a warm one that is idle, or else a new one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .functions import Configuration, Function, Invocation


class ClosedError(RuntimeError):
    """The stack has been closed, and its functions run no more."""


class Pool:
    """As many environments of a function as it is invoked at the same time, and what they printed.

    ``timeout`` in seconds overrides the template's, ``variables`` are set in environments that are still to be made.
    """

    def __init__(self, configure: Callable[[dict[str, str]], Configuration]) -> None:
        self.timeout: float | None = None
        self.variables: dict[str, str] = {}
        self._configure = configure
        self._lock = threading.Lock()
        self._idle: list[Function] = []
        self._busy: list[Function] = []
        self._printed: list[str] = []
        self._closed = False

    @property
    def environments(self) -> list[Function]:
        """All environments, those at work first."""
        with self._lock:
            return [*self._busy, *self._idle]

    @property
    def logs(self) -> str:
        """All that was printed by invocations that have ended, in the order of their ends."""
        return "".join(self._printed)

    def invoke(self, event: Any = None) -> Invocation:
        """Run the handler once, beside whatever runs already. Raises ClosedError after close()."""
        function = self._take()
        try:
            invocation = function.invoke(event, self.timeout)
            self._printed.append(invocation.logs)
        finally:
            self._give_back(function)
        return invocation

    def close(self) -> None:
        """End all environments, also those at work, whose invocations fail."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = list(self._busy)
        for function in idle:
            function.close()
        for function in busy:
            function.kill()

    def _take(self) -> Function:
        with self._lock:
            if self._closed:
                raise ClosedError
            function = self._idle.pop() if self._idle else Function(self._configure(self.variables))
            self._busy.append(function)
        return function

    def _give_back(self, function: Function) -> None:
        with self._lock:
            self._busy.remove(function)
            if not self._closed:
                self._idle.append(function)
                return
        function.close()
