"""Backfills that a test plays: what the state holds of one, what the function answers, and a finished one's files."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from ops.backfill_following import look
from ops.backfills import Range
from ops.stack import Stack as OperatorsStack
from tests.ops.exported import Exported
from tests.ops.exporting import Exporting

BACKFILL = "20261124T084200Z-backfill"
PLAN: dict[str, Any] = {
    "id": BACKFILL,
    "started": 1_795_509_780,
    "count": 40_000,
    "requests": 4,
    "stops": [10_000, 30_000],
}
DRY: dict[str, Any] = {
    "resource": "orders",
    "mode": "backfill",
    "run": "",
    "ranges": [{"number": one, "after": one * 10_000, "to": (one + 1) * 10_000} for one in range(25)],
    "complete": True,
    "wait_seconds": 0,
    "resumed": False,
    "count": 250_000,
    "first_id": 100,
    "last_id": 250_099,
    "estimate": {
        "requests": 1040,
        "rows_sampled": 250,
        "bytes_sampled": 41_234,
        "seconds_sampled": 0.41,
        "fetched_lines": 0,
    },
    "quota": {"requests": 120, "window_seconds": 30},
    "memory_mb": 512,
}


def plan(exporting: Exporting, **more: Any) -> None:
    """Note an unfinished plan of the ranges (0, 10000] and (10000, 30000]."""
    exporting.note("orders/backfill", plan=PLAN, **more)


def range_(exporting: Exporting, name: str, rows: int, done: bool = False, quota_left: int | None = None) -> None:
    """Note how far a range is."""
    now = int(time.time())
    run = {"id": BACKFILL, "rows": rows, "requests": 2, "parts": [], **({"finished": now} if done else {})}
    progress = {"run": BACKFILL, "rows": rows, "requests": 3, "at": now}
    if quota_left is not None:
        progress["quota_left"] = quota_left
    exporting.note(f"orders/backfill/{BACKFILL}/{name}", run=run, progress=progress, created=now - 130, fence=1)


class Function:
    """The function that exports, as Lambda's client runs it: answers of a test in turn; keeps the events.

    ``meanwhile`` is what happens before the first of them.
    """

    def __init__(self) -> None:
        self.answers: list[Mapping[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
        if not self.events:
            self.meanwhile()
        self.events.append(json.loads(Payload))
        given = self.answers.pop(0)
        failed = {"FunctionError": "Unhandled"} if "errorType" in given else {}
        return failed | {"Payload": io.BytesIO(json.dumps(given).encode())}


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Function:
    played, client = Function(), OperatorsStack.client
    monkeypatch.setattr(
        OperatorsStack,
        "client",
        lambda self, service, **more: played if service == "lambda" else client(self, service, **more),
    )
    return played


@dataclass
class Backfilled(Exported):
    """A finished backfill: ``bounds`` are its ranges as (after, to, number of parts), the last of them the tail."""

    ids: list[list[int]] = field(default_factory=lambda: [[1, 4], [9], [12, 20], [31]])
    run: str = BACKFILL
    bounds: list[tuple[int, int | None, int]] = field(
        default_factory=lambda: [(0, 10, 2), (10, 20, 1), (20, 30, 0), (30, None, 1)]
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.manifest["window"]["from"] = None
        left = iter(self.manifest["parts"])
        self.manifest["ranges"] = [self._range(*one, [next(left) for _ in range(one[2])]) for one in self.bounds]

    def _range(self, after: int, to: int | None, parts: int, own: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "after": after,
            "to": to,
            "rows": sum(part["rows"] for part in own),
            "requests": 1,
            "parts": parts,
            "first_id": own[0]["first_id"] if own else None,
            "last_id": own[-1]["last_id"] if own else None,
        }

    def key(self, number: int) -> str:
        names = [f"{one:05}-{part:05}" for one, (_, _, parts) in enumerate(self.bounds) for part in range(parts)]
        return f"{super().key(0).removesuffix('00000.jsonl.gz')}{names[number]}.jsonl.gz"


class Looks:
    """Counts how often the command looks how far a backfill is: a story can wait until it has seen something."""

    def __init__(self) -> None:
        self.begun = 0

    def __call__(self, *arguments: Any, **more: Any) -> list[Range]:
        self.begun += 1
        return look(*arguments, **more)

    def wait(self) -> None:
        """Wait until a look that began later than now is over."""
        wanted, ends = self.begun + 2, time.monotonic() + 20
        while self.begun < wanted:
            assert time.monotonic() < ends, "nobody looks"
            time.sleep(0.005)


@pytest.fixture
def looks(exporting: Exporting, monkeypatch: pytest.MonkeyPatch) -> Looks:
    counted = Looks()
    monkeypatch.setattr("ops.backfill_following.look", counted)
    monkeypatch.setattr("ops.backfill_following._POLL_SECONDS", 0.02)
    return counted


def finishing(exporting: Exporting, looks: Looks) -> Callable[[], None]:
    """A story in which the ranges are done one after the other, and then the backfill is."""

    def story() -> None:
        plan(exporting)
        range_(exporting, "00000", 5_000, quota_left=87)
        looks.wait()
        range_(exporting, "00000", 9_900, done=True)
        range_(exporting, "00001", 12_500, quota_left=41)
        looks.wait()
        range_(exporting, "00001", 30_050, done=True)
        range_(exporting, "tail", 3, done=True)
        exporting.note("orders/backfill", finished=BACKFILL)
        end(exporting)

    return story


def end(exporting: Exporting) -> None:
    finished = Backfilled()
    finished.put(exporting.s3, exporting.bucket)
    exporting.end({"resource": "orders", "run": BACKFILL, "complete": True, "manifest": finished.manifest_key})
