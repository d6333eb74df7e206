"""Decides what an invocation does for a resource: go on with its open run, open one, or wait."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from storekey._errors import NotFound, RateLimited, RequestRejected, TokenRequired

from ._dates import iso
from ._files import Files
from ._proof import DIFFERS, compare, manifest, manifest_key
from ._routes import route
from ._run import Run, window_end, window_start
from ._slice import Slice
from ._source import Source
from ._state import Busy, Lease, State

MODES = ("incremental", "full")
_LONGEST_WAIT = 60
_BUSY_WAIT = 60


@dataclass(frozen=True)
class Wanted:
    """What a caller wants: a run of a resource in a mode.

    ``followed`` is the run of the answer before, or empty; ``owner`` names the caller, the same in each of its calls.
    """

    resource: str
    mode: str
    followed: str
    owner: str


@dataclass(frozen=True)
class Outcome:
    """What came of one slice; ``run`` is None where there was none to go on with.

    ``healed``: the run is finished, and the one before it could not be. ``unfinished``: ranges of a backfill are.
    """

    complete: bool
    run: Run | None = None
    run_id: str = ""
    wait: float = 0.0
    busy: bool = False
    finished: bool = False
    healed: bool = False
    unfinished: bool = False


@dataclass
class Exporter:
    """Exports the resources of one store, slice by slice."""

    source: Source
    state: State
    files: Files
    store_name: str
    with_lines: bool
    out_of_time: Callable[[], bool]
    clock: Callable[[], float] = time.time

    def export(self, wanted: Wanted) -> Outcome:
        """Do one slice. Raises a kind of StoreError, LeaseLost, or botocore's errors; what was read is kept."""
        asked_before = self.source.requests
        with self.leased(wanted.resource, wanted.owner) as lease:
            return busy(lease) if isinstance(lease, Busy) else self._with(lease, wanted, asked_before)

    def _with(self, lease: Lease, wanted: Wanted, asked_before: int) -> Outcome:
        if _is_finished(lease, wanted):
            return Outcome(complete=True, run_id=wanted.followed)
        run = lease.run
        try:
            opened = run or self._open(lease, wanted)
            if isinstance(opened, Outcome):
                return opened
            run = opened
            return self._go_on(lease, run, wanted, asked_before)
        except RateLimited as error:
            return Outcome(complete=False, run=run, run_id=run.id if run else "", wait=error.retry_after)
        except TokenRequired:
            # The secret holds a Basic account by now, which cannot read v3: a new run begins in v2.
            if run:
                self.state.abandon(lease, run)
            return Outcome(complete=False)

    def _open(self, lease: Lease, wanted: Wanted) -> Run | Outcome:
        store_time, now = self.source.time(), int(self.clock())
        skew, end, full = store_time - now, window_end(store_time), wanted.mode == "full"
        known = lease.known
        watermark, skew_before = known.get("watermark"), known.get("skew", skew)
        lowest = min(skew, known.get("lowest_skew", skew_before))
        if lowest < known.get("lowest_skew", skew_before):
            self.state.note_skew(lease, lowest)
        latest = max(known.get("watermark", 0), known.get("abandoned", 0))
        if end <= latest:
            # Less than a second after the last run, or the store's clock was set back behind it.
            return Outcome(
                complete=not full and end <= known.get("watermark", 0), wait=min(latest - end + 1, _LONGEST_WAIT)
            )
        there = route(wanted.resource, self.source.kind())
        run = Run(
            mode=wanted.mode,
            api=there.api,
            end=end,
            started=now,
            skew=skew,
            start=None if full else window_start(watermark, skew_before, lowest),
            with_lines=wanted.resource == "orders" and self.with_lines,
        )
        run.count_before = self.source.count(there, there.filters(run.window))
        self.state.save(lease, run)
        return run

    def _go_on(self, lease: Lease, run: Run, wanted: Wanted, asked_before: int) -> Outcome:
        failing = "failing" in lease.known
        try:
            finished = self.read_on(lease, run, asked_before)
        except (NotFound, RequestRejected):
            if run.cursor:  # too old perhaps; a new run over the same time needs none
                self.state.abandon(lease, run)
            raise
        if finished:
            self.files.put_manifest(
                manifest_key(self.store_name, wanted.resource, run.id), manifest(self.store_name, wanted.resource, run)
            )
            self.state.close(lease, run, holds=compare(run)[0] != DIFFERS)
        satisfied = finished and wanted.mode in ("incremental", run.mode)
        return Outcome(satisfied, run, run.id, finished=finished, healed=failing and finished)

    def read_on(self, lease: Lease, run: Run, asked_before: int) -> bool:
        """Go on with a run's rows; return whether all are there. ``asked_before``: the source's requests before it."""
        return Slice(
            self.source,
            self.state,
            self.files,
            lease,
            run,
            store_name=self.store_name,
            out_of_time=self.out_of_time,
            clock=self.clock,
            asked_before=asked_before,
        ).work()

    @contextmanager
    def leased(self, key: str, owner: str) -> Iterator[Lease | Busy]:
        """Hold the lease of an item of the state for a block, if it can be had."""
        lease = self.state.acquire(key, owner)
        try:
            yield lease
        finally:
            if isinstance(lease, Lease):
                with self.state.at_best():  # it expires by itself
                    self.state.release(lease)

    def lag(self, outcome: Outcome) -> int:
        """Return by how many seconds the window of an outcome's run lies behind the store's clock now."""
        return max(0, int(self.clock()) + outcome.run.skew - outcome.run.end) if outcome.run else 0

    def answer(self, wanted: Wanted, outcome: Outcome) -> dict[str, Any]:
        """Return an outcome as the function answers it."""
        run = outcome.run
        left = self.source.quota_left
        done = outcome.finished or (outcome.complete and outcome.run_id)
        return {
            "resource": wanted.resource,
            "run": outcome.run_id,
            "mode": outcome.run_id.partition("-")[2] or wanted.mode,
            "rows": run.rows if run else 0,
            "requests": run.requests if run else 0,
            "complete": outcome.complete,
            "wait_seconds": 0 if outcome.complete else max(1, math.ceil(outcome.wait)),
            "busy": outcome.busy,
            "window": {"from": iso(run.start), "to": iso(run.end)} if run else None,
            "quota_left": left,
            "lag_seconds": self.lag(outcome) if outcome.finished else None,
            "manifest": manifest_key(self.store_name, wanted.resource, outcome.run_id) if done else None,
        }


def busy(other: Busy) -> Outcome:
    """Return the outcome where another invocation holds the lease; it may be done long before that expires."""
    return Outcome(complete=False, run_id=other.run, wait=min(other.seconds, _BUSY_WAIT), busy=True)


def _is_finished(lease: Lease, wanted: Wanted) -> bool:
    """Tell whether the run that the caller follows was finished by somebody else; ids sort by their time."""
    mode = wanted.followed.partition("-")[2]
    finished: str = lease.known.get("finished", {}).get(mode, "")
    return bool(wanted.followed) and wanted.mode in ("incremental", mode) and finished >= wanted.followed
