"""Plays a history with our own exporter, whose invocations are killed, put to sleep and refused on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TypeVar

from sandbox.store import Arriving, SandboxStore
from storekey import BadAnswer, RateLimited, StoreError, Unauthorized, Unavailable, Unreachable
from storekey.exports import LeaseLost, _plan, _slice
from storekey.exports._backfill import Backfill
from storekey.exports._exporter import Exporter, Outcome, Wanted
from storekey.exports._routes import Position
from storekey.exports._rows import Page
from tests.histories.corpus import History, Run, apply, configure
from tests.histories.exported import GONE, check_runs, differences
from tests.histories.world import Killed, MemoryFiles, MemorySource, MemoryState, World

T = TypeVar("T")
START = 1_795_500_000.0
MOST_SLICES = 2_000
_FAULTS = (
    partial(Unavailable, "503"),
    partial(Unreachable, "reset"),
    partial(BadAnswer, "garbage"),
    partial(Unauthorized, "401"),
    partial(RateLimited, "429", retry_after=7.0),
)


@dataclass
class Tally:
    """What a replay met."""

    slices: int = 0
    killed: int = 0
    slept: int = 0
    lost_leases: int = 0
    faults: int = 0
    rows: int = 0
    requests: int = 0


@dataclass
class Replay:
    """One history against the exporter; ``lives`` decides every fate, or nothing happens to an invocation.

    Or ``mode`` says what all runs are, and ``fate`` what happens to one invocation, counted from 1, and at which of its
    calls: (``kill``, 1, 3). Everything else goes well then.
    """

    history: History
    lives: Random | None = None
    fate: tuple[str, int, int] | None = None
    mode: str = ""
    tally: Tally = field(default_factory=Tally)

    def play(self) -> World:
        """Play all runs, and a full one at the end; return what is left of the world.

        ``behind`` is then what was lost or stale before the full run, in words.
        """
        store = SandboxStore(orders=self.history.behaviour.orders, customers=5, products=5, seed=self.history.seed)
        configure(store, self.history.behaviour)
        self.world = World(store, START)
        store.clock = lambda: self.world.now
        self._part_bytes = self.lives.choice((1, 2_000, 16 << 20)) if self.lives else 16 << 20
        self._lines = self.lives.random() < 0.7 if self.lives else True
        with self._patched():
            for run in self.history.runs:
                self._sync(run, self._mode())
                check_runs(self.world)
            # Incremental runs alone must have brought all but the news of what is gone.
            self.behind = [found for found in differences(self.world) if not found.endswith(GONE)]
            self._sync(Run(pause=300, pace=1.0), self._census())
        check_runs(self.world)
        return self.world

    def _sync(self, run: Run, mode: str) -> None:
        self.world.now += run.pause
        coming = list(run.steps)
        store = self.world.store
        store.clear_requests()

        def let_happen(number: float) -> None:
            while coming and coming[0].request <= number:
                step = coming.pop(0)
                self.world.now += step.wait
                if step.change:
                    apply(store, step.change)

        def arrive(arriving: Arriving) -> None:
            self.world.now += run.pace
            let_happen(arriving.number)

        let_happen(0)
        store.before_request = arrive
        self._finish(mode)
        store.before_request = None
        let_happen(float("inf"))

    def _mode(self) -> str:
        return self.mode or ("backfill" if self.lives and self.lives.random() < 0.15 else "incremental")

    def _census(self) -> str:
        return "backfill" if self.lives and not self.mode and self.lives.random() < 0.5 else "full"

    def _backfill(self) -> None:
        """Plan, work on ranges at the same time and finish, as the state machine does, beside the scheduled export."""
        lives, followed, restless = self.lives or Random(0), "", not self.fate
        for number in range(MOST_SLICES):
            self.world.now += 5
            planned = self._invoked(lambda backfill: backfill.plan(), f"parent {number}")
            if planned is None or planned.plan is None:
                continue
            run, left = planned.plan.id, [one.number for one in planned.left]
            while left:
                if restless and lives.random() < 0.03:
                    break  # the execution is stopped, and another one goes on
                one = lives.choice(left[:4])
                outcome = self._invoked(lambda backfill: backfill.work_on(run, one), f"child {number} {one}")  # noqa: B023
                if outcome and outcome.complete:
                    left.remove(one)
                self.world.now += outcome.wait if outcome else 5.0
                if restless and lives.random() < 0.3:
                    beside = self._slice(Wanted("orders", "incremental", followed, f"beside {number}"), depth=1)
                    followed = "" if not beside or beside.complete else beside.run_id
            for _ in range(0 if left else MOST_SLICES):
                outcome = self._invoked(lambda backfill: backfill.finish(run), f"parent {number}")  # noqa: B023
                if outcome and outcome.complete:
                    return
                if outcome and outcome.unfinished:
                    break
                self.world.now += max(1.0, outcome.wait) if outcome else 5.0
        raise AssertionError("the backfill does not come to an end")

    def _finish(self, mode: str) -> None:
        """Invoke the function until it says that it is complete, as the state machine does."""
        if mode == "backfill":
            self._backfill()
            if "run" not in self.world.items.get("orders", {}):
                return
        followed = ""  # also of a run that was opened beside a backfill
        for number in range(MOST_SLICES):
            outcome = self._slice(
                Wanted("orders", "incremental" if mode == "backfill" else mode, followed, f"execution {number // 3}"),
                depth=0,
            )
            if outcome and outcome.complete:
                return
            followed = outcome.run_id if outcome else followed
            self.world.now += max(1.0, outcome.wait) if outcome else 5.0
        raise AssertionError("the export does not come to an end")

    def _slice(self, wanted: Wanted, depth: int) -> Outcome | None:
        return self._invocation(lambda exporter: exporter.export(wanted), wanted.mode, depth)

    def _invoked(self, act: Callable[[Backfill], T], owner: str) -> T | None:
        return self._invocation(lambda exporter: act(Backfill(exporter, "orders", owner)), "incremental", depth=0)

    def _invocation(self, act: Callable[[Exporter], T], mode: str, depth: int) -> T | None:
        self.tally.slices += 1
        fate = self._fate(mode, depth)
        source = MemorySource(self.world, fate)
        exporter = Exporter(
            source,
            MemoryState(self.world, fate),  # type: ignore[arg-type] # has the methods of State
            MemoryFiles(self.world, fate),  # type: ignore[arg-type] # has the methods of Files
            "store",
            self._lines,
            self._patience(),
            lambda: self.world.now,
        )
        try:
            outcome = act(exporter)
        except Killed:
            self.tally.killed += 1
        except LeaseLost:
            self.tally.lost_leases += 1
        except StoreError:
            pass
        else:
            if isinstance(outcome, Outcome) and outcome.run and outcome.finished:
                self.tally.rows += outcome.run.rows
            self.tally.requests += source.requests
            return outcome
        self.tally.requests += source.requests
        return None

    def _patience(self) -> Callable[[], bool]:
        lives = self.lives
        chance = lives.choice((0.0, 0.0, 0.05, 0.5)) if lives else 0.0
        return lambda: lives is not None and chance > 0 and lives.random() < chance

    def _fate(self, mode: str, depth: int) -> Callable[[str], None]:
        """Decide what happens to an invocation, and at which of its calls."""
        lives = self.lives
        if lives is None:
            return lambda name: None
        kind = lives.choices(("none", "kill", "sleep", "fault"), (70, 14, 6 if depth < 2 else 0, 10))[0]
        at = lives.randint(1, lives.choice((6, 20, 60)))
        if self.fate:
            kind, number, at = self.fate
            kind = kind if self.tally.slices == number else "none"
        calls = dead = 0

        def meet(name: str) -> None:
            nonlocal calls, dead
            calls += 1
            if dead or (kind == "kill" and calls == at):
                dead = 1
                raise Killed
            if kind == "sleep" and calls == at:
                self._sleep(mode, depth)
            if kind == "fault" and calls >= at and name.startswith("before v"):
                calls = -1_000_000
                self.tally.faults += 1
                raise lives.choice(_FAULTS)()

        return meet

    def _sleep(self, mode: str, depth: int) -> None:
        """Let others go on while an invocation sleeps, long enough for its lease to expire or not."""
        assert self.lives
        self.tally.slept += 1
        for number in range(self.lives.randint(1, 3)):
            self.world.now += self.lives.choice((1.0, 100.0, 400.0))
            other = Wanted("orders", mode, "", f"other {depth} {number} {self.tally.slept}")
            self._slice(other, depth + 1)

    @contextmanager
    def _patched(self) -> Iterator[None]:
        """Ask for the next page at once or at the last moment, never in a thread: the same each time."""
        eager = self.lives is None or self.lives.random() < 0.5
        before = _slice._ahead, _slice.PART_BYTES, _slice.DOUBT_SECONDS, _plan._LEAST_ROWS
        _slice._ahead, _slice.PART_BYTES = partial(_in_order, eager), self._part_bytes  # type: ignore[assignment]
        _slice.DOUBT_SECONDS = 0.0
        _plan._LEAST_ROWS = 5  # so that a few rows make up ranges
        try:
            yield
        finally:
            _slice._ahead, _slice.PART_BYTES, _slice.DOUBT_SECONDS, _plan._LEAST_ROWS = before


class _Coming:
    def __init__(self, fetch: Callable[[], tuple[Page, float]], eager: bool) -> None:
        self._fetch = fetch
        self._error: BaseException | None = None
        self._page: tuple[Page, float] | None = None
        if eager:
            try:
                self._page = fetch()
            except BaseException as error:  # noqa: BLE001 - as a future keeps it until it is asked for
                self._error = error

    def result(self, timeout: float) -> tuple[Page, float]:
        if self._error:
            raise self._error
        return self._page or self._fetch()


@contextmanager
def _in_order(eager: bool, fetch: Callable[[Position], tuple[Page, float]]) -> Iterator[Callable[[Position], _Coming]]:
    yield lambda position: _Coming(lambda: fetch(position), eager)
