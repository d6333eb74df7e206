"""What an invocation does for a resource: goes on with the open run, opens one, or waits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from storekey._errors import RateLimited, Unauthorized
from tests.layer.exports.conftest import Killed, Place, always, finish, kill, wanted
from tests.layer.exports.fakes import FakeStore


@pytest.fixture
def source() -> FakeStore:
    return FakeStore(range(1, 9))


def test_the_answer_of_a_finished_run_tells_all_of_it(place: Place, source: FakeStore) -> None:
    source.quota_left = 150.0
    exporter = place.exporter(source)
    outcome = exporter.export(wanted())
    answer = exporter.answer(wanted(), outcome)
    end = place.item()["watermark"]
    assert 60 <= answer.pop("lag_seconds") <= 62
    assert answer == {
        "resource": "orders",
        "run": f"{datetime.fromtimestamp(end, UTC):%Y%m%dT%H%M%SZ}-incremental",
        "mode": "incremental",
        "rows": 8,
        "requests": source.requests,
        "complete": True,
        "wait_seconds": 0,
        "busy": False,
        "window": {"from": None, "to": f"{datetime.fromtimestamp(end, UTC):%Y-%m-%dT%H:%M:%SZ}"},
        "quota_left": 150.0,
        "manifest": f"exports/_manifests/store=shop/resource=orders/run={outcome.run_id}.json",
    }


def test_there_is_nothing_to_do_right_after_a_run(place: Place, source: FakeStore) -> None:
    exporter = place.exporter(source)
    exporter.export(wanted())
    source.clock_offset -= 2
    answer = exporter.answer(wanted(), exporter.export(wanted()))
    assert (answer["complete"], answer["run"], answer["rows"], answer["window"]) == (True, "", 0, None)
    assert (answer["manifest"], answer["lag_seconds"]) == (None, None)
    assert "run" not in place.item()


def test_a_full_run_within_the_same_second_waits(place: Place, source: FakeStore) -> None:
    exporter = place.exporter(source)
    exporter.export(wanted())
    source.clock_offset -= 20
    answer = exporter.answer(wanted(mode="full"), exporter.export(wanted(mode="full")))
    assert (answer["complete"], answer["run"], answer["mode"]) == (False, "", "full")
    assert 18 <= answer["wait_seconds"] <= 21
    source.clock_offset -= 4000
    assert exporter.export(wanted(mode="full")).wait == 60
    source.clock_offset += 4100
    assert exporter.export(wanted(mode="full")).finished


def test_a_window_begins_a_minute_before_the_last_ones_end_and_holds_what_changed(
    place: Place, source: FakeStore
) -> None:
    exporter = place.exporter(source)
    first = exporter.export(wanted()).run
    source.change(3)
    source.add(9, age=0)
    source.clock_offset += 300
    second = exporter.export(wanted()).run
    assert first and second and second.start is not None
    assert first.end - 62 <= second.start <= first.end - 60
    assert place.ids(second.id) == [3, 9]


def test_an_open_incremental_run_is_finished_before_a_full_one_begins(place: Place, source: FakeStore) -> None:
    place.exporter(source, always).export(wanted())
    full = place.exporter(source)
    first = full.export(wanted(mode="full", owner="two"))
    assert first.run and (first.run.mode, first.finished, first.complete) == ("incremental", True, False)
    answer = full.answer(wanted(mode="full"), first)
    assert (answer["mode"], answer["wait_seconds"], answer["complete"]) == ("incremental", 1, False)
    source.clock_offset += 5
    second = full.export(wanted(mode="full", followed=first.run_id, owner="two"))
    assert second.run and (second.run.mode, second.complete) == ("full", True)
    assert place.check() == set(range(1, 9))
    assert place.item()["finished"] == {"incremental": first.run_id, "full": second.run_id}


def test_a_full_run_is_all_that_an_incremental_one_would_be(place: Place, source: FakeStore) -> None:
    place.exporter(source, always).export(wanted(mode="full"))
    outcome = finish(place.exporter(source), wanted())
    assert outcome.run and outcome.run.mode == "full"


@pytest.mark.parametrize("mode", ["incremental", "full"])
def test_who_follows_a_run_that_somebody_else_finished_is_done(place: Place, source: FakeStore, mode: str) -> None:
    followed = place.exporter(source, always).export(wanted(mode=mode)).run_id
    finish(place.exporter(source), wanted(mode=mode, owner="two"))
    asked = source.requests
    exporter = place.exporter(source)
    outcome = exporter.export(wanted(mode=mode, followed=followed))
    answer = exporter.answer(wanted(mode=mode, followed=followed), outcome)
    assert (answer["complete"], answer["run"], answer["lag_seconds"]) == (True, followed, None)
    assert answer["manifest"].endswith(f"run={followed}.json")
    assert source.requests == asked


def test_who_follows_a_finished_full_run_is_done_though_another_run_is_open(place: Place, source: FakeStore) -> None:
    followed = place.exporter(source, always).export(wanted(mode="full")).run_id
    finish(place.exporter(source), wanted(mode="full", owner="two"))
    source.change(1)
    source.clock_offset += 300
    assert not place.exporter(source, always).export(wanted(owner="three")).complete
    assert place.exporter(source).export(wanted(mode="full", followed=followed)).complete


def test_who_finds_the_lease_taken_waits_and_follows(place: Place, source: FakeStore) -> None:
    answers = []

    def other_comes() -> None:
        exporter = place.exporter(source)
        answers.append(exporter.answer(wanted(), exporter.export(wanted(owner="two"))))

    source.at("page", 2, other_comes)
    outcome = place.exporter(source).export(wanted(mode="full"))
    (answer,) = answers
    assert (answer["busy"], answer["complete"], answer["run"]) == (True, False, outcome.run_id)
    assert answer["mode"] == "full"
    assert 1 <= answer["wait_seconds"] <= 60, "the other may be done long before its lease expires"
    assert place.exporter(source).export(wanted(followed=answer["run"], owner="two")).complete


@pytest.mark.parametrize("what", ["time", "count", "page", "count of a full run"])
def test_a_spent_quota_is_a_wait(place: Place, source: FakeStore, what: str) -> None:
    mode = "full" if "full" in what else "incremental"
    source.at(what.partition(" ")[0], 2 if mode == "full" else 1, RateLimited("spent", retry_after=6.2))
    exporter = place.exporter(source)
    outcome = exporter.export(wanted(mode=mode))
    answer = exporter.answer(wanted(mode=mode), outcome)
    assert (answer["complete"], answer["wait_seconds"], answer["busy"]) == (False, 7, False)
    assert answer["run"] == place.item().get("run", {}).get("id", "")
    assert finish(exporter, wanted(mode=mode, followed=answer["run"])).finished
    assert place.check() == set(range(1, 9))


def test_the_requests_of_all_slices_are_counted(place: Place, source: FakeStore) -> None:
    source.at("page", 2, RateLimited("spent", retry_after=1))
    exporter = place.exporter(source)
    assert not exporter.export(wanted()).complete
    outcome = exporter.export(wanted())
    assert outcome.run and outcome.run.requests == source.requests
    assert place.manifest(outcome.run_id)["requests"] == source.requests


def test_a_run_of_v3_is_begun_anew_in_v2_when_a_basic_account_takes_over(place: Place) -> None:
    source = FakeStore(range(1, 9), kind="token")
    place.exporter(source, always).export(wanted("products"))
    source.credentials = "Basic"
    exporter = place.exporter(source)
    outcome = exporter.export(wanted("products"))
    answer = exporter.answer(wanted("products"), outcome)
    assert (answer["complete"], answer["run"], answer["wait_seconds"]) == (False, "", 1)
    assert "run" not in place.item("products")
    source.clock_offset += 5
    outcome = finish(exporter, wanted("products"))
    assert {row["_api"] for row in place.rows(outcome.run_id, "products")} == {"v2"}
    assert place.check("products") == set(range(1, 9))


def test_a_lease_is_given_back_whatever_happens(place: Place, source: FakeStore) -> None:
    source.at("time", 1, Unauthorized("no"))
    with pytest.raises(Unauthorized):
        place.exporter(source).export(wanted())
    assert "lease_until" not in place.item()
    assert not place.exporter(source).export(wanted(owner="two")).busy


def test_a_run_whose_manifest_was_written_but_that_was_not_closed_is_closed(place: Place, source: FakeStore) -> None:
    with pytest.raises(Killed), place.before_call(7, kill) as calls:
        place.exporter(source).export(wanted())
    assert calls[5:7] == ["s3.PutObject", "dynamodb.UpdateItem"]
    (key,) = place.keys("exports/_manifests/")
    before, asked = place.body(key), source.requests
    outcome = place.exporter(source).export(wanted())
    assert outcome.run and outcome.finished and place.item()["watermark"] == outcome.run.end
    assert (place.body(key), source.requests) == (before, asked)
