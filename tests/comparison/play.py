"""Plays histories and faults while a driver syncs, and measures what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sandbox.store import Arriving, SandboxStore, Window
from tests.histories.corpus import History

from .drivers import Driver, Site, State
from .measure import Measured, Tally, tally
from .playback import Playback

# The tap needs the headers of a quota to start at all; nothing here is to be about meeting one.
_QUOTA = Window(limit=1_000_000, seconds=30)


@dataclass(frozen=True)
class Played:
    """What came of one history. ``name`` is what distinguishes it; ``skew`` is how far the store's clock was ahead."""

    system: str
    name: str
    skew: int
    tally: Tally


def play_history(driver: Driver, name: str, played: History) -> Played:
    """Play a history while a driver syncs."""
    with stocked(played.behaviour.orders, played.seed) as store:
        playback = Playback(store, played, counted=is_list)
        reader = Reader(store, driver)
        for run in played.runs:
            playback.begin(run)
            reader.sync(playback.now)
            playback.end()
        counts = tally(reader.syncs, store.snapshot("orders").values())
    return Played(driver.name, name, played.behaviour.clock_skew, counts)


def is_list(arriving: Arriving) -> bool:
    """Whether a request asks for a page of orders: those the corpus counts here, so that all meet the same changes."""
    return arriving.path.endswith("/orders")


class Reader:
    """Syncs one store with one driver again and again, and keeps what each sync did."""

    def __init__(self, store: SandboxStore, driver: Driver) -> None:
        self.syncs: list[Measured] = []
        self.errors: list[str] = []
        self._store, self._driver = store, driver
        self._account = store.create_token_account("reader")
        self._state: State = None

    def sync(self, now: float) -> Measured:
        """Sync once more."""
        self._store.clear_requests()
        sync = self._driver.sync(Site(self._store, self._account, now), self._state)
        self._state = sync.state
        requests = len(self._store.requests) + sync.requests_elsewhere
        self.syncs.append(Measured(sync.rows, requests, bool(sync.error)))
        self.errors.append(sync.error)
        return self.syncs[-1]


@contextmanager
def stocked(orders: int, seed: int) -> Iterator[SandboxStore]:
    """A running store with so many orders, whose quota nobody exhausts."""
    with SandboxStore(orders=orders, customers=20, products=20, seed=seed) as store:
        store.quota = _QUOTA
        yield store
