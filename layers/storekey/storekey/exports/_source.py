"""The store, as an export reads it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

from storekey._credentials import Kind
from storekey._errors import BadAnswer, Forbidden, NotFound, RequestRejected, Unavailable, Unreachable
from storekey._store import Api, Store

from ._lines import PAGE_LINES, Line, decode_lines
from ._routes import Route
from ._rows import Page

_NO_ROWS = Page([])


class Source(Protocol):
    """What an export asks of a store. Its methods may raise a kind of StoreError, its properties nothing."""

    @property
    def requests(self) -> int: ...
    @property
    def quota_left(self) -> float | None: ...
    @property
    def granted(self) -> tuple[int, float] | None: ...
    @property
    def answered_in(self) -> float: ...
    def time(self) -> int: ...
    def kind(self) -> Kind: ...
    def count(self, route: Route, filters: Mapping[str, Any], *, sure: bool = False) -> int | None: ...
    def page(self, route: Route, query: Mapping[str, Any]) -> Page: ...
    def lines(self, order_id: int, page: int) -> list[Line]: ...


class StoreSource:
    """The store behind the layer's client."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def requests(self) -> int:
        """How many requests the store has answered so far."""
        return self._store.requests

    @property
    def quota_left(self) -> float | None:
        """How many requests are left, as the last answer told."""
        return self._store.quota_left

    @property
    def granted(self) -> tuple[int, float] | None:
        """How many requests the store grants us, and in how many seconds, as the last answer told."""
        return self._store.granted

    @property
    def answered_in(self) -> float:
        """How many seconds the last answer took."""
        return self._store.answered_in

    def time(self) -> int:
        """Return the store's clock, in Unix seconds."""
        answer = self._store.get("time")
        seconds = answer.get("time") if isinstance(answer, dict) else None
        if not isinstance(seconds, int | float) or not math.isfinite(seconds):
            raise BadAnswer("the answer is not the store's time", method="GET", path="time", status=200, attempts=1)
        return int(seconds)

    def kind(self) -> Kind:
        """Return the kind of the credentials that the last call was made with."""
        return self._store.last_read().kind or "Basic"

    def count(self, route: Route, filters: Mapping[str, Any], *, sure: bool = False) -> int | None:
        """Return how many rows the store counts in a list; None where it does not tell.

        ``sure``: what may pass by itself is raised, where more hangs on the count than a proof beside the rows.
        """
        try:
            if route.total_path:
                answer = self._store.get(route.total_path, filters)
                count = answer.get("count") if isinstance(answer, dict) else None
                return count if type(count) is int else None
            return self.page(route, {**filters, "limit": 1}).total
        except (Forbidden, NotFound, RequestRejected):
            return None
        except (BadAnswer, Unavailable, Unreachable):
            if sure:
                raise
            return None  # no reason to go without the rows

    def page(self, route: Route, query: Mapping[str, Any]) -> Page:
        """Return one page of a list."""
        page: Page | None = self._api(route).decoded(route.path, query, route.decode)
        return page or _NO_ROWS

    def lines(self, order_id: int, page: int) -> list[Line]:
        """Return one page of an order's lines, counted from 1; none for an order that is gone."""
        query = {"page": page, "limit": PAGE_LINES}
        try:
            lines: list[Line] | None = self._store.decoded(f"orders/{order_id}/products", query, decode_lines)
        except NotFound:
            return []
        return lines or []

    def _api(self, route: Route) -> Api:
        return self._store if route.api == "v2" else self._store.v3
