"""`make soak`: histories of the corpus with our exporter, killed and refused on the way, and webhooks in bursts."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from itertools import count
from random import Random
from statistics import median, quantiles

from rich.console import Console
from rich.progress import track

from tests.bursts import soak
from tests.histories.corpus import history
from tests.histories.exported import differences
from tests.histories.replay import Replay, Tally


def play(seed: int) -> tuple[int, list[str], dict[str, int]]:
    """Play one history; return its seed, what was lost or stale, and what it met."""
    replay = Replay(history(seed), Random(seed))
    try:
        world = replay.play()
        found = replay.behind + differences(world)
    except AssertionError as error:
        found = [f"broken promise: {error}"]
    return seed, found, asdict(replay.tally)


def seeds(first: int, number: int, until: float) -> Iterator[int]:
    """The seeds to play, as many as asked for or as there is time for."""
    for seed in count(first):
        if seed >= first + number or time.monotonic() > until:
            return
        yield seed


def play_bursts(deliveries: int, console: Console) -> bool:
    """Play bursts of deliveries, and say what came of them; return whether nothing was lost or published twice."""
    began, came = time.monotonic(), soak(deliveries)
    well = not (came.lost or came.repeated or came.waiting or came.dead)
    milliseconds = [1000 * seconds for seconds in came.receiver]
    console.print(
        f"{len(came.sent):,} events in {came.deliveries:,} deliveries, answered {dict(came.statuses)}, in "
        f"{time.monotonic() - began:.0f} s: {len(came.lost)} lost, {len(came.repeated)} published twice, "
        f"{came.suppressed:,} suppressed, {came.waiting} left in the queue, {came.dead} dead letters",
        soft_wrap=True,
    )
    console.print(
        f"the receiver, warm, in {len(milliseconds):,} invocations: median {median(milliseconds):.1f} ms, "
        f"99 of 100 within {quantiles(milliseconds, n=100)[-1]:.1f} ms",
        soft_wrap=True,
    )
    if not well:
        console.print(f"[red]lost {came.lost[:5]}, twice {came.repeated[:5]}")
    return well


def main() -> int:
    """Play; return the exit status, 1 where anything was lost."""
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--histories", type=int, default=2_000, help="how many histories")
    parser.add_argument("--minutes", type=float, default=60.0, help="the longest time")
    parser.add_argument("--deliveries", type=int, default=2_000, help="how many webhooks")
    given = parser.parse_args()
    console = Console(highlight=False)
    began, total, lost, played = time.monotonic(), Tally(), 0, 0
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        todo = seeds(given.first, given.histories, began + 60 * given.minutes)
        done = (
            each
            for some in iter(lambda: list(zip(todo, range(64), strict=False)), [])
            for each in pool.map(play, [seed for seed, _ in some])
        )
        for seed, found, tally in track(done, total=given.histories, console=console, description="histories"):
            played += 1
            lost += bool(found)
            for name, value in tally.items():
                setattr(total, name, getattr(total, name) + value)
            if found:
                console.print(f"[red]history {seed}: {found[:5]}")
    facts = ", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in asdict(total).items())
    console.print(
        f"{played:,} histories in {time.monotonic() - began:.0f} s: {lost} with rows lost, stale or repeated ({facts})"
    )
    well = not given.deliveries or play_bursts(given.deliveries, console)
    return 0 if well and not lost and (played or not given.histories) else 1


if __name__ == "__main__":
    raise SystemExit(main())
