"""Parts and manifests in S3: whoever lost the lease replaces nothing."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekey.exports._files import PartFile
from storekey.exports._run import Part
from storekey.exports._state import LeaseLost
from tests.layer.exports.conftest import Place

KEY = "exports/store=shop/resource=orders/dt=2026-11-24/run=r/part-00000.jsonl.gz"


def part_of(*ids: int) -> tuple[bytes, Part]:
    file = PartFile()
    for row_id in ids:
        file.add(row_id, b'{"id":%d}\n' % row_id)
    return file.close()


OURS, THEIRS, KILLED = part_of(1, 2), part_of(3), part_of(9)


def still_ours() -> None:
    pass


def lost() -> None:
    raise LeaseLost("another")


class Asked:
    """A lease that is asked for; the n-th time, something happens."""

    def __init__(self, *events: Callable[[], object]) -> None:
        self._events = list(events)
        self.times = 0

    def __call__(self) -> None:
        self.times += 1
        if self._events:
            self._events.pop(0)()


@pytest.fixture
def put(place: Place) -> Callable[..., None]:
    def put(written: tuple[bytes, Part], asked: Callable[[], None] = still_ours) -> None:
        place.files.put_part(KEY, *written, asked)

    return put


def test_a_part_is_what_was_added_to_it(place: Place, put: Callable[..., None]) -> None:
    put(OURS)
    body, part = OURS
    assert gzip.decompress(place.body(KEY)) == b'{"id":1}\n{"id":2}\n'
    assert part == Part(2, len(body), hashlib.sha256(body).hexdigest(), 1, 2)
    head = place.s3.head_object(Bucket=place.name, Key=KEY)
    assert (head["ContentType"], head["Metadata"]) == ("application/gzip", {"sha256": part.sha256})
    assert "ContentEncoding" not in head


def test_the_part_of_a_killed_invocation_is_replaced(place: Place, put: Callable[..., None]) -> None:
    put(KILLED)
    asked = Asked()
    put(OURS, asked)
    assert place.body(KEY) == OURS[0]
    assert asked.times == 2


def test_a_zombie_whose_part_was_not_there_yet_cannot_replace_a_newer_one(
    place: Place, put: Callable[..., None]
) -> None:
    with pytest.raises(LeaseLost):
        put(OURS, Asked(lambda: put(THEIRS), lost))
    assert place.body(KEY) == THEIRS[0]


def test_a_zombie_that_saw_a_killed_ones_part_cannot_replace_a_newer_one(
    place: Place, put: Callable[..., None]
) -> None:
    put(KILLED)
    with pytest.raises(LeaseLost):
        put(OURS, Asked(still_ours, lambda: put(THEIRS), lost))
    assert place.body(KEY) == THEIRS[0]


def test_a_zombie_that_wakes_up_first_is_replaced(place: Place, put: Callable[..., None]) -> None:
    put(OURS, Asked(lambda: put(THEIRS)))
    assert place.body(KEY) == OURS[0]


def test_a_lost_lease_stops_before_anything_is_written(place: Place, put: Callable[..., None]) -> None:
    with pytest.raises(LeaseLost):
        put(OURS, lost)
    assert place.keys() == []


def test_a_part_whose_answer_got_lost_is_taken_for_written(place: Place, put: Callable[..., None]) -> None:
    put(OURS)
    asked = Asked(still_ours, lost)
    put(OURS, asked)
    assert asked.times == 1
    assert place.body(KEY) == OURS[0]


def test_a_part_that_others_keep_writing_is_given_up(place: Place, put: Callable[..., None]) -> None:
    others = [part_of(row_id) for row_id in range(10, 15)]
    with pytest.raises(place.s3.exceptions.ClientError, match="PreconditionFailed"):
        put(OURS, Asked(*[lambda other=other: put(other) for other in others]))
    assert place.body(KEY) == others[-1][0]


def test_what_s3_refuses_is_raised(place: Place) -> None:
    with pytest.raises(place.s3.exceptions.ClientError, match="NoSuchBucket"):
        type(place.files)(place.s3, "no-such-bucket").put_part(KEY, *OURS, still_ours)


@given(st.lists(st.tuples(st.integers(1, 10**18), st.text(st.characters(exclude_categories=["Cs"]))), max_size=30))
def test_the_same_rows_are_the_same_bytes(rows: list[tuple[int, str]]) -> None:
    def written() -> tuple[bytes, Part]:
        file = PartFile()
        for row_id, text in rows:
            file.add(row_id, f"{json.dumps(text, ensure_ascii=False)}\n".encode())
        return file.close()

    body, part = written()
    assert written() == (body, part)
    assert [json.loads(line) for line in gzip.decompress(body).decode().split("\n")[:-1]] == [text for _, text in rows]
    ids = [row_id for row_id, _ in rows]
    assert (part.rows, part.bytes) == (len(rows), len(body))
    assert (part.first_id, part.last_id) == ((ids[0], ids[-1]) if ids else (0, 0))


def test_a_parts_size_grows_with_what_is_added() -> None:
    file = PartFile()
    empty = file.size
    for row_id in range(1, 2000):
        file.add(row_id, hashlib.sha512(str(row_id).encode()).hexdigest().encode())
    assert file.size > empty + 64 * 1024


def test_a_manifest_is_one_line_and_may_be_written_again(place: Place) -> None:
    manifest: dict[str, Any] = {"run": "r", "explanation": "a\nb\u2028\u00e9"}
    for _ in range(2):
        place.files.put_manifest("exports/_manifests/r.json", manifest)
    body = place.body("exports/_manifests/r.json")
    assert body.count(b"\n") == 1 and body.endswith(b"}\n")
    assert json.loads(body) == manifest
    assert place.s3.head_object(Bucket=place.name, Key="exports/_manifests/r.json")["ContentType"] == "application/json"
