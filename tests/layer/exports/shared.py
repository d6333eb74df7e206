"""Environments that share a store's quota, on a clock of their own: nothing sleeps, and every run is the same."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError

from sandbox.store import BasicAccount, Hourly, TokenAccount, Window
from sandbox.store.quota import Meter, meter
from storekey._quota import refused_wait
from storekey.exports._budget import SharedPace

NOON = 1_795_521_600.0


class ConditionalCheckFailedException(ClientError):
    pass


class Table:
    """One item of DynamoDB in memory, with as much of its language as a budget needs."""

    class exceptions:  # noqa: N801 - boto3's name
        ConditionalCheckFailedException = ConditionalCheckFailedException

    def __init__(self) -> None:
        self.item: dict[str, Any] = {}
        self.calls = 0
        self.meanwhile: Callable[[], object] = lambda: None
        self.trouble: Exception | None = None
        self._lock = Lock()

    def get_item(self, *, ConsistentRead: bool, **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's name
        assert ConsistentRead
        self._come()
        return {"Item": self.item} if self.item else {}

    def update_item(self, **asked: Any) -> dict[str, Any]:
        self._come()
        values = asked["ExpressionAttributeValues"]
        with self._lock:
            for clause in asked["ConditionExpression"].split(" AND "):
                name, _, value = clause.partition(" = ")
                absent = clause.startswith("attribute_not_exists(")
                same = clause[21:-1] not in self.item if absent else self.item.get(name) == values[value]
                if not same:
                    raise ConditionalCheckFailedException({"Item": self.item} if self.item else {}, "UpdateItem")  # type: ignore[typeddict-unknown-key]
            changes = asked["UpdateExpression"].removeprefix("SET ").split(", ")
            self.item = {**self.item, **{name: values[value] for name, value in (one.split(" = ") for one in changes)}}
        return {}

    def _come(self) -> None:
        self.calls += 1
        self.meanwhile()
        if self.trouble:
            raise self.trouble


@dataclass(frozen=True)
class Seen:
    """A request that the store has seen: whose, when, the status of its answer, what it left, and its window's end."""

    who: str
    at: float
    status: int
    left: int
    ends: float


class World:
    """A store with a quota, and workers that send as fast as they may.

    A request takes ``latency`` seconds, a call to DynamoDB a few milliseconds, in which the others go on.
    """

    def __init__(self, quota: Window | Hourly, workers: int, latency: float = 0.15, reserve: float = 20) -> None:
        self.now = NOON
        self.table = Table()
        self.seen: list[Seen] = []
        self.headers: Callable[[dict[str, str]], dict[str, str]] = lambda headers: headers
        self.killed: set[str] = set()
        self._quota: Meter = meter(quota, lambda: self.now)
        self._kind: Any = BasicAccount if isinstance(quota, Hourly) else TokenAccount
        self._latency = latency
        self._random = random.Random(workers)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self.table.meanwhile = lambda: self.run(self._random.uniform(0.002, 0.008))
        for number in range(workers):
            pace = SharedPace(self.table, "table", reserve, lambda: self.now)  # type: ignore[arg-type]
            self._work(f"worker {number}", pace)

    def at(self, seconds: float, event: Callable[[], None]) -> None:
        """Let something happen so many seconds from now."""
        self._number += 1
        heapq.heappush(self._due, (self.now + seconds, self._number, event))

    def every(self, seconds: float, event: Callable[[], object]) -> None:
        """Let something happen again and again."""

        def happen() -> None:
            event()
            self.at(seconds, happen)

        self.at(seconds, happen)

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while self._due and self._due[0][0] < until:
            at, _, event = heapq.heappop(self._due)
            self.now = max(self.now, at)
            event()
        self.now = max(self.now, until)

    def send(self, who: str = "another app") -> tuple[int, dict[str, str]]:
        """Let a request arrive at the store."""
        headers, refusal = self._quota.count(object.__new__(self._kind))
        status = refusal.status if refusal else 200
        left = headers.get("X-Rate-Limit-Requests-Left") or headers["X-BC-ApiLimit-Remaining"]
        ends = self.now + float(headers.get("X-Rate-Limit-Time-Reset-Ms", 0)) / 1000
        self.seen.append(Seen(who, self.now, status, int(left), ends))
        return status, self.headers(headers)

    def ours(self) -> list[Seen]:
        return [one for one in self.seen if one.who != "another app"]

    def windows(self) -> list[list[Seen]]:
        """Our requests in each window of the quota that is over."""
        found: list[list[Seen]] = []
        for one in self.ours():
            if not found or one.ends > found[-1][0].ends + 1:
                found.append([])
            found[-1].append(one)
        return [window for window in found if window[0].ends < self.now]

    def shares(self) -> Counter[str]:
        return Counter(one.who for one in self.ours())

    def _work(self, who: str, pace: SharedPace) -> None:
        def ask() -> None:
            if who in self.killed:
                return
            if wait := pace.ask():
                self.at(wait + self._random.uniform(0, 0.003), ask)
            else:
                self.at(self._half(), arrive)

        def arrive() -> None:
            status, headers = self.send(who)
            self.at(self._half(), lambda: take(status, headers))

        def take(status: int, headers: Mapping[str, str]) -> None:
            if who in self.killed:
                return
            pace.note(status, headers)
            self.at(0.0 if status == 200 else refused_wait(status, headers), ask)

        self.at(self._random.uniform(0, 0.01), ask)

    def _half(self) -> float:
        return self._latency / 2 * self._random.uniform(0.8, 1.2)
