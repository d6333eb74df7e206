"""What verify finds in the files of a run, as a table: a run that somebody has changed, and what must be told of it."""

from __future__ import annotations

import gzip
import hashlib
import json
import tracemalloc
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest

from ops.found import Difference
from ops.verification import Readable, differences
from tests.ops.exported import PERSONAL, RUN, Exported, packed, row
from tests.ops.tampering import CHANGED, OTHER


def verified(run: Exported) -> list[Difference]:
    return differences(run.manifest, run.streams(), key=run.manifest_key)


@pytest.mark.parametrize("ids", [[[1, 2, 5], [6, 9], [10]], [[7]], []], ids=["three parts", "one row", "no row"])
@pytest.mark.parametrize("resource", ["orders", "customers"])
def test_a_run_as_it_was_written_holds(ids: list[list[int]], resource: str) -> None:
    run = Exported(ids, resource=resource)
    if resource == "customers":
        run.files = {key: packed(customer for customer in without_lines(body)) for key, body in run.files.items()}
        run.manifest["parts"] = [run.stated(number, part) for number, part in enumerate(ids)]
    assert verified(run) == []


def without_lines(body: bytes) -> Iterator[dict[str, Any]]:
    for line in gzip.decompress(body).splitlines():
        yield {name: value for name, value in json.loads(line).items() if name != "_lines"}


def test_a_part_without_rows_that_takes_the_place_of_one_left_behind_holds() -> None:
    run = Exported([[1, 2], []])
    run.manifest["last_id"] = 2
    assert verified(run) == []


@pytest.mark.parametrize("name", CHANGED)
def test_what_was_changed_is_named_and_nothing_of_a_row_is_shown(name: str) -> None:
    change, expected = CHANGED[name]
    run = Exported([[1, 2, 5], [6, 9], [10]])
    key = run.manifest_key
    change(run)
    found = differences(run.manifest, run.streams(), key=key)
    shown = {(one.part.rpartition("/")[2], one.field, one.expected, one.found) for one in found}
    for part, field, wanted, there in expected:
        assert any(
            (one[0], one[1]) == (part, field) and wanted in (one[2], "...") and there in (one[3], "...")
            for one in shown
        ), (part, field, shown)
    assert PERSONAL not in repr(found)


def test_a_tampered_part_differs_in_its_hash_alone_and_no_other_part_does() -> None:
    run = Exported([[1, 2, 5], [6, 9], [10]])
    body = packed([row(6, total_inc_tax="361.9501"), row(9)])
    run.files[run.key(1)] = body
    run.manifest["parts"][1]["bytes"] = len(body)
    assert [(one.part, one.field) for one in verified(run)] == [(run.key(1), "sha256")]


def test_what_repeats_is_told_once_with_its_first_line_and_how_often_more() -> None:
    run = Exported([list(range(1, 101))])
    run.rewrite(0, [row(row_id, run=OTHER if row_id > 40 else RUN) for row_id in range(1, 101)])
    (one,) = verified(run)
    assert (one.field, one.line, one.more) == ("_run", 41, 59)


class Endless:
    """A gzip of many rows that is made while it is read, and never there as a whole."""

    def __init__(self, rows_: int, run: str) -> None:
        self._pieces = self._pack(rows_, run)
        self._left = b""

    def _pack(self, rows_: int, run: str) -> Iterator[bytes]:
        buffer = BytesIO()
        with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1) as packing:
            for row_id in range(1, rows_ + 1):
                text = hashlib.sha512(b"%d" % row_id).hexdigest() * 4
                packing.write(
                    b'{"id":%d,"_run":"%s","_lines":[],"text":"%s"}\n' % (row_id, run.encode(), text.encode())
                )
                if buffer.tell() > 50_000:
                    yield buffer.getvalue()
                    buffer.seek(0)
                    buffer.truncate()
        yield buffer.getvalue()

    def read(self, size: int = -1, /) -> bytes:
        while len(self._left) < size and (piece := next(self._pieces, b"")):
            self._left += piece
        piece, self._left = self._left[:size], self._left[size:]
        return piece

    def close(self) -> None:
        pass


def test_memory_stays_flat() -> None:
    run = Exported([[1]])
    part: Readable = Endless(20_000, RUN)
    run.manifest["parts"][0] |= {"rows": 20_000, "last_id": 20_000}
    tracemalloc.start()
    try:
        found = differences(run.manifest, {run.key(0): part})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert {one.field for one in found} == {"bytes", "sha256", "rows", "rows of parts", "counts.rows", "last_id"}
    assert peak < 3_000_000, "11 MB of rows passed by"


def test_a_line_without_an_end_is_not_read_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.verification.LONGEST_ROW", 1000)
    run = Exported([[1], [2]])
    run.rewrite(0, [row(1, text="x" * 2000)])
    assert (run.key(0), "line", "at most 1000 bytes", "more") in {
        (one.part, one.field, one.expected, one.found) for one in verified(run)
    }


def test_streams_are_closed_and_the_bytes_are_told_as_they_are_read() -> None:
    run = Exported([[1, 2], [3]])
    streams = run.streams()
    read: list[int] = []
    assert differences(run.manifest, streams, advance=read.append) == []
    assert all(stream.closed for stream in streams.values())
    assert sum(read) == sum(part["bytes"] for part in run.manifest["parts"])
