"""Measures the first sync of all orders against other systems: wall-clock time and requests, at a store that answers at
once and at one that takes 50 ms.

Ours exports orders with their lines to S3; the others read orders and hand them to their caller. Each is a process (or,
of ours, an environment) of its own, started for the measurement; its start counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.table import Table

from sandbox.aws import Stack
from sandbox.store import SandboxStore, Window
from tests.bench.exports import Say, deployed, export, floor_of, spread
from tests.comparison.drivers import Driver, Site, drivers

OURS = "storekey"


@dataclass(frozen=True)
class Sync:
    """A system, and how it reads all orders: returns how many it has read, and how many seconds that took."""

    name: str
    run: Callable[[], tuple[int, float]]


def measure_peers(orders: int, latencies: tuple[float, ...], rounds: int, say: Say) -> Table:
    """Let each read so many orders, in turn."""
    columns = ("latency ms", "who", "seconds", "times ours", "requests per 1,000")
    table = Table(*columns, title=f"first sync of {orders:,} orders")
    with SandboxStore(orders=orders) as store, deployed(store, QuotaReserve=0) as stack:
        store.quota = Window(limit=1_000_000, seconds=30)  # without a quota's headers the tap does not start
        systems = _systems(store, stack)
        for latency in latencies:
            store.latency = latency
            taken: dict[str, list[float]] = {one.name: [] for one in systems}
            requests: dict[str, int] = {}
            for number in range(rounds):
                for one in systems:
                    say(f"{orders:,} orders, {latency * 1000:.0f} ms, {one.name}, round {number + 1} of {rounds}")
                    store.clear_requests()
                    rows, seconds = one.run()
                    assert rows == orders
                    taken[one.name].append(seconds)
                    requests[one.name] = len(store.requests)
                store.clock_skew += 600  # so that our next run has a window of its own
            for name, all_seconds in taken.items():
                ratios = [theirs / ours for theirs, ours in zip(all_seconds, taken[OURS], strict=True)]
                per_thousand = f"{1000 * requests[name] / orders:.1f}"
                table.add_row(
                    f"{latency * 1000:.0f}", name, spread(all_seconds, ".1f"), spread(ratios, ".2f"), per_thousand
                )
    return table


def _systems(store: SandboxStore, stack: Stack) -> list[Sync]:

    def ours() -> tuple[int, float]:
        done = export(stack, store)
        return done.rows, done.seconds

    def floor() -> tuple[int, float]:
        done = floor_of(stack, store)
        return done["rows"], done["seconds"]

    others = [_sync(store, driver) for driver in drivers() if driver.name != OURS]
    return [Sync(OURS, ours), Sync("the floor, one process", floor), *others]


def _sync(store: SandboxStore, driver: Driver) -> Sync:
    account = store.create_token_account(driver.name)

    def run() -> tuple[int, float]:
        began = time.monotonic()
        done = driver.sync(Site(store, account, time.time()), None)
        assert not done.error, done.error
        return len({row["id"] for row in done.rows}), time.monotonic() - began

    return Sync(driver.name, run)
