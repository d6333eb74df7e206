"""Plays a history with our own exporter, whose invocations are killed, put to sleep and refused on the way."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from sandbox.store import Arriving, SandboxStore
from storekey import BadAnswer, RateLimited, StoreError, Unauthorized, Unavailable, Unreachable
from storekey.exports import LeaseLost, _slice
from storekey.exports._exporter import Exporter, Outcome, Wanted
from storekey.exports._routes import Position
from storekey.exports._rows import Page
from tests.histories.corpus import History, Run, apply, configure
from tests.histories.world import Killed, MemoryFiles, MemorySource, MemoryState, World

START = 1_795_500_000.0
MOST_SLICES = 2_000
GONE = "is gone from the store"
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

    ``first`` says what happens to the first invocation, and at which of its calls: (``kill``, 3).
    """

    history: History
    lives: Random | None = None
    first: tuple[str, int] | None = None
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
                self._sync(run, "incremental")
                check_runs(self.world)
            # Incremental runs alone must have brought all but the news of what is gone.
            self.behind = [found for found in differences(self.world) if not found.endswith(GONE)]
            self._sync(Run(pause=300, pace=1.0), "full")
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

    def _finish(self, mode: str) -> None:
        """Invoke the function until it says that it is complete, as the state machine does."""
        followed = ""
        for number in range(MOST_SLICES):
            outcome = self._slice(Wanted("orders", mode, followed, f"execution {number // 3}"), depth=0)
            if outcome and outcome.complete:
                return
            followed = outcome.run_id if outcome else followed
            self.world.now += max(1.0, outcome.wait) if outcome else 5.0
        raise AssertionError("the export does not come to an end")

    def _slice(self, wanted: Wanted, depth: int) -> Outcome | None:
        self.tally.slices += 1
        fate = self._fate(wanted, depth)
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
            outcome = exporter.export(wanted)
        except Killed:
            self.tally.killed += 1
        except LeaseLost:
            self.tally.lost_leases += 1
        except StoreError:
            pass
        else:
            if outcome.run and outcome.finished:
                self.tally.rows += outcome.run.rows
            self.tally.requests += source.requests
            return outcome
        self.tally.requests += source.requests
        return None

    def _patience(self) -> Callable[[], bool]:
        lives = self.lives
        chance = lives.choice((0.0, 0.0, 0.05, 0.5)) if lives else 0.0
        return lambda: lives is not None and chance > 0 and lives.random() < chance

    def _fate(self, wanted: Wanted, depth: int) -> Callable[[str], None]:
        """Decide what happens to an invocation, and at which of its calls."""
        lives = self.lives
        if lives is None:
            return lambda name: None
        kind = lives.choices(("none", "kill", "sleep", "fault"), (70, 14, 6 if depth < 2 else 0, 10))[0]
        at = lives.randint(1, lives.choice((6, 20, 60)))
        if self.first:
            kind, at = self.first if self.tally.slices == 1 else ("none", 0)
        calls = dead = 0

        def meet(name: str) -> None:
            nonlocal calls, dead
            calls += 1
            if dead or (kind == "kill" and calls == at):
                dead = 1
                raise Killed
            if kind == "sleep" and calls == at:
                self._sleep(wanted, depth)
            if kind == "fault" and calls >= at and name.startswith("before v"):
                calls = -1_000_000
                self.tally.faults += 1
                raise lives.choice(_FAULTS)()

        return meet

    def _sleep(self, wanted: Wanted, depth: int) -> None:
        """Let others go on while an invocation sleeps, long enough for its lease to expire or not."""
        assert self.lives
        self.tally.slept += 1
        for number in range(self.lives.randint(1, 3)):
            self.world.now += self.lives.choice((1.0, 100.0, 400.0))
            other = Wanted("orders", wanted.mode, "", f"other {depth} {number} {self.tally.slept}")
            self._slice(other, depth + 1)

    @contextmanager
    def _patched(self) -> Iterator[None]:
        """Ask for the next page at once or at the last moment, never in a thread: the same each time."""
        eager = self.lives is None or self.lives.random() < 0.5
        before = _slice._ahead, _slice.PART_BYTES
        _slice._ahead, _slice.PART_BYTES = partial(_in_order, eager), self._part_bytes  # type: ignore[assignment]
        try:
            yield
        finally:
            _slice._ahead, _slice.PART_BYTES = before


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


def manifests(world: World) -> list[dict[str, Any]]:
    """All manifests, the oldest first."""
    keys = sorted((key for key in world.objects if key.endswith(".json")), key=lambda key: key.rpartition("run=")[2])
    return [json.loads(world.objects[key]) for key in keys]


def rows_of(world: World, manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a finished run, from all files that lie in its folder."""
    parts = {part["key"]: part for part in manifest["parts"]}
    folder = f"/run={manifest['run']}/"
    assert {key for key in world.objects if folder in key} == parts.keys(), "a run's folder holds its parts alone"
    rows: list[dict[str, Any]] = []
    for key, part in parts.items():
        body = world.objects[key]
        assert (len(body), hashlib.sha256(body).hexdigest()) == (part["bytes"], part["sha256"]), f"{key} was replaced"
        found = [json.loads(line) for line in gzip.decompress(body).decode().splitlines()]
        assert len(found) == part["rows"]
        rows += found
    return rows


def check_runs(world: World) -> None:
    """What holds for every finished run, at any time."""
    for manifest in manifests(world):
        rows = rows_of(world, manifest)
        ids = [row["id"] for row in rows]
        assert ids == sorted(set(ids)), "a finished run holds an id at most once"
        assert len(rows) == manifest["rows"]
        assert all(row["_run"] == manifest["run"] for row in rows)
        assert manifest["counts"]["verdict"] != "differs" or world.store.list_archived is False


def latest(world: World) -> dict[int, dict[str, Any]]:
    """What the view shows: the newest row of each id, without those that the last full run lacks."""
    newest: dict[int, dict[str, Any]] = {}
    for manifest in manifests(world):
        rows = rows_of(world, manifest)
        if manifest["mode"] == "full":
            newest = {}
        for row in rows:
            newest[row["id"]] = row
    return newest


def differences(world: World) -> list[str]:
    """How the exported rows differ from the store's, in words; none when nothing was lost or is stale."""
    there, exported = world.store.snapshot("orders"), latest(world)
    found = [f"{order_id} is missing" for order_id in there.keys() - exported.keys()]
    found += [f"{order_id} {GONE}" for order_id in exported.keys() - there.keys()]
    for order_id in there.keys() & exported.keys():
        row = exported[order_id]
        own = {name: value for name, value in row.items() if not name.startswith("_") and name != "consignments"}
        if own != there[order_id]:
            found.append(f"{order_id} is stale")
        if "_lines" in row and row["_lines"] != world.store.lines(order_id):
            found.append(f"{order_id} lacks lines")
    return found
