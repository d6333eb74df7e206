"""What a backfill will take: requests, hours and USD. Pure; amounts are rather too high than too low."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from . import prices
from .prices import Price

# The function's time-out, less what it keeps back for writing.
_SLICE_SECONDS = 870.0
_PART_BYTES = 16 * 1024 * 1024
_RENEW_SECONDS = 10.0
# Steps of the state machine around its ranges, and those of a range: its start, a call with its choice, its end. Each
# further call takes a wait more.
_STEPS, _STEPS_OF_RANGE, _STEPS_OF_CALL = 8, 4, 3
# Taking and giving back a lease, saving the run, closing it; an item of a range is between 1 and 2 KB, and a write
# request unit is 1 KB (the page of prices.DYNAMODB_WRITE).
_WRITES_OF_CALL, _UNITS_OF_WRITE = 4, 2
# Taking from the quota that all calls share is a write that demands the item as it was seen, and is repeated where
# another call was quicker: 1.06 to 2.2 writes a request when simulated. The item is less than 1 KB.
_UNITS_OF_REQUEST = 2
# Its item, the plan of up to 1,000 ranges, and what the gauges look at.
_READS_OF_CALL = 16
_FILES_OF_RESULTS = 4


@dataclass(frozen=True)
class Cost:
    """So much of something, and its price."""

    item: str
    amount: float
    price: Price

    @property
    def usd(self) -> float:
        """What it costs."""
        return self.price.of(self.amount)

    def as_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        return {
            "item": self.item,
            "amount": round(self.amount, 6),
            **asdict(self.price),
            "cost_usd": round(self.usd, 6),
        }


@dataclass(frozen=True)
class Estimate:
    """What a backfill will take. Spans are in seconds; ``quota_seconds`` is None where the store tells no quota.

    ``bytes`` are those of the compressed rows, None where the store tells no count.
    """

    ranges: int
    rows: int | None
    requests: int
    bytes: int | None
    workers: int
    pace_seconds: float
    quota_seconds: float | None
    costs: tuple[Cost, ...]

    @property
    def seconds(self) -> float:
        """How long it takes: as the slower of the two allows, the store's answers or its quota."""
        return max(self.pace_seconds, self.quota_seconds or 0.0)

    @property
    def bound_by(self) -> str:
        """Which of the two that is: ``quota`` or ``pace``."""
        return "quota" if (self.quota_seconds or 0.0) > self.pace_seconds else "pace"

    @property
    def usd(self) -> float:
        """What it costs in all."""
        return sum(cost.usd for cost in self.costs)


def estimated(answer: Mapping[str, Any], concurrency: int) -> Estimate:
    """Return what a backfill takes, from the answer to a dry run and how many ranges are worked on at once."""
    facts, quota, ranges = answer["estimate"], answer.get("quota"), len(answer["ranges"])
    rows: int | None = answer.get("count")
    requests: int = facts["requests"]
    workers = max(1, min(concurrency, ranges))
    pace = requests * facts["seconds_sampled"] / workers
    by_quota = requests / quota["requests"] * quota["window_seconds"] if quota and quota["requests"] else None
    size = _bytes(rows, facts)
    busy = max(pace, by_quota or 0.0) * workers
    costs = _costs(ranges + 1, requests, size or 0, busy, answer["memory_mb"])
    return Estimate(ranges, rows, requests, size, workers, pace, by_quota, costs)


def _bytes(rows: int | None, facts: Mapping[str, Any]) -> int | None:
    if rows is None or not facts["rows_sampled"]:
        return None
    return int(rows * facts["bytes_sampled"] / facts["rows_sampled"])


def _costs(units: int, requests: int, size: int, busy: float, memory_mb: int) -> tuple[Cost, ...]:
    """Return the costs of so many ranges, the tail among them, whose calls take ``busy`` seconds in all.

    A call is paid for while it waits for the store's quota, too. Each request to the store may take two writes of the
    quota that all calls share.
    """
    calls_of_range = max(1, math.ceil(busy / units / _SLICE_SECONDS))
    calls = units * calls_of_range + 1
    parts = units * max(calls_of_range, math.ceil(size / units / _PART_BYTES))
    steps = _STEPS + units * (_STEPS_OF_RANGE + _STEPS_OF_CALL * (calls_of_range - 1))
    writes = (calls * _WRITES_OF_CALL + parts + busy / _RENEW_SECONDS) * _UNITS_OF_WRITE
    writes += requests * _UNITS_OF_REQUEST
    return (
        Cost("Lambda, time", busy * memory_mb / 1024, prices.LAMBDA_ARM64),
        Cost("Lambda, calls", calls, prices.LAMBDA_REQUEST),
        Cost("Step Functions", steps, prices.STEP_TRANSITION),
        Cost("DynamoDB, writes", math.ceil(writes), prices.DYNAMODB_WRITE),
        Cost("DynamoDB, reads", calls * _READS_OF_CALL, prices.DYNAMODB_READ),
        Cost("S3, files", parts + 1 + _FILES_OF_RESULTS, prices.S3_PUT),
        Cost("S3, a month", size / 2**30, prices.S3_GB_MONTH),
    )
