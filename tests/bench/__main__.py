"""`make bench`: what cold starts, warm calls and exports cost, as ratios of one run. Not a test: machines differ."""

from __future__ import annotations

import argparse

from rich.console import Console

from tests.bench.backfill import measure_backfills
from tests.bench.cold_start import measure_cold_starts
from tests.bench.exports import measure_exports, measure_quota
from tests.bench.growth import compute_growth
from tests.bench.peers import measure_peers
from tests.bench.warm_call import measure_warm_calls


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--orders", type=int, default=100_000, help="orders with lines in the store")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is measured, in turn")
    parser.add_argument("--starts", type=int, default=15, help="cold starts of each handler, and rounds of warm calls")
    parser.add_argument(
        "--backfill", type=int, default=250_000, help="orders with lines in the store that is backfilled"
    )
    parser.add_argument("--peers", type=int, default=10_000, help="orders that each of the other systems reads")
    given = parser.parse_args()
    console = Console(highlight=False)
    console.print(measure_cold_starts(given.starts, console.print))
    console.print(measure_warm_calls(given.starts, console.print))
    console.print(measure_exports(given.orders, given.rounds, console.print))
    console.print(measure_peers(given.peers, (0.0, 0.05), given.rounds, console.print))
    console.print(measure_quota(console.print))
    console.print(measure_backfills(given.backfill, (0.0, 0.05), (1, 2, 4), console.print))
    console.print(compute_growth())


if __name__ == "__main__":
    main()
