"""Whether the files of a run hold what its manifest states: a pure function of the manifest and the files' bytes.

What it finds is told without a word of any row: ids, hashes, counts and runs are all that it repeats.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, Protocol, cast

from .found import Difference, Found, kind_of
from .manifests import RUN, check_manifest, is_whole, prefix_of
from .ranges import part_names

LONGEST_ROW = 64 * 1024 * 1024  # an answer of the store is cut off there, so no row is longer
_PIECE = 1024 * 1024
_NO_PART = "no further part"


class Readable(Protocol):
    """A file, as far as it is read here."""

    def read(self, size: int = ..., /) -> bytes: ...  # noqa: D102 - as io's
    def close(self) -> None: ...  # noqa: D102 - as io's


def differences(
    manifest: Mapping[str, Any],
    streams: Mapping[str, Readable],
    *,
    key: str | None = None,
    advance: Callable[[int], object] = lambda size: None,
) -> list[Difference]:
    """Return all that does not hold of a run; none where all does.

    ``streams`` holds what lies under the run's prefix, each opened when it is asked for. ``key`` is where the manifest
    lay, ``advance`` is told how many bytes were read. Memory stays flat, whatever the size of the parts.
    """
    found = Found()
    if not is_whole(manifest, found):
        return found.all()
    check_manifest(manifest, key, found)
    rows = _Rows(manifest, found)
    names = (prefix_of(manifest) + name for name in part_names(manifest))
    for part, key_ in zip(manifest["parts"], chain(names, repeat(_NO_PART)), strict=False):
        _check_part(part, key_, streams, rows, advance)
    stated = {part["key"] for part in manifest["parts"]}
    for extra in sorted(set(streams) - stated):
        found.note(extra, "object", "not there", "there, though the manifest has no such part")
    rows.check_totals()
    return found.all()


class _Rows:
    """The rows of a run as they pass by, part after part."""

    def __init__(self, manifest: Mapping[str, Any], found: Found) -> None:
        self.found = found
        self._manifest = manifest
        self._is_orders = manifest["resource"] == "orders"
        self.total = 0
        self.first_id: int | None = None
        self.last_id: int | None = None

    def check(self, part: str, number: int, line: bytes) -> int | None:
        """Check a row; return its id, None where it has none."""
        self.total += 1
        row = self._parsed(part, number, line)
        if row is None:
            return None
        if row.get("_run") != self._manifest["run"]:
            told = row.get("_run")
            text = told if isinstance(told, str) and RUN.fullmatch(told) else "another text" if told else "nothing"
            self.found.note(part, "_run", self._manifest["run"], text, number)
        if self._is_orders:
            self._check_lines(part, number, row)
        return self._check_id(part, number, row.get("id"))

    def check_totals(self) -> None:
        """Compare all rows with the manifest's totals."""
        manifest = self._manifest
        self.found.compare("manifest", "rows", manifest["rows"], self.total)
        self.found.compare("manifest", "counts.rows", manifest["counts"].get("rows"), self.total)
        self.found.compare("manifest", "first_id", manifest.get("first_id"), self.first_id)
        self.found.compare("manifest", "last_id", manifest.get("last_id"), self.last_id)

    def _parsed(self, part: str, number: int, line: bytes) -> dict[str, Any] | None:
        if not line.endswith(b"\n"):
            self.found.note(part, "line", "an end of line after each row", "none", number)
        try:
            row = json.loads(line.decode(), parse_constant=_refuse)
        except (ValueError, RecursionError):
            self.found.note(part, "json", "one JSON object", "no JSON", number)
            return None
        if not isinstance(row, dict):
            self.found.note(part, "json", "one JSON object", f"JSON of another kind ({type(row).__name__})", number)
            return None
        return row

    def _check_lines(self, part: str, number: int, row: Mapping[str, Any]) -> None:
        wanted = self._manifest.get("lines") is not None
        if wanted and not isinstance(row.get("_lines"), list):
            self.found.note(part, "_lines", "a list", "something else" if "_lines" in row else "nothing", number)
        if not wanted and "_lines" in row:
            self.found.note(part, "_lines", "nothing, the manifest's lines are null", "something", number)

    def _check_id(self, part: str, number: int, row_id: Any) -> int | None:
        if type(row_id) is not int:
            self.found.note(part, "id", "a whole number", kind_of(row_id), number)
            return None
        if self.last_id is not None and row_id <= self.last_id:
            self.found.note(part, "id", f"above {self.last_id}", row_id, number)
        self.first_id = row_id if self.first_id is None else self.first_id
        self.last_id = row_id
        return row_id


class _Measured:
    """A stream whose bytes are hashed and counted while they are read."""

    def __init__(self, stream: Readable, advance: Callable[[int], object]) -> None:
        self._stream = stream
        self._advance = advance
        self.sha256 = hashlib.sha256()
        self.bytes = 0

    def read(self, size: int = _PIECE) -> bytes:
        piece = self._stream.read(size)
        self.sha256.update(piece)
        self.bytes += len(piece)
        self._advance(len(piece))
        return piece


def _check_part(
    part: Mapping[str, Any],
    key: str,
    streams: Mapping[str, Readable],
    rows: _Rows,
    advance: Callable[[int], object],
) -> None:
    name, found = part["key"], rows.found
    if name != key:
        found.note(name, "key", key, name)
        return  # whatever lies there belongs to something else
    try:
        stream = streams[name]
    except KeyError:
        found.note(name, "object", "there", "not there")
        return
    with closing(stream):
        measured = _Measured(stream, advance)
        ids = _check_rows(name, measured, rows)
        while measured.read():  # what a broken file has left
            pass
    found.compare(name, "bytes", part["bytes"], measured.bytes)
    found.compare(name, "sha256", part["sha256"], measured.sha256.hexdigest())
    found.compare(name, "rows", part["rows"], ids.rows)
    if ids.rows:  # a part without rows has no ids, and what it says of them means nothing
        found.compare(name, "first_id", part.get("first_id"), ids.first)
        found.compare(name, "last_id", part.get("last_id"), ids.last)


@dataclass
class _Ids:
    rows: int = 0
    first: int | None = None
    last: int | None = None


def _check_rows(name: str, measured: _Measured, rows: _Rows) -> _Ids:
    ids = _Ids()
    # GzipFile reads ahead and never back, so that it needs no more than read().
    unpacked = gzip.GzipFile(fileobj=cast(Any, measured), mode="rb")
    try:
        while line := unpacked.readline(LONGEST_ROW + 1):
            if len(line) > LONGEST_ROW:
                rows.found.note(name, "line", f"at most {LONGEST_ROW} bytes", "more", ids.rows + 1)
                break
            ids.rows += 1
            row_id = rows.check(name, ids.rows, line)
            ids.first = row_id if ids.first is None else ids.first
            ids.last = row_id if row_id is not None else ids.last
    except EOFError:
        rows.found.note(name, "gzip", "whole", f"cut off behind row {ids.rows}")
    except (gzip.BadGzipFile, zlib.error):
        rows.found.note(name, "gzip", "whole", f"damaged behind row {ids.rows}")
    return ids


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
