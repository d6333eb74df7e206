"""The credentials in a warm environment: read on first use, kept for minutes, read again after a 401.

Why not Powertools' parameters: docs/decisions/0003-own-credentials-cache.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from ._credentials import Credentials, Problem

REFUSAL_SECONDS = 30.0


@dataclass(frozen=True)
class Version:
    """One version of the secret: its id, when it was made, and what it holds (or why that cannot be used)."""

    id: str
    created: datetime
    holds: Credentials | Problem


@dataclass(frozen=True)
class Held:
    """A version as it was read; ``reading`` counts the readings, ``at`` is the wall clock in seconds."""

    version: Version
    reading: int
    at: float


def _wall_clock() -> float:
    """Return seconds that also count while an environment stands frozen, which a monotonic clock need not do."""
    return time.time()


@dataclass
class CredentialsCache:
    """Keeps the live version of the secret for ``max_age`` seconds at most.

    ``read`` fetches the version, or None while the secret is empty. Safe with threads: those that want a reading at
    the same time share one.
    """

    read: Callable[[], Version | None]
    max_age: float
    clock: Callable[[], float] = _wall_clock
    _held: Held | None = None
    _refused: tuple[str, float] | None = None
    _readings: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def get(self) -> Held | None:
        """Return what is held, reading where nothing is, where it is too old, or where it was refused lately."""
        with self._lock:
            fresh = self._held and 0 <= self.clock() - self._held.at < self.max_age
            return self._held if fresh and not self._refused_lately() else self._read()

    def get_after(self, seen: Held) -> Held | None:
        """Return a reading later than ``seen``: the one that another thread has made meanwhile, or a new one."""
        with self._lock:
            later = self._held and self._held.reading > seen.reading
            return self._held if later else self._read()

    def refuse(self, held: Held) -> None:
        """Remember that the store refused this version."""
        with self._lock:
            self._refused = (held.version.id, self.clock())

    def accept(self, held: Held) -> None:
        """Forget a refusal of this version: the store accepts it."""
        with self._lock:
            if self._refused and self._refused[0] == held.version.id:
                self._refused = None

    def is_refused(self, held: Held) -> bool:
        """Tell whether the store refused this very version in the last 30 seconds."""
        with self._lock:
            return self._refused_lately() and self._refused is not None and self._refused[0] == held.version.id

    def last(self) -> Held | None:
        """Return the last reading, however old."""
        return self._held

    def _refused_lately(self) -> bool:
        return self._refused is not None and 0 <= self.clock() - self._refused[1] < REFUSAL_SECONDS

    def _read(self) -> Held | None:
        version = self.read()
        self._readings += 1
        self._held = Held(version, self._readings, self.clock()) if version else None
        return self._held
