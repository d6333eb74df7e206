"""Runs that are given up: the next one has a name of its own, and nothing is lost with them."""

from __future__ import annotations

from typing import Any

import pytest

from storekey._errors import NotFound, RequestRejected, StoreError, TokenRequired
from storekey.exports._files import Files
from tests.layer.exports.conftest import Place, always, finish, wanted
from tests.layer.exports.fakes import Clock, FakeStore

# The one list that is read by cursors, which may become too old.
CUSTOMERS = ("customers", "token")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def store(clock: Clock, kind: Any = "Basic") -> FakeStore:
    source = FakeStore(range(1, 9), kind=kind)
    source.clock = clock
    return source


def reject(place: Place, source: FakeStore, resource: str = "customers", mode: str = "incremental") -> str:
    """Have the store reject the second page of a run that is open; return the run's name."""
    run = place.exporter(source, always).export(wanted(resource, mode)).run_id
    source.at("page", source.asked["page"] + 1, RequestRejected("the cursor is too old", status=422))
    with pytest.raises(RequestRejected):
        place.exporter(source).export(wanted(resource, mode, run))
    return run


@pytest.mark.parametrize("mode", ["incremental", "full"])
@pytest.mark.parametrize(("resource", "kind"), [CUSTOMERS])
def test_a_run_that_is_rejected_begins_again_and_loses_nothing(
    place: Place, clock: Clock, resource: str, kind: Any, mode: str
) -> None:
    source = store(clock, kind)
    place.exporter(source).export(wanted(resource))
    clock.now += 300
    for row_id in (2, 3, 5, 7):
        source.change(row_id)
    source.add(9, age=0)
    clock.now += 300
    rejected = reject(place, source, resource, mode)
    source.rows[2]["name"] = "as it is now"
    source.change(2)
    clock.now += 300
    outcome = finish(place.exporter(source), wanted(resource, mode, rejected))
    assert place.ids(outcome.run_id, resource) == ([2, 3, 5, 7, 9] if mode == "incremental" else list(range(1, 10)))
    assert [row.get("name") for row in place.rows(outcome.run_id, resource) if row["id"] == 2] == ["as it is now"]
    assert place.check(resource) == set(range(1, 10))
    assert rejected < outcome.run_id


@pytest.mark.parametrize("error", [NotFound("no"), RequestRejected("no")])
def test_what_is_rejected_is_raised_and_leaves_no_run(place: Place, clock: Clock, error: StoreError) -> None:
    source = store(clock, "token")
    source.at("page", 2, error)
    with pytest.raises(type(error)):
        place.exporter(source).export(wanted("customers"))
    assert not {"run", "watermark", "lease_until"} & set(place.item("customers"))
    assert place.keys("exports/_manifests/") == []


@pytest.mark.parametrize("mode", ["incremental", "full"])
def test_no_run_gets_the_name_of_one_that_was_given_up(place: Place, clock: Clock, mode: str) -> None:
    source = store(clock, "token")
    rejected = reject(place, source, mode=mode)
    exporter = place.exporter(source)
    answer = exporter.answer(
        wanted("customers", mode=mode), exporter.export(wanted("customers", mode=mode, followed=rejected))
    )
    assert (answer["complete"], answer["run"], answer["wait_seconds"], answer["mode"]) == (False, "", 1, mode)
    clock.now += 1
    outcome = finish(exporter, wanted("customers", mode=mode))
    assert outcome.run_id > rejected
    assert place.check("customers") == set(range(1, 9))


def test_there_is_something_to_do_after_a_run_that_was_given_up(place: Place, clock: Clock) -> None:
    source = store(clock, "token")
    exporter = place.exporter(source)
    exporter.export(wanted("customers"))
    source.change(1)
    clock.now += 300
    reject(place, source)
    source.clock_offset = -10  # behind the run that was given up, and not behind the one before
    outcome = exporter.export(wanted("customers"))
    assert (outcome.complete, outcome.run, outcome.wait) == (False, None, 11)
    source.clock_offset = -250
    assert exporter.export(wanted("customers")).wait == 60
    source.clock_offset = -4000  # behind both
    assert exporter.export(wanted("customers")).complete


def test_who_follows_a_run_that_was_given_up_is_done_with_a_later_one(place: Place, clock: Clock) -> None:
    source = store(clock, "token")
    rejected = reject(place, source)
    clock.now += 5
    finish(place.exporter(source), wanted("customers", owner="two"))
    asked = source.requests
    assert place.exporter(source).export(wanted("customers", followed=rejected)).complete
    assert source.requests == asked


@pytest.mark.parametrize("error", [NotFound("no"), RequestRejected("no")])
@pytest.mark.parametrize(("resource", "kind"), [("orders", "Basic"), ("products", "token")])
def test_a_run_by_ids_that_is_rejected_once_goes_on(
    place: Place, clock: Clock, resource: str, kind: Any, error: StoreError
) -> None:
    source = store(clock, kind)
    source.at("page", 2, error)
    with pytest.raises(type(error)):
        place.exporter(source).export(wanted(resource))
    kept = place.item(resource)["run"]
    assert kept["rows"] > 0
    outcome = finish(place.exporter(source), wanted(resource))
    assert outcome.run_id == kept["id"]
    assert place.check(resource) == set(range(1, 9))


@pytest.mark.parametrize("last", [None, ""])
def test_customers_end_where_no_cursor_follows(place: Place, clock: Clock, last: str | None) -> None:
    source = store(clock, "token")
    source.last_cursor = last
    finish(place.exporter(source), wanted("customers"))
    assert place.check("customers") == set(range(1, 9))


@pytest.mark.parametrize("mode", ["incremental", "full"])
def test_customers_whose_last_cursor_is_missing_survive_a_kill_at_their_end(
    place: Place, clock: Clock, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    source = store(clock, "token")
    source.last_cursor = None

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(Files, "put_manifest", die)
        place.exporter(source).export(wanted("customers", mode))
    outcome = finish(place.exporter(source), wanted("customers", mode))
    assert place.check("customers") == set(range(1, 9))
    verdict = place.manifest(outcome.run_id, "customers")["counts"]["verdict"]
    assert verdict == "agrees"


@pytest.mark.parametrize("what", ["count", "page"])
def test_a_run_for_which_the_token_is_gone_is_begun_in_v2(place: Place, clock: Clock, what: str) -> None:
    source = store(clock, "token")

    def replace_credentials() -> None:
        source.credentials = "Basic"
        raise TokenRequired("v3 needs a token account")

    source.at(what, 1, replace_credentials)
    exporter = place.exporter(source)
    outcome = exporter.export(wanted("customers"))
    answer = exporter.answer(wanted("customers"), outcome)
    assert (answer["complete"], answer["run"], answer["wait_seconds"]) == (False, "", 1)
    clock.now += 1
    outcome = finish(exporter, wanted("customers"))
    assert {row["_api"] for row in place.rows(outcome.run_id, "customers")} == {"v2"}
    assert place.check("customers") == set(range(1, 9))
