"""Hosts to which the store sends nothing for the moment, because too many deliveries to them failed."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from .rows import Json

# BigCommerce, "Webhooks Overview", callback retry mechanism; seconds.
WINDOW, BLOCKED = 120.0, 180.0
FEWEST, LEAST_SUCCESS = 100, 0.9


@dataclass
class _Place:
    sends: deque[tuple[float, bool]] = field(default_factory=deque)
    failures: int = 0
    until: float = 0.0
    reasons: list[Json] = field(default_factory=list)

    def note(self, now: float, window: float, ok: bool) -> None:
        self.sends.append((now, ok))
        self.failures += not ok
        while self.sends[0][0] < now - window:
            self.failures -= not self.sends.popleft()[1]

    @property
    def fails(self) -> bool:
        count = len(self.sends)
        return count >= FEWEST and (count - self.failures) / count < LEAST_SUCCESS


class Blocks:
    """Each host is judged, and blocked, for each client by itself; ``scale`` shortens all times. Safe with threads."""

    def __init__(self, scale: Callable[[], float], clock: Callable[[], float] = time.monotonic) -> None:
        self._scale = scale
        self._clock = clock
        self._lock = threading.Lock()
        self._places: dict[tuple[str, str], _Place] = {}

    def note(self, host: str, client_id: str, ok: bool) -> None:
        """Count what was sent; block the host for the client where it fails too often."""
        now, scale = self._clock(), self._scale()
        with self._lock:
            place = self._places.setdefault((host, client_id), _Place())
            place.note(now, WINDOW * scale, ok)
            if place.fails:
                reason = {"failure_description": "deliveries failed", "count": place.failures}
                reasons = [{**reason, "timestamp": int(time.time())}]
                self._places[host, client_id] = _Place(until=now + BLOCKED * scale, reasons=reasons)

    def block(self, host: str, seconds: float, client_id: str = "") -> None:
        """Block a host for so many seconds, which nothing scales; for all clients where none is named."""
        with self._lock:
            self._places[host, client_id] = _Place(until=self._clock() + seconds)

    def left(self, host: str, client_id: str) -> float:
        """For how many seconds a host is still blocked for a client; 0 where it is not."""
        now = self._clock()
        return max([0.0, *(place.until - now for place in self._about(host, client_id))])

    def reasons(self, host: str, client_id: str) -> list[Json]:
        """Why a host is blocked for a client, as the API tells it."""
        return [reason for place in self._about(host, client_id) for reason in place.reasons]

    def _about(self, host: str, client_id: str) -> list[_Place]:
        with self._lock:
            found = (self._places.get((host, whose)) for whose in (client_id, ""))
            return [place for place in found if place is not None]
