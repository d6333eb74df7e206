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
    """A version as it was read; ``since`` is when that reading began, in seconds of the cache's clock."""

    version: Version
    since: float


def wall_clock() -> float:
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
    clock: Callable[[], float] = wall_clock
    _held: Held | None = None
    _refused: tuple[str, float] | None = None
    _reading: Lock = field(default_factory=Lock, repr=False)

    def get(self, not_before: float, fresh: bool = False) -> Held | None:
        """Return what is held, or read where nothing is or it is too old.

        A reading from ``not_before`` or later is asked for where it must be ``fresh``, where the store refused a
        version lately, and where what is held cannot be used: there an updated secret is all that helps.
        """
        return self._unless(lambda held: self._good(held, not_before, fresh))

    def get_after(self, seen: Held, answered: float) -> Held | None:
        """Return another version than the refused one that was ``seen``, or else a reading begun since the answer."""
        return self._unless(lambda held: held.version.id != seen.version.id or held.since >= answered)

    def refuse(self, held: Held) -> None:
        """Remember that the store refused this version."""
        self._refused = (held.version.id, self.clock())

    def accept(self, held: Held) -> None:
        """Forget a refusal of this version: the store accepts it."""
        if self._refused and self._refused[0] == held.version.id:
            self._refused = None

    def is_refused(self, held: Held) -> bool:
        """Tell whether the store refused this very version in the last 30 seconds."""
        refused = self._refused
        return refused is not None and refused[0] == held.version.id and self._age(refused[1]) < REFUSAL_SECONDS

    def last(self) -> Held | None:
        """Return the last reading, however old."""
        return self._held

    def _good(self, held: Held, not_before: float, fresh: bool) -> bool:
        refused_lately = self._refused is not None and self._age(self._refused[1]) < REFUSAL_SECONDS
        doubtful = fresh or refused_lately or isinstance(held.version.holds, Problem)
        return self._age(held.since) < self.max_age and (not doubtful or held.since >= not_before)

    def _age(self, since: float) -> float:
        """Return the seconds since then; endless where the clock jumped back, for that proves nothing."""
        age = self.clock() - since
        return age if age >= 0 else float("inf")

    def _unless(self, good: Callable[[Held], bool]) -> Held | None:
        held = self._held
        if held and good(held):
            return held
        with self._reading:
            if self._held and good(self._held):
                return self._held
            since = self.clock()
            version = self.read()
            self._held = Held(version, since) if version else None
            return self._held
