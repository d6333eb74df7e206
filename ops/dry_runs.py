"""What a backfill would take, before it is begun: asked of the function, which notes nothing, and shown."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from .answers import STILL_RUNNING, Options, answer, fail, show, table
from .backfills import Backfills, Plan
from .estimates import Estimate, estimated
from .following import span
from .prices import REGION

_COSTS = {"": "name", "amount": "number", "price": "name", "USD": "number"}
_LONG = 3600.0
# The time-out of the state machine.
_LONGEST_EXECUTION = 2_419_200


def dry_run(options: Options, backfills: Backfills, resource: str, region: str, timeout: float) -> None:
    """Plan a backfill without noting anything, and show what it would take."""
    open_plan, planned = backfills.known(resource).plan, _planned(options, backfills, resource, timeout)
    estimate = estimated(planned, backfills.concurrency)
    if options.as_json:
        answer(options, _as_json(planned, estimate, resource, region, open_plan))
        return
    answer(options, _shown(planned, estimate, resource, open_plan))
    show(table(_COSTS, _rows(estimate)))
    where = "" if region == REGION else f"; the stack is in {region}, where they may be others"
    show(f"Prices of {REGION} without free tiers, taxes and discounts{where}:")
    for page, seen in dict.fromkeys((cost.price.page, cost.price.seen) for cost in estimate.costs):
        show(f"  {page} ({seen})")


def _planned(options: Options, backfills: Backfills, resource: str, timeout: float) -> dict[str, Any]:
    """Ask for a plan until the store's quota allows one."""
    ends = time.monotonic() + timeout
    with Console(stderr=True).status(f"asking the store about its {resource}"):
        while not (planned := backfills.call(resource, dry_run=True))["complete"]:
            wait = planned["wait_seconds"]
            if time.monotonic() + wait > ends:
                again = f"ask again in {wait} s, or give --timeout more"
                fail(options, f"{resource}: the store's quota is spent, and --timeout as well; {again}", STILL_RUNNING)
            time.sleep(wait)
    return planned


def _as_json(
    planned: Mapping[str, Any], estimate: Estimate, resource: str, region: str, open_plan: Plan | None
) -> dict[str, Any]:
    seconds = {"pace": estimate.pace_seconds, "quota": estimate.quota_seconds, "estimated": estimate.seconds}
    return {
        "result": "dry run",
        "resource": resource,
        "unfinished": open_plan.id if open_plan else None,
        "ranges": planned["ranges"],
        "first_id": planned.get("first_id"),
        "last_id": planned.get("last_id"),
        "rows": estimate.rows,
        "bytes": estimate.bytes,
        "requests": estimate.requests,
        "quota": planned.get("quota"),
        "concurrency": estimate.workers,
        "seconds": {name: None if value is None else round(value, 1) for name, value in seconds.items()},
        "bound_by": estimate.bound_by,
        "costs": [cost.as_json() for cost in estimate.costs],
        "cost_usd": round(estimate.usd, 6),
        "prices": {"region": REGION, "stack_region": region},
    }


def _shown(planned: Mapping[str, Any], estimate: Estimate, resource: str, open_plan: Plan | None) -> dict[str, Any]:
    shown = {
        "result": "dry run; nothing was written, and nothing was started",
        "resource": resource,
        "ranges": _ranges(planned, estimate),
        "rows": "unknown, the store tells no count" if estimate.rows is None else f"about {estimate.rows:,}",
        "requests": f"about {estimate.requests:,}",
        "quota": _quota(planned.get("quota")),
        "takes": takes(estimate),
        "costs": f"about ${estimate.usd:.2f}" if estimate.usd >= 0.01 else "less than $0.01",
    }
    if open_plan:
        shown["unfinished"] = f"{open_plan.id}; storekey backfill {resource} goes on with it, and begins no new one"
    return shown


def _ranges(planned: Mapping[str, Any], estimate: Estimate) -> str:
    ranges = planned["ranges"]
    if not ranges:
        return "none, it is read in one go"
    ids = f"ids {planned.get('first_id')} to {planned.get('last_id')}"
    each = f", about {estimate.rows // len(ranges):,} rows each" if estimate.rows else ""
    return f"{len(ranges):,}, {ids}{each}; {estimate.workers} at once"


def _quota(quota: Mapping[str, Any] | None) -> str:
    if not quota:
        return "unknown, the store tells none"
    return f"{quota['requests']:,} requests in {quota['window_seconds']} s, the reserve left out"


def takes(estimate: Estimate) -> str:
    """Tell how long a backfill takes, why, and what comes after the longest that one execution may take."""
    if estimate.seconds <= _LONGEST_EXECUTION:
        return _bound(estimate)
    again = "the same command then goes on, as long as a range was finished in the last 7 days"
    return f"{_bound(estimate)}. One execution may take four weeks at most; {again}"


def _bound(estimate: Estimate) -> str:
    hours = f"about {_hours(estimate.seconds)}"
    if estimate.quota_seconds is None:
        return f"{hours}, as fast as the store answers; its quota may make it longer"
    if estimate.bound_by == "quota":
        return f"{hours}, as the quota allows; as fast as the store answers: {_hours(estimate.pace_seconds)}"
    return f"{hours}, as fast as the store answers; the quota would allow {_hours(estimate.quota_seconds)}"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= _LONG else span(seconds)


def _rows(estimate: Estimate) -> list[list[str]]:
    rows = [[cost.item, _amount(cost.amount), f"x {cost.price}", f"{cost.usd:.4f}"] for cost in estimate.costs]
    return [*rows, ["total", "", "", f"{estimate.usd:.4f}"]]


def _amount(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 100 or amount == int(amount) else f"{amount:.3f}"
