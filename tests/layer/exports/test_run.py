"""A run: its name, where windows begin and end, and what is kept of it between slices."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from storekey.exports._dates import iso, iso_milliseconds, seconds_of
from storekey.exports._routes import Position, Window
from storekey.exports._run import LAG_SECONDS, OVERLAP_SECONDS, Part, Run, end_of, window_end, window_start
from storekey.exports._state import plain

NOON = 1_795_521_600
_COUNTS = st.integers(0, 10**15)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)


@pytest.fixture
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine's clock shows another time of the day than UTC."""
    with monkeypatch.context() as moved:
        moved.setenv("TZ", "Asia/Kolkata")
        time.tzset()
        yield
    time.tzset()


@st.composite
def runs(draw: st.DrawFn) -> Run:
    def optional() -> int | None:
        return draw(st.none() | _COUNTS)

    part = st.builds(Part, _COUNTS, _COUNTS, _TEXTS, _COUNTS, _COUNTS)
    run = Run(draw(st.sampled_from(["full", "incremental"])), draw(st.sampled_from(["v2", "v3"])), NOON, NOON + 60)
    run.start, run.count_before, run.count_after = optional(), optional(), optional()
    run.skew = draw(st.integers(-90_000, 90_000))
    run.last_id, run.rows, run.requests, run.created = (draw(_COUNTS) for _ in range(4))
    run.cursor, run.lines = draw(_TEXTS), draw(_TEXTS)
    run.writing, run.with_lines, run.finished = draw(st.integers(-1, 9)), draw(st.booleans()), draw(_COUNTS)
    run.parts = draw(st.lists(part, max_size=3))
    return run


@given(runs())
def test_a_run_is_the_same_after_dynamodb(run: Run) -> None:
    item = {"run": TypeSerializer().serialize(run.as_item())}
    kept = plain(item)["run"]
    assert Run.from_item(kept) == run
    assert kept["id"] == run.id
    assert not any(isinstance(value, float) for value in TypeDeserializer().deserialize(item["run"]).values())


def test_what_a_newer_version_noted_of_a_run_does_not_stop_an_older_one() -> None:
    item = {**Run("full", "v2", NOON, NOON).as_item(), "something_new": 1}
    assert Run.from_item(item) == Run("full", "v2", NOON, NOON)


@pytest.mark.usefixtures("_elsewhere")
def test_a_run_is_named_by_its_end_and_its_mode() -> None:
    assert Run("incremental", "v2", NOON, NOON).id == "20261124T120000Z-incremental"
    assert Run("full", "v3", NOON + 1, NOON).id == "20261124T120001Z-full"
    assert (end_of("20261124T120001Z-full"), end_of("")) == (NOON + 1, 0)


def test_a_window_is_everything_for_a_full_run_alone() -> None:
    assert Run("full", "v2", NOON, NOON).window == Window(NOON, None, everything=True)
    assert Run("incremental", "v2", NOON, NOON, start=5).window == Window(NOON, 5)
    assert Run("incremental", "v2", NOON, NOON, last_id=4, cursor="c").position == Position(4, "c")


def test_a_window_ends_a_minute_before_the_stores_clock_and_begins_a_minute_before_the_last_one() -> None:
    assert window_end(NOON) == NOON - LAG_SECONDS == NOON - 60
    assert window_start(NOON, 5, 5) == NOON - OVERLAP_SECONDS == NOON - 60
    assert window_start(None, 10, 5) is None


@given(
    before=st.integers(-4000, 4000), set_back=st.integers(0, 90_000), passed=st.integers(0, 90_000), at=st.integers(0)
)
def test_a_row_changed_after_the_clock_was_set_back_is_in_the_next_window(
    before: int, set_back: int, passed: int, at: int
) -> None:
    watermark = window_end(NOON + before)
    changed = NOON + before - set_back + at % (passed + 1)  # on the store's clock, after the last window was opened
    store_now = NOON + before - set_back + passed
    start = window_start(watermark, before, store_now - (NOON + passed))
    assert start is not None and start < changed


@given(before=st.integers(-4000, 4000), set_on=st.integers(0, 4000))
def test_a_clock_that_was_set_on_or_ours_that_was_set_back_changes_nothing(before: int, set_on: int) -> None:
    assert window_start(NOON, before, before + set_on) == NOON - 60


@pytest.mark.usefixtures("_elsewhere")
@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Tue, 24 Nov 2026 12:00:00 +0000", NOON),
        ("Tue, 24 Nov 2026 14:00:00 +0200", NOON),
        ("Tue, 24 Nov 2026 12:00:00 -0000", NOON),
        ("2026-11-24T12:00:00Z", NOON),
        ("2026-11-24T13:00:00+01:00", NOON),
        ("2026-11-24T12:00:00", NOON),
        ("2026-11-24T12:00:00.500Z", NOON + 0.5),
        ("", None),
        ("0000-00-00T00:00:00Z", None),
        ("soon", None),
        (None, None),
        (NOON, None),
        ("Tue, 24 Nov 99999999999999 12:00:00 +0000", None),
    ],
)
def test_dates_of_v2_and_v3_are_read(date: Any, seconds: float | None) -> None:
    assert seconds_of(date) == seconds


@given(st.text(st.sampled_from("0123456789 -+:T.Z,JanWed()"), max_size=30))
def test_no_text_is_more_than_no_date(text: str) -> None:
    found = seconds_of(text)
    assert found is None or isinstance(found, float)


@pytest.mark.usefixtures("_elsewhere")
def test_dates_of_ours_sort_as_texts() -> None:
    assert iso_milliseconds(NOON) == "2026-11-24T12:00:00.000Z"
    assert iso_milliseconds(NOON + 0.0625) == "2026-11-24T12:00:00.062Z"
    assert (iso(NOON), iso(None)) == ("2026-11-24T12:00:00Z", None)
