"""What a system's syncs were worth: pure arithmetic on the rows that it gave out and those that the store ends with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from sandbox.store.dates import parse_date

Row = Mapping[str, Any]
Version = tuple[float | None, str, bool]


@dataclass(frozen=True)
class Tally:
    """Counts of one history, or of several added up.

    ``never``: rows of the final store that were never given out. ``stale``: those whose last version given out is not
    the final one. ``repeated``: rows beyond the first of the same id within one sync. ``broken``: syncs that ended with
    an error. ``lossy``: histories that end with a row never given out or stale.
    """

    histories: int = 0
    rows: int = 0
    never: int = 0
    stale: int = 0
    lossy: int = 0
    syncs: int = 0
    broken: int = 0
    emitted: int = 0
    repeated: int = 0
    requests: int = 0

    def __add__(self, other: Self) -> Tally:
        return Tally(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    @property
    def lost(self) -> int:
        """Rows whose final version never arrived."""
        return self.never + self.stale

    @property
    def requests_per_thousand(self) -> float | None:
        """Requests for each 1,000 rows given out."""
        return 1000 * self.requests / self.emitted if self.emitted else None


@dataclass(frozen=True)
class Measured:
    """One sync: the rows given out, the requests made, and whether it broke off."""

    rows: Sequence[Row]
    requests: int
    broken: bool


def tally(syncs: Sequence[Measured], final: Iterable[Row]) -> Tally:
    """The counts of one history, from its syncs and the rows that the store lists in the end."""
    last = {row["id"]: version(row) for sync in syncs for row in sync.rows}
    wanted = {row["id"]: version(row) for row in final}
    never = len(wanted.keys() - last.keys())
    stale = sum(row_id in last and last[row_id] != final_version for row_id, final_version in wanted.items())
    return Tally(
        histories=1,
        rows=len(wanted),
        never=never,
        stale=stale,
        lossy=int(never + stale > 0),
        syncs=len(syncs),
        broken=sum(sync.broken for sync in syncs),
        emitted=sum(len(sync.rows) for sync in syncs),
        repeated=sum(len(sync.rows) - len({row["id"] for row in sync.rows}) for sync in syncs),
        requests=sum(sync.requests for sync in syncs),
    )


def version(row: Row) -> Version:
    """What tells one version of an order from another, however a system writes dates and empty texts."""
    return parse_date(row["date_modified"]), row["staff_notes"] or "", bool(row["is_deleted"])
