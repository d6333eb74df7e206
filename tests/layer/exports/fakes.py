"""A store in memory that an export reads, with what can happen while it is read."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from storekey._credentials import Kind
from storekey._errors import BadAnswer, RequestRejected, TokenRequired
from storekey.exports._lines import Line, decode_lines
from storekey.exports._routes import Route
from storekey.exports._rows import Page


class Clock:
    """A clock that a test sets, in the place of the module ``time``."""

    def __init__(self) -> None:
        self.now = time.time()

    def time(self) -> float:
        return self.now


Event = BaseException | Callable[[], object]


class FakeStore:
    """Rows by id, as v2 and v3 list them; a page holds ``cap`` rows at most.

    ``include`` says what the store makes of the request to inline lines: honoured, ignored, rejected, partly (every
    second order) or truncated (the first line of each). ``asked`` counts the requests by what they asked for, and
    ``at`` lets something happen, or fail, as the n-th of them arrives. ``empty_pages`` are those answered by no body,
    ``deaf`` are the parameters that it does not know.
    """

    def __init__(
        self, ids: Iterable[int] = (), *, kind: Kind = "Basic", cap: int = 3, include: str = "ignored"
    ) -> None:
        self.rows: dict[int, dict[str, Any]] = {}
        self.modified: dict[int, float] = {}
        self.lines_of: dict[int, list[dict[str, Any]]] = {}
        self.last_cursor: str | None = ""  # what the last page says instead of its own
        self.credentials: Kind = kind
        self.cap = cap
        self.include = include
        self.inclusive = False
        self.uncounted_status = -1
        self.clock_offset = 0
        self.clock: Any = time
        self.quota_left: float | None = None
        self.granted: tuple[int, float] | None = None
        self.answered_in = 0.25
        self.empty_pages: set[int] = set()
        self.deaf: set[str] = set()
        self.asked: Counter[str] = Counter()
        self.queries: list[dict[str, Any]] = []
        self._events: dict[tuple[str, int], Event] = {}
        for row_id in ids:
            self.add(row_id)

    @property
    def requests(self) -> int:
        return self.asked.total()

    def now(self) -> int:
        return int(self.clock.time()) + self.clock_offset

    def change(self, row_id: int) -> None:
        self.modified[row_id] = self.now()

    def add(self, row_id: int, age: float = 86_400, lines: int = 2, **fields: Any) -> None:
        """Create a row, so many seconds ago, with so many lines."""
        then = self.now() - age
        created = format_datetime(datetime.fromtimestamp(then, UTC))
        self.rows[row_id] = {"id": row_id, "status_id": 11, "date_created": created, "items_total": lines, **fields}
        self.modified[row_id] = then
        self.lines_of[row_id] = [{"id": row_id * 100 + n, "name": f"line {n}", "quantity": 1} for n in range(lines)]

    def remove(self, row_id: int) -> None:
        del self.rows[row_id]

    def at(self, what: str, number: int, event: Event) -> None:
        """Let an error be raised, or something be done, when the store is asked for this the n-th time, from 1."""
        self._events[what, number] = event

    def time(self) -> int:
        self._ask("time")
        return self.now()

    def kind(self) -> Kind:
        return self.credentials

    def count(self, route: Route, filters: Mapping[str, Any], *, sure: bool = False) -> int | None:
        self._ask("count")
        return len([row for row in self._found(filters) if row.get("status_id") != self.uncounted_status])

    def page(self, route: Route, query: Mapping[str, Any]) -> Page:
        self._ask("page")
        self.queries.append(dict(query))
        if route.api == "v3" and self.credentials == "Basic":
            raise TokenRequired("v3 needs a token account")
        if "include" in query and self.include == "rejected":
            raise RequestRejected("the store rejects it", status=400)
        query = {name: value for name, value in query.items() if name not in self.deaf}
        low = int(query.get("min_id") or query.get("id:greater") or query.get("after") or 0)
        low -= "min_id" in query and self.inclusive
        high = int(query.get("max_id") or query.get("id:max") or 1 << 63)
        high += "id:max" in query or self.inclusive
        found = [row for row in self._found(query) if low < row["id"] < high]
        if query.get("sort") == "id:desc" or query.get("direction") == "desc":
            found.reverse()
        rows = found[: min(self.cap, query.get("limit", self.cap))]
        if self.asked["page"] in self.empty_pages:
            return Page([])
        shown = [{**row, **self._inlined(row["id"])} if "include" in query else row for row in rows]
        behind = str(rows[-1]["id"]) if rows else None
        end = self.last_cursor if rows and rows[-1] == found[-1] and self.last_cursor != "" else behind
        meta: dict[str, Any] = {"cursor_pagination": {"end_cursor": end}}
        if "after" not in query:
            meta["pagination"] = {"total": len(found)}
        page: Page = _sent(shown if route.api == "v2" else {"data": shown, "meta": meta}, route.decode)
        return page

    def lines(self, order_id: int, page: int) -> list[Line]:
        self._ask("lines")
        found = self.lines_of[order_id] if order_id in self.rows else []
        sent: list[Line] = _sent(found[(page - 1) * self.cap : page * self.cap], decode_lines)
        return sent

    def _found(self, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        bounds = {name.rpartition("min" if "min" in name else "max")[1]: date for name, date in _dates(query)}
        low = bounds["min"].timestamp() if "min" in bounds else float("-inf")
        high = bounds["max"].timestamp() if "max" in bounds else float("inf")
        return [self.rows[row_id] for row_id in sorted(self.rows) if low <= self.modified[row_id] <= high]

    def _inlined(self, order_id: int) -> dict[str, Any]:
        lines = self.lines_of[order_id]
        if self.include == "ignored" or (self.include == "partly" and order_id % 2):
            return {}
        shown = lines[:1] if self.include == "truncated" else lines
        return {"consignments": {"shipping": [{"line_items": shown}]}}

    def _ask(self, what: str) -> None:
        self.asked[what] += 1
        event = self._events.pop((what, self.asked[what]), None)
        if isinstance(event, BaseException):
            raise event
        if event:
            event()


def _sent(answer: Any, decode: Callable[[bytes], Any]) -> Any:
    """What a client makes of an answer."""
    try:
        return decode(json.dumps(answer).encode())
    except ValueError:
        raise BadAnswer("the answer is not the JSON expected") from None


def _dates(query: Mapping[str, Any]) -> list[tuple[str, datetime]]:
    return [(name, value) for name, value in query.items() if isinstance(value, datetime)]
