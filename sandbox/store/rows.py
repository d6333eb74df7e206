"""Rows by id, each made when it is first needed: a hundred thousand orders cost nothing until somebody reads them."""

from __future__ import annotations

import json
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, MutableMapping
from typing import Any, Protocol

from .dates import parse_date

Json = dict[str, Any]


class Maker(Protocol):
    """Makes one kind of row from its id, the same one each time; its two dates (Unix seconds) without the row."""

    def created(self, row_id: int) -> float: ...
    def modified(self, row_id: int) -> float: ...
    def make(self, row_id: int) -> Json: ...


class Row:
    """One row. ``live`` is its object once somebody outside holds it, and thus may change it at any time."""

    __slots__ = ("_encoded", "_maker", "id", "live")

    def __init__(self, row_id: int, maker: Maker) -> None:
        self.id = row_id
        self.live: Json | None = None
        self._maker = maker
        self._encoded: bytes | None = None

    @property
    def data(self) -> Json:
        """The object to read, not to keep."""
        return self._maker.make(self.id) if self.live is None else self.live

    @property
    def created(self) -> float:
        """Unix seconds of ``date_created``."""
        return self._maker.created(self.id) if self.live is None else _seconds(self.live, "date_created")

    @property
    def modified(self) -> float:
        """Unix seconds of ``date_modified``."""
        return self._maker.modified(self.id) if self.live is None else _seconds(self.live, "date_modified")

    def hand_out(self) -> Json:
        """Give the object itself; from now on it is read anew for every answer."""
        if self.live is None:
            self.live = self.data
            self._encoded = None
        return self.live

    def encoded(self) -> bytes:
        """The object as JSON."""
        if self.live is not None:
            return encode(self.live)
        if self._encoded is None:
            self._encoded = encode(self.data)
        return self._encoded


class Table(MutableMapping[int, Json]):
    """The rows of one kind, in the order of their ids. Reading a row gives the store's own object."""

    def __init__(self, maker: Maker, ids: range, lock: threading.RLock) -> None:
        self._maker = maker
        self._lock = lock
        self._ids = list(ids)
        self._rows = {row_id: Row(row_id, maker) for row_id in ids}
        self.next_id = ids.stop

    def __getitem__(self, row_id: int) -> Json:
        with self._lock:
            return self._rows[row_id].hand_out()

    def __setitem__(self, row_id: int, data: Json) -> None:
        with self._lock:
            if row_id not in self._rows:
                insort(self._ids, row_id)
                self._rows[row_id] = Row(row_id, self._maker)
                self.next_id = max(self.next_id, row_id + 1)
            self._rows[row_id].live = data

    def __delitem__(self, row_id: int) -> None:
        with self._lock:
            del self._rows[row_id]
            del self._ids[bisect_left(self._ids, row_id)]

    def __iter__(self) -> Iterator[int]:
        with self._lock:
            return iter(list(self._ids))

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, row_id: object) -> bool:
        return row_id in self._rows

    def row(self, row_id: int) -> Row | None:
        """The row of an id, without handing its object out."""
        return self._rows.get(row_id)

    def rows(self, low: int | None = None, high: int | None = None, descending: bool = False) -> Iterator[Row]:
        """The rows whose id is between two bounds, both included, found without a look at the others."""
        start = 0 if low is None else bisect_left(self._ids, low)
        stop = len(self._ids) if high is None else bisect_right(self._ids, high)
        places = range(start, stop)
        return (self._rows[self._ids[place]] for place in (reversed(places) if descending else places))


def encode(value: Any) -> bytes:
    """Write JSON as compactly as the store does."""
    return _ENCODER.encode(value).encode()


_ENCODER = json.JSONEncoder(separators=(",", ":"))


def _seconds(data: Json, name: str) -> float:
    return parse_date(data[name]) or 0.0
