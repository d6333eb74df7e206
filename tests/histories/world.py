"""A world in memory for exports: a store, AWS and a clock, in which any call may fail, kill its invocation or sleep.

The state and the files keep the rules of DynamoDB's conditional updates and S3's conditional writes that the real
adapters rely on (tests/layer/exports proves those on moto); so thousands of histories can be played in a minute.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.store import SandboxStore
from sandbox.store.rows import copied
from storekey._credentials import Kind
from storekey._errors import NotFound, RequestRejected
from storekey._store import _text
from storekey.exports._lines import Line, decode_lines
from storekey.exports._plan import Plan
from storekey.exports._routes import Route
from storekey.exports._rows import Page
from storekey.exports._run import Part, Run
from storekey.exports._state import LEASE_SECONDS, Busy, Lease, LeaseLost

Fate = Callable[[str], None]
"""Called before and after each call to the store or AWS, with its name; may raise."""


class Killed(BaseException):
    """The invocation is dead: nothing in it runs any more."""


@dataclass
class World:
    """What lasts: the items, the objects and the time, in Unix seconds by our clock."""

    store: SandboxStore
    now: float
    kind: Kind = "Basic"
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    writes: int = 0


class _Mortal:
    def __init__(self, world: World, fate: Fate) -> None:
        self._world = world
        self._fate = fate

    def _meet(self, name: str) -> None:
        self._fate(name)


class MemorySource(_Mortal):
    """The store, asked without network."""

    requests = 0
    quota_left = granted = None
    answered_in = 0.0

    def time(self) -> int:
        return int(self._ask("v2/time", {})["time"])

    def kind(self) -> Kind:
        return self._world.kind

    def count(self, route: Route, filters: Mapping[str, Any], *, sure: bool = False) -> int | None:
        if route.total_path:
            count: int = self._ask(f"{route.api}/{route.total_path}", filters)["count"]
            return count
        return self.page(route, {**filters, "limit": 1}).total

    def page(self, route: Route, query: Mapping[str, Any]) -> Page:
        body = self._body(f"{route.api}/{route.path}", query)
        return route.decode(body) if body else Page([])

    def lines(self, order_id: int, page: int) -> list[Line]:
        try:
            body = self._body(f"v2/orders/{order_id}/products", {"page": page, "limit": 250})
        except NotFound:
            return []
        return decode_lines(body) if body else []

    def _ask(self, path: str, query: Mapping[str, Any]) -> Any:

        body = self._body(path, query)
        return json.loads(body) if body else None

    def _body(self, path: str, query: Mapping[str, Any]) -> bytes:
        self._meet(f"before {path}")
        status, body = self._world.store.get(path, {name: _text(value) for name, value in query.items()})
        self.requests += 1
        if status == 404:
            raise NotFound("gone")
        if status >= 400:
            raise RequestRejected(f"status {status}", status=status)
        self._meet(f"after {path}")
        return body


class MemoryState(_Mortal):
    """The table of the exports."""

    def acquire(self, key: str, owner: str) -> Lease | Busy:
        self._meet("before acquire")
        item = self._world.items.setdefault(key, {"resource": key})
        item.setdefault("fence", 0)
        now = int(self._world.now)
        if item.get("lease_until", -1) >= now and item.get("owner") != owner:
            return Busy(item["lease_until"] - now + 1, item.get("run", {}).get("id", ""))
        item |= {"fence": item["fence"] + 1, "owner": owner, "lease_until": now + LEASE_SECONDS}
        lease = Lease(key, item["fence"], copied(item))
        self._meet("after acquire")
        return lease

    def renew(self, lease: Lease, progress: Mapping[str, Any], writing: int | None = None) -> None:
        def change(item: dict[str, Any]) -> None:
            item["lease_until"] = int(self._world.now) + LEASE_SECONDS
            item["progress"] = dict(progress)
            if writing is not None:
                item["run"]["writing"] = writing

        self._write("renew", lease, change)

    def save(self, lease: Lease, run: Run) -> None:
        def change(item: dict[str, Any]) -> None:
            item["lease_until"] = int(self._world.now) + LEASE_SECONDS
            before = item.get("run")
            assert before is None or before["id"] == run.id, "two runs of one resource never overlap"
            assert before is None or before["last_id"] <= run.last_id, "the state moves only forward"
            item["run"] = copied(run.as_item())

        self._write("save", lease, change)

    def note_skew(self, lease: Lease, lowest: int) -> None:
        self._write("note_skew", lease, lambda item: item.update(lowest_skew=lowest))

    def close(self, lease: Lease, run: Run, *, holds: bool = True) -> None:
        def change(item: dict[str, Any]) -> None:
            item["finished"] = {**item.get("finished", {}), run.mode: run.id}
            for name in ("run", "progress", "failing", *(("lowest_skew",) if holds else ())):
                item.pop(name, None)
            if not holds:
                item["abandoned"] = run.end
                return
            assert item.get("watermark", run.end) <= run.end, "the watermark moves only forward"
            item |= {"watermark": run.end, "skew": run.skew}

        self._write("close", lease, change)

    def abandon(self, lease: Lease, run: Run) -> None:
        def change(item: dict[str, Any]) -> None:
            item["abandoned"] = run.end
            item.pop("run", None)

        self._write("abandon", lease, change)

    def save_plan(self, key: str, plan: Plan, instead_of: str) -> bool:
        self._meet("before save_plan")
        item = self._world.items.setdefault(key, {"resource": key})
        free: bool = item.get("plan", {}).get("id", instead_of) == instead_of
        if free:
            item["plan"] = plan.as_item()
        self._meet("after save_plan")
        return free

    def close_plan(self, key: str, plan: Plan, *, holds: bool = True) -> None:
        self._meet("before close_plan")
        item = self._world.items.setdefault(plan.resource, {"resource": plan.resource})
        if holds and "run" not in item and item.get("watermark", -1) < plan.end:
            item |= {"watermark": plan.end, "skew": plan.skew, "fence": item.get("fence", 0) + 1}
        self._meet("between close_plan")
        self._end_plan(key, plan.id, "finished")
        self._meet("after close_plan")

    def drop_plan(self, key: str, plan_id: str) -> bool:
        return self._end_plan(key, plan_id, "dropped")

    def _end_plan(self, key: str, plan_id: str, how: str) -> bool:
        item = self._world.items[key]
        there: bool = item.get("plan", {}).get("id") == plan_id
        if there:
            del item["plan"]
            item[how] = plan_id
        return there

    def release(self, lease: Lease) -> None:
        self._meet("before release")
        item = self._world.items[lease.key]
        if item["fence"] == lease.fence:
            item.pop("owner", None)
            item.pop("lease_until", None)
        self._meet("after release")

    def read(self, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        self._meet("before read")
        return {key: copied(self._world.items[key]) for key in keys if key in self._world.items}

    @contextmanager
    def at_best(self) -> Iterator[None]:
        yield

    def _write(self, name: str, lease: Lease, change: Callable[[dict[str, Any]], Any]) -> None:
        self._meet(f"before {name}")
        item = self._world.items[lease.key]
        if item["fence"] != lease.fence:
            raise LeaseLost(name)
        change(item)
        lease.known = copied(item)
        self._meet(f"after {name}")


class MemoryFiles(_Mortal):
    """The bucket of the exports: a part is written as Files does it, in three steps that others may come between."""

    def put_part(self, key: str, body: bytes, part: Part, still_ours: Callable[[], None]) -> None:
        seen: bytes | None = None
        for _ in range(5):
            still_ours()
            self._meet("before put")
            if self._world.objects.get(key) == seen:
                self._world.objects[key] = body
                self._world.writes += 1
                self._meet("after put")
                return
            seen = self._world.objects.get(key)
            self._meet("after head")
            if seen == body:
                return
        raise AssertionError("the part is written by many at once")

    def put_manifest(self, key: str, manifest: Mapping[str, Any]) -> None:

        self._meet("before manifest")
        body = json.dumps(manifest).encode()
        assert self._world.objects.get(key, body) == body, "a manifest is a pure function of its run"
        self._world.objects[key] = body
        self._meet("after manifest")
