"""Killed and sleeping invocations, at each call to AWS: nothing is lost, and nothing contradicts a manifest."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from storekey.exports import _slice
from storekey.exports._state import LeaseLost
from tests.layer.exports.conftest import Killed, Place, always, finish, kill, never, wanted
from tests.layer.exports.fakes import FakeStore

# One invocation's calls for two parts: the lease; the new run; each part noted, put and saved; the end and what the
# manifest needs saved; the manifest; the watermark; the lease given back.
CALLS = [
    *["dynamodb.UpdateItem"] * 2,
    *["dynamodb.UpdateItem", "s3.PutObject", "dynamodb.UpdateItem"] * 2,
    "dynamodb.UpdateItem",
    "s3.PutObject",
    *["dynamodb.UpdateItem"] * 2,
]
# The second part's calls stand for the first one's, which find less that they could spoil.
TELLING = [number for number in range(1, len(CALLS) + 1) if number not in (3, 4, 5)]


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> FakeStore:
    monkeypatch.setattr(_slice, "PART_BYTES", 1)  # each page is a part
    return FakeStore(range(1, 6))


def finish_all(place: Place, source: FakeStore) -> set[int]:
    """Finish what is open and export what changed since; return the ids that all finished runs hold."""
    finish(place.exporter(source), wanted())
    source.clock_offset += 200
    finish(place.exporter(source), wanted())
    return place.check()


def test_these_are_the_calls_of_an_invocation(place: Place, source: FakeStore) -> None:
    with place.before_call(99, kill) as made:
        place.exporter(source).export(wanted())
    assert made == CALLS


@pytest.mark.parametrize("number", TELLING)
def test_an_invocation_killed_before_any_call_loses_nothing(place: Place, source: FakeStore, number: int) -> None:
    with pytest.raises(Killed), place.before_call(number, kill):
        place.exporter(source).export(wanted())
    source.change(4)  # the open window holds none of these any more
    source.change(5)
    assert finish_all(place, source) == {1, 2, 3, 4, 5}
    assert "run" not in place.item() and "lease_until" not in place.item()


@pytest.mark.parametrize(
    ("number", "out_of_time"),
    [
        *[pytest.param(number, never, id=f"{number}-the new owner finishes") for number in TELLING],
        # Behind the parts nothing is left that takes time.
        *[pytest.param(number, always, id=f"{number}-the new owner goes on") for number in TELLING if 1 < number < 9],
    ],
)
def test_an_invocation_that_slept_before_any_call_spoils_nothing(
    place: Place, source: FakeStore, number: int, out_of_time: Callable[[], bool]
) -> None:
    watermarks: list[int] = []

    def taken_over() -> None:
        if not watermarks:
            source.change(5)
            place.exporter(source, out_of_time).export(wanted())
            watermarks.append(place.item().get("watermark", 0))

    with place.before_call(number, taken_over):
        try:
            place.exporter(source).export(wanted())
        except LeaseLost:
            assert 1 < number < len(CALLS)
    assert place.item().get("watermark", 0) >= watermarks[0]
    assert finish_all(place, source) == {1, 2, 3, 4, 5}
