"""Rows by id, each made when it is first needed: a hundred thousand orders cost nothing until somebody reads them."""

from __future__ import annotations

import json
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, MutableMapping
from functools import lru_cache
from typing import Any, Protocol

from .dates import parse_date

Json = dict[str, Any]
# About 60 MB of orders with their lines; for all stores of a process together.
KEPT = 8192


class Maker(Protocol):
    """Makes one kind of row from its id, the same one each time; its two dates (Unix seconds) without the row."""

    def __hash__(self) -> int: ...
    def created(self, row_id: int) -> float: ...
    def modified(self, row_id: int) -> float: ...
    def make(self, row_id: int) -> Json: ...


class Row:
    """One row: as it was made, with the changes since, or an object that somebody outside holds and may change."""

    __slots__ = ("_changes", "_live", "_maker", "_modified", "id")

    def __init__(self, row_id: int, maker: Maker, live: Json | None = None) -> None:
        self.id = row_id
        self._maker = maker
        self._changes: Json | None = None
        self._live = live
        self._modified: float | None = None

    @property
    def data(self) -> Json:
        """The object to read, not to keep."""
        if self._live is not None:
            return self._live
        made = self._maker.make(self.id)
        return {**made, **self._changes} if self._changes else made

    @property
    def created(self) -> float:
        """Unix seconds of ``date_created``."""
        text = self.changed("date_created")
        return self._maker.created(self.id) if text is None else parse_date(text) or 0.0

    @property
    def modified(self) -> float:
        """Unix seconds of ``date_modified``."""
        if self._live is not None:
            return parse_date(self._live["date_modified"]) or 0.0
        if self._modified is None:
            text = self.changed("date_modified")
            self._modified = self._maker.modified(self.id) if text is None else parse_date(text) or 0.0
        return self._modified

    @property
    def untouched(self) -> bool:
        """Whether the row is as it was made."""
        return self._live is None and self._changes is None

    def changed(self, name: str) -> Any:
        """A field's value if it may differ from the one that was made, else None."""
        changes = self._changes if self._live is None else self._live
        return changes.get(name) if changes else None

    def change(self, fields: Json) -> None:
        """Set fields. The mapping is kept and may be shared by many rows: do not change it afterwards."""
        if self._live is not None:
            self._live.update(copied(fields))
        else:
            self._changes = {**self._changes, **fields} if self._changes else fields
            self._modified = None

    def copy(self) -> Json:
        """The object, shared with nobody."""
        if self._live is not None:
            return {**copied(self._live)}
        return {**self._maker.make(self.id), **copied(self._changes or {})}

    def hand_out(self) -> Json:
        """Give the object itself; from now on it is read anew for every answer."""
        if self._live is None:
            self._live = self.copy()
        return self._live

    def written(self, write: Callable[[Json], bytes]) -> bytes:
        """The row as ``write`` writes it; an untouched one is written once, while there is room to keep it."""
        return _made(self._maker, self.id, write) if self.untouched else write(self.data)


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
                self.next_id = max(self.next_id, row_id + 1)
            self._rows[row_id] = Row(row_id, self._maker, data)

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

    def row(self, row_id: int) -> Row:
        """The row of an id, without handing its object out; raises KeyError if there is none."""
        return self._rows[row_id]

    def ids(self, low: int | None = None, high: int | None = None) -> list[int]:
        """The ids between two bounds, both included, found without a look at the others."""
        places = self._between(low, high)
        return self._ids[places.start : places.stop]

    def rows(self, low: int | None = None, high: int | None = None, descending: bool = False) -> Iterator[Row]:
        """The rows whose id is between two bounds, both included."""
        places = self._between(low, high)
        return (self._rows[self._ids[place]] for place in (reversed(places) if descending else places))

    def _between(self, low: int | None, high: int | None) -> range:
        start = 0 if low is None else bisect_left(self._ids, low)
        return range(start, len(self._ids) if high is None else bisect_right(self._ids, high))


def to_json(value: Any) -> str:
    """Write JSON as compactly as the store does."""
    return _ENCODER.encode(value)


def encode(value: Any) -> bytes:
    """Write JSON into bytes."""
    return _ENCODER.encode(value).encode()


def copied(value: Any) -> Any:
    """A copy of JSON that shares nothing with it that could change."""
    if isinstance(value, dict):
        return {name: copied(inner) if isinstance(inner, dict | list) else inner for name, inner in value.items()}
    return [copied(inner) for inner in value] if isinstance(value, list) else value


_ENCODER = json.JSONEncoder(separators=(",", ":"))


@lru_cache(maxsize=KEPT)
def _made(maker: Maker, row_id: int, write: Callable[[Json], bytes]) -> bytes:
    return write(maker.make(row_id))
