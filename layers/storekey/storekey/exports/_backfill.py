"""A backfill: everything that a resource holds, exported in ranges of ids by several invocations at once.

Beside the scheduled export, whose lease it never takes. Planned once; each range, and the tail behind the last of them,
is read as a run of its own, and goes on where it stopped; at the end one manifest says what they make up together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from storekey._errors import NotFound, RateLimited, RequestRejected
from storekey._paging import PAGE_ROWS

from ._exporter import Exporter, Outcome, busy
from ._files import PartFile
from ._lines import INCLUDE, as_json, at_hand
from ._plan import Plan, Range, divided
from ._proof import DIFFERS, compare, manifest, manifest_key
from ._routes import Position, Route, Window, route
from ._rows import Page
from ._run import BACKFILL, Run, end_of, window_end
from ._state import Busy

# What was read long ago says little of what the store holds now; no state machine of the stack runs longer.
_LONGEST_SECONDS = 7 * 86_400
_TRY_AGAIN_SECONDS = 5.0
_LONGEST_WAIT = 60.0


def backfill_key(resource: str) -> str:
    """Return the key of the item that tells of a resource's backfill."""
    return f"{resource}/{BACKFILL}"


class BackfillGone(Exception):
    """There is no such backfill any more: it was given up, or another has taken its place."""


@dataclass(frozen=True)
class Estimate:
    """What a backfill will take, from the store's count and from its first page, the ``sample``.

    ``requests`` to the store in all; rows, bytes (compressed) and seconds of the sample, and its orders whose lines
    have to be asked for one by one.
    """

    requests: int
    rows_sampled: int
    bytes_sampled: int
    seconds_sampled: float
    fetched_lines: int


@dataclass(frozen=True)
class Planned:
    """What came of planning: the plan and its ranges that are left, or None and how long to wait."""

    plan: Plan | None = None
    left: tuple[Range, ...] = ()
    resumed: bool = False
    first_id: int | None = None
    last_id: int | None = None
    estimate: Estimate | None = None
    wait: float = 0.0


@dataclass(frozen=True)
class Backfill:
    """The backfill of one resource. ``owner`` names the caller, the same in each of its calls."""

    exporter: Exporter
    resource: str
    owner: str

    def plan(self, dry_run: bool = False) -> Planned:
        """Plan a backfill, or go on with an unfinished one; a dry run notes nothing, and goes on with none."""
        try:
            return self._plan(dry_run)
        except RateLimited as error:
            return Planned(wait=error.retry_after)

    def _plan(self, dry_run: bool) -> Planned:
        item = self._item()
        known = Plan.from_item(item.get("plan", {}))
        asked_before, store_time = self.exporter.source.requests, self.exporter.source.time()
        if dry_run:
            return self._surveyed(store_time, asked_before)
        if known and (resumed := self._resumed(known)):
            return resumed
        before = str(item.get("plan", {}).get("id", ""))
        behind = end_of(max(before, item.get("finished", ""), item.get("dropped", ""))) - window_end(store_time)
        if behind >= 0:
            # Less than a second after another, or the store's clock was set back behind it.
            return Planned(wait=min(behind + 1, _LONGEST_WAIT))
        planned = self._surveyed(store_time, asked_before)
        if not planned.plan or not self.exporter.state.save_plan(backfill_key(self.resource), planned.plan, before):
            return Planned(wait=_TRY_AGAIN_SECONDS)  # another execution was faster: its plan is gone on with
        return planned

    def _resumed(self, plan: Plan) -> Planned | None:
        """Return what is left of a plan; None where nothing of it was read for a week, or the credentials cannot."""
        if plan.api == "v3" and self.exporter.source.kind() == "Basic":
            return None
        runs = self._runs(plan)
        if self.exporter.clock() - max([plan.started, *(run.finished for run in runs.values())]) > _LONGEST_SECONDS:
            return None
        left = tuple(one for one in plan.ranges if one.number not in runs or not runs[one.number].finished)
        return Planned(plan, left, resumed=True)

    def _surveyed(self, store_time: int, asked_before: int) -> Planned:
        """Ask the store what a backfill is planned by: its count, its first page and its last id."""
        source, now = self.exporter.source, int(self.exporter.clock())
        there = route(self.resource, source.kind())
        plan = Plan(
            self.resource,
            there.api,
            window_end(store_time),
            now,
            skew=store_time - now,
            with_lines=self.resource == "orders" and self.exporter.with_lines,
            count=source.count(there, {}, sure=True),
        )
        page, seconds = self._first_page(there, plan)
        first, last = page.rows[0].id if page.rows else None, self._last_id(there)
        plan = replace(plan, stops=divided(first, last, plan.count), requests=source.requests - asked_before)
        return Planned(plan, tuple(plan.ranges), False, first, last, _estimate(plan, page, seconds))

    def _first_page(self, there: Route, plan: Plan) -> tuple[Page, float]:
        query = there.query(Window(plan.end, everything=True), Position())
        try:
            page = self.exporter.source.page(there, query | INCLUDE if plan.with_lines else query)
        except RequestRejected:
            if not plan.with_lines:
                raise
            page = self.exporter.source.page(there, query)
        return page, self.exporter.source.answered_in

    def _last_id(self, there: Route) -> int | None:
        """Return the list's last id, or None where it cannot be had: then the tail is the longer."""
        try:
            page = self.exporter.source.page(there, there.newest) if there.newest else Page([])
        except RequestRejected:
            return None
        return page.rows[0].id if page.rows else None

    def work_on(self, plan_id: str, number: int) -> Outcome:
        """Do one slice of a range. Raises as an export does, and BackfillGone."""
        item = self._item()
        if item.get("finished", "") >= plan_id:
            return Outcome(complete=True, run_id=plan_id)  # by another execution
        plan = self._planned(item, plan_id)
        if not 0 <= number < len(plan.stops):
            raise BackfillGone(f"{plan_id} has no range {number}")
        return self._slice(plan, plan.ranges[number], f"{number:05}")

    def finish(self, plan_id: str) -> Outcome:
        """Do one slice of the tail, and once all is there, write the manifest. Raises as an export, and BackfillGone.

        Ranges that are unfinished, or whose state got lost, leave it to the caller to plan again.
        """
        item = self._item()
        if item.get("finished", "") >= plan_id:
            return Outcome(complete=True, run_id=plan_id)
        plan = self._planned(item, plan_id)
        runs = self._runs(plan)
        if len(runs) < len(plan.stops) or not all(run.finished for run in runs.values()):
            return Outcome(complete=False, run_id=plan_id, unfinished=True)
        tail = self._slice(plan, plan.tail, "tail")
        if not tail.complete or not tail.run:
            return tail
        made_up = [*runs.values(), tail.run]
        run = plan.joined(made_up)
        store_name = self.exporter.store_name
        self.exporter.files.put_manifest(
            manifest_key(store_name, self.resource, plan_id), manifest(store_name, self.resource, run, made_up)
        )
        self.exporter.state.close_plan(backfill_key(self.resource), plan, holds=compare(run)[0] != DIFFERS)
        return Outcome(complete=True, run=run, run_id=plan_id, finished=True, healed="failing" in item)

    def give_up(self) -> str:
        """Give the unfinished backfill up, and what was noted of a failure; return its name, nothing without one."""
        key, plan_id = backfill_key(self.resource), str(self._item().get("plan", {}).get("id", ""))
        if plan_id and self.exporter.state.drop_plan(key, plan_id):
            return plan_id
        self.exporter.state.forget_failure(key)
        return ""

    def _item(self) -> dict[str, Any]:
        key = backfill_key(self.resource)
        return self.exporter.state.read([key]).get(key, {})

    def _planned(self, item: Mapping[str, Any], plan_id: str) -> Plan:
        plan = Plan.from_item(item.get("plan", {}))
        if not plan or plan.id != plan_id:
            raise BackfillGone(f"there is no backfill {plan_id} of {self.resource}; start it again to begin a new one")
        return plan

    def _slice(self, plan: Plan, one: Range, name: str) -> Outcome:
        """Do one slice of a range; complete when all its rows are there."""
        asked_before = self.exporter.source.requests
        with self.exporter.leased(f"{backfill_key(self.resource)}/{plan.id}/{name}", self.owner) as lease:
            if isinstance(lease, Busy):
                return busy(lease)
            run = lease.run or plan.run(one)
            if not lease.run:
                self.exporter.state.save(lease, run)
            try:
                return Outcome(self.exporter.read_on(lease, run, asked_before), run, run.id)
            except RateLimited as error:
                return Outcome(complete=False, run=run, run_id=run.id, wait=error.retry_after)
            except (NotFound, RequestRejected):
                if run.cursor:  # too old perhaps; the list is read anew, over the parts that are there
                    self.exporter.state.save(lease, replace(plan.run(one), writing=max(run.writing, run.part - 1)))
                raise

    def _runs(self, plan: Plan) -> dict[int, Run]:
        """Return the runs of the ranges that were begun, by their numbers."""
        keys = {f"{backfill_key(self.resource)}/{plan.id}/{one.number:05}": one.number for one in plan.ranges}
        items = self.exporter.state.read(keys)
        return {keys[key]: Run.from_item(item["run"]) for key, item in items.items() if item.get("run")}

    def answer(self, planned: Planned) -> dict[str, Any]:
        """Return what came of planning as the function answers it."""
        plan, granted = planned.plan, self.exporter.source.granted
        return {
            "resource": self.resource,
            "mode": BACKFILL,
            "run": plan.id if plan else "",
            "ranges": [asdict(one) for one in planned.left],
            "complete": plan is not None,
            "wait_seconds": 0 if plan else max(1, math.ceil(planned.wait)),
            "resumed": planned.resumed,
            "count": plan.count if plan else None,
            "first_id": planned.first_id,
            "last_id": planned.last_id,
            "estimate": asdict(planned.estimate) if planned.estimate else None,
            "quota": dict(zip(("requests", "window_seconds"), granted, strict=True)) if granted else None,
        }


def _estimate(plan: Plan, page: Page, seconds: float) -> Estimate:
    rows, sample = page.rows, PartFile()
    lines = [at_hand(row.facts) if plan.with_lines else [] for row in rows]
    for row, own in zip(rows, lines, strict=True):
        sample.add(row.id, row.extended(b'"_lines":%b' % as_json(own or [])))
    body, _ = sample.close()
    fetched, count = lines.count(None), plan.count or 0
    per_page = len(rows) if 0 < len(rows) < count else PAGE_ROWS  # the store may cap a page
    requests = math.ceil(count / per_page) + len(plan.stops) + 2
    if rows:
        requests += math.ceil(count * fetched / len(rows))
    return Estimate(requests, len(rows), len(body), round(seconds, 3), fetched)
