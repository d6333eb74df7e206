"""`python -m tests.comparison` plays histories and faults against other systems; `make compare` calls it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from typing import Any

from rich.console import Console
from rich.progress import track

from tests.histories.corpus import history

from .drivers import Driver, drivers
from .faults import CASES, play_case
from .play import play_history
from .report import PAGE, WIDTH, Sheet, faults_sheet, histories_sheet, show, single_sheet, written
from .single import SINGLE


def main() -> int:
    parser = argparse.ArgumentParser(prog="make compare", description="Compares other systems with this one.")
    parser.add_argument("--histories", type=int, default=40, help="how many seeds of the corpus")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=2, help="processes that play at the same time")
    parser.add_argument("--write", action="store_true", help="refresh docs/comparison.md")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.histories)
    sheets = _compare(drivers(), seeds, options.jobs)
    show(sheets, Console(width=max(Console().width, WIDTH)))
    if options.write:
        PAGE.write_text(written(PAGE.read_text(), sheets))
    return 0


def _compare(systems: Sequence[Driver], seeds: Sequence[int], jobs: int) -> list[Sheet]:
    with ProcessPoolExecutor(jobs) as pool:
        corpus = [pool.submit(play_history, each, str(seed), history(seed)) for each in systems for seed in seeds]
        single = [pool.submit(play_history, each, *case) for each in systems for case in SINGLE.items()]
        faults = [pool.submit(play_case, each, case) for each in systems for case in CASES]
        _follow([*corpus, *single, *faults])
    return [
        histories_sheet([one.result() for one in corpus], f"Histories: seeds {seeds[0]} to {seeds[-1]}"),
        single_sheet([one.result() for one in single]),
        faults_sheet([one.result() for one in faults]),
    ]


def _follow(all_of_them: Sequence[Future[Any]]) -> None:
    console = Console(stderr=True)
    for _ in track(as_completed(all_of_them), "playing", len(all_of_them), console=console, transient=True):
        pass


if __name__ == "__main__":
    sys.exit(main())
