"""`make bench`: what a cold start and an export cost, as ratios measured in one run. Not a test: machines differ."""

from __future__ import annotations

import argparse

from rich.console import Console

from tests.bench.cold_start import measure_cold_starts
from tests.bench.exports import measure_exports, measure_quota


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--orders", type=int, default=100_000, help="orders with lines in the store")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is measured, in turn")
    parser.add_argument("--starts", type=int, default=15, help="cold starts of each handler")
    given = parser.parse_args()
    console = Console(highlight=False)
    console.print(measure_cold_starts(given.starts, console.print))
    console.print(measure_exports(given.orders, given.rounds, console.print))
    console.print(measure_quota(console.print))


if __name__ == "__main__":
    main()
