"""A run: one export of one resource over one window. What is known of it, pure and as it is kept between slices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Self

from ._routes import Position, Window

OVERLAP_SECONDS = 60
LAG_SECONDS = 60
BACKFILL = "backfill"


@dataclass(frozen=True)
class Part:
    """A file of rows in S3, as it was written."""

    rows: int
    bytes: int
    sha256: str
    first_id: int
    last_id: int


@dataclass
class Run:
    """An open run, in Unix seconds: ``start`` and ``end`` by the store's clock, ``started`` and ``finished`` by ours.

    ``skew`` is by how many seconds the store's clock was ahead of ours when the run was opened.

    ``part`` is the number of the next part; ``writing`` that of a part that may lie
    in S3 although it was not noted. ``lines`` is ``include`` or ``products`` once it is known how the lines come, or
    empty.

    A backfill is worked through in ranges of ids, each by a Run of its own: ``range`` is its number, and it holds the
    rows behind the id ``after``, up to ``stop`` where there is one.
    """

    mode: str
    api: str
    end: int
    started: int
    skew: int = 0
    start: int | None = None
    range: int | None = None
    after: int = 0
    stop: int | None = None
    last_id: int = 0
    cursor: str = ""
    part: int = 0
    writing: int = -1
    rows: int = 0
    requests: int = 0
    parts: list[Part] = field(default_factory=list)
    with_lines: bool = False
    lines: str = ""
    fetched_lines: int = 0
    incomplete: int = 0
    archived: int = 0
    created: int = 0
    count_before: int | None = None
    count_after: int | None = None
    finished: int = 0

    @property
    def id(self) -> str:
        """The run's name."""
        return run_id(self.end, self.mode)

    @property
    def window(self) -> Window:
        return Window(self.end, self.start, self.everything, self.stop)

    @property
    def everything(self) -> bool:
        """Whether rows count whatever their date."""
        return self.mode != "incremental"

    @property
    def counted_again(self) -> bool:
        """Whether the store's count is taken at the end, too: it is that of all rows."""
        return self.everything and self.stop is None

    @property
    def position(self) -> Position:
        return Position(self.last_id, self.cursor)

    def as_item(self) -> dict[str, Any]:
        """Return what is kept of the run in the state."""
        return {"id": self.id, **{name: value for name, value in asdict(self).items() if value is not None}}

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Return the run that as_item described."""
        names = {each.name for each in fields(cls)}  # another version of the code may have noted more
        known = {name: value for name, value in item.items() if name in names}
        return cls(**{**known, "parts": [Part(**part) for part in item["parts"]]})


def run_id(end: int, mode: str) -> str:
    """Return the name of a run, ``20261124T084200Z-incremental``: its window's end and its mode."""
    return f"{datetime.fromtimestamp(end, UTC):%Y%m%dT%H%M%SZ}-{mode}"


def end_of(name: str) -> int:
    """Return the end of the window that a run's name tells, 0 for no name."""
    return int(datetime.strptime(name[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()) if name else 0


def window_end(store_time: int) -> int:
    """Return where a window ends: a minute before the store's clock, so that late commits of that second are in."""
    return store_time - LAG_SECONDS


def window_start(watermark: int | None, skew: int, lowest: int) -> int | None:
    """Return where the next window starts: a minute before the last one's end, None for the first.

    ``skew`` is that of the last finished run, ``lowest`` the lowest since. Where the store's clock was set back, rows
    that changed in the doubled time bear dates of windows that are finished; so the window starts earlier by as much.
    """
    return None if watermark is None else watermark - OVERLAP_SECONDS - max(0, skew - lowest)
