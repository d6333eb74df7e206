"""A backfill holds what the store holds, in ranges that meet, whatever becomes of its executions and its state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from storekey import Forbidden, RateLimited, RequestRejected
from storekey.exports import _plan, _slice
from storekey.exports._backfill import Backfill, BackfillGone, Planned
from storekey.exports._exporter import Outcome
from storekey.exports._state import Busy
from tests.layer.exports.conftest import Place, always, finish, never, wanted
from tests.layer.exports.fakes import Clock, FakeStore

DAY = 86_400


@pytest.fixture(autouse=True)
def _few_rows_make_a_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_plan, "_LEAST_ROWS", 4)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source(clock: Clock) -> FakeStore:
    store = FakeStore()
    store.clock = clock
    for row_id in range(11, 29):
        store.add(row_id)
    return store


def backfill(
    place: Place,
    source: FakeStore,
    resource: str = "orders",
    *,
    out_of_time: Callable[[], bool] = never,
    owner: str = "one",
) -> Backfill:
    return Backfill(place.exporter(source, out_of_time), resource, owner)


def run_all(doing: Backfill, slices: int = 60) -> Outcome:
    """Do all of a backfill, as the state machine does; nothing waits."""
    for _ in range(slices):
        planned = doing.plan()
        if planned.plan is None:
            continue
        for one in planned.left:
            while not doing.work_on(planned.plan.id, one.number).complete:
                slices -= 1
                assert slices > 0
        while not (outcome := doing.finish(planned.plan.id)).complete and not outcome.unfinished:
            slices -= 1
            assert slices > 0
        if outcome.complete:
            return outcome
    raise AssertionError(f"not complete after {slices} slices")


def planned(doing: Backfill) -> tuple[str, Planned]:
    found = doing.plan()
    assert found.plan
    return found.plan.id, found


def test_a_backfill_holds_everything_and_proves_it(place: Place, source: FakeStore) -> None:
    outcome = run_all(backfill(place, source))
    manifest = place.manifest(outcome.run_id)
    assert place.ids(outcome.run_id) == list(source.rows) and place.check() == set(source.rows)
    assert [(one["after"], one["to"], one["rows"]) for one in manifest["ranges"]] == [
        (0, 14, 4),
        (14, 19, 5),
        (19, 23, 4),
        (23, 28, 5),
        (28, None, 0),
    ]
    assert manifest["counts"]["verdict"] == "agrees" and manifest["mode"] == "backfill"
    assert manifest["requests"] == source.requests
    assert [one["key"].rpartition("/")[2] for one in manifest["parts"]] == [
        f"part-{number:05}-00000.jsonl.gz" for number in range(4)
    ]
    assert place.item("orders/backfill") == {"resource": "orders/backfill", "finished": outcome.run_id}


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("deaf", [set(), {"max_id"}, {"sort"}, {"max_id", "sort"}])
@pytest.mark.parametrize("cap", [1, 50])
def test_ranges_are_whole_however_the_store_takes_bounds(
    place: Place, source: FakeStore, inclusive: bool, deaf: set[str], cap: int
) -> None:
    if inclusive and cap == 1:
        cap = 2  # a page of the row that is known already ends a list
    source.inclusive, source.deaf, source.cap = inclusive, deaf, cap
    del source.rows[14], source.rows[15], source.rows[28]
    assert place.ids(run_all(backfill(place, source)).run_id) == list(source.rows)


def test_a_range_whose_last_id_is_there_needs_no_request_to_see_its_end(place: Place, source: FakeStore) -> None:
    run_id, found = planned(backfill(place, source))
    asked = source.requests
    assert backfill(place, source).work_on(run_id, 1).complete  # 15 to 19, three rows a page
    assert source.requests - asked == 2
    assert [one.to for one in found.left] == [14, 19, 23, 28]


@pytest.mark.parametrize(
    ("resource", "kind", "ranges"), [("products", "token", 4), ("customers", "token", 0), ("customers", "Basic", 4)]
)
def test_lists_of_either_api_are_backfilled_and_cursors_have_no_ranges(
    place: Place, source: FakeStore, resource: str, kind: Any, ranges: int
) -> None:
    source.credentials = kind
    outcome = run_all(backfill(place, source, resource))
    assert place.ids(outcome.run_id, resource) == list(source.rows)
    assert len(place.manifest(outcome.run_id, resource)["ranges"]) == ranges + 1


def test_an_empty_store_is_backfilled_too(place: Place, clock: Clock) -> None:
    source = FakeStore()
    source.clock = clock
    outcome = run_all(backfill(place, source))
    manifest = place.manifest(outcome.run_id)
    assert (manifest["rows"], manifest["first_id"], manifest["counts"]["verdict"]) == (0, None, "agrees")


def test_what_is_created_meanwhile_is_in_the_tail(place: Place, source: FakeStore) -> None:
    run_id, _ = planned(backfill(place, source))
    source.add(40, age=0)
    outcome = run_all(backfill(place, source))
    assert outcome.run_id == run_id and place.ids(run_id)[-1] == 40
    assert place.manifest(run_id)["counts"]["verdict"] == "explained"


def test_every_slice_may_be_the_shortest(place: Place, source: FakeStore) -> None:
    source.include = "partly"
    doing = Backfill(place.exporter(source, always, with_lines=True), "orders", "one")
    rows = place.rows(run_all(doing, slices=99).run_id)
    assert [row["id"] for row in rows] == list(source.rows) and all(len(row["_lines"]) == 2 for row in rows)


def test_a_dry_run_estimates_and_notes_nothing(place: Place, source: FakeStore) -> None:
    source.include = "partly"  # every second order's lines have to be asked for
    doing = Backfill(place.exporter(source, with_lines=True), "orders", "one")
    answer = doing.answer(doing.plan(dry_run=True))
    assert [(one["after"], one["to"]) for one in answer["ranges"]] == [(0, 14), (14, 19), (19, 23), (23, 28)]
    estimate = answer["estimate"]
    assert (answer["count"], answer["first_id"], answer["last_id"]) == (18, 11, 28)
    assert (estimate["rows_sampled"], estimate["fetched_lines"], estimate["requests"]) == (3, 2, 6 + 4 + 2 + 12)
    assert estimate["bytes_sampled"] > 100 and estimate["seconds_sampled"] == 0.25
    assert place.item("orders/backfill") == {} and place.keys() == []


def test_who_plans_again_gets_the_ranges_that_are_left(place: Place, source: FakeStore) -> None:
    run_id, _ = planned(backfill(place, source))
    assert backfill(place, source).work_on(run_id, 2).complete
    backfill(place, source, out_of_time=always).work_on(run_id, 0)
    again, found = planned(backfill(place, source, owner="another"))
    assert (again, found.resumed) == (run_id, True)
    assert [one.number for one in found.left] == [0, 1, 3]
    assert run_all(backfill(place, source)).run_id == run_id


def test_what_rests_for_a_week_is_planned_anew_and_what_goes_on_is_not(
    place: Place, source: FakeStore, clock: Clock
) -> None:
    run_id, _ = planned(backfill(place, source))
    clock.now += 6 * DAY
    assert backfill(place, source).work_on(run_id, 1).complete
    clock.now += 6 * DAY
    assert planned(backfill(place, source))[0] == run_id
    clock.now += 2 * DAY
    assert planned(backfill(place, source))[0] != run_id


def test_what_was_planned_long_ago_is_planned_anew(place: Place, source: FakeStore, clock: Clock) -> None:
    old, _ = planned(backfill(place, source))
    clock.now += 7 * DAY
    new, found = planned(backfill(place, source))
    assert new != old and not found.resumed
    with pytest.raises(BackfillGone, match="start it again"):
        backfill(place, source).work_on(old, 0)
    with pytest.raises(BackfillGone):
        backfill(place, source).finish(old)


def test_a_basic_account_plans_anew_what_a_token_began_in_v3(place: Place, source: FakeStore, clock: Clock) -> None:
    source.credentials = "token"
    _, found = planned(backfill(place, source, "products"))
    assert found.plan and found.plan.api == "v3"
    source.credentials = "Basic"
    clock.now += 5
    assert place.manifest(run_all(backfill(place, source, "products")).run_id, "products")["api"] == "v2"


def test_a_second_plan_of_the_same_second_waits(place: Place, source: FakeStore, clock: Clock) -> None:
    first = run_all(backfill(place, source))
    assert backfill(place, source).plan().wait > 0
    clock.now += 1
    assert run_all(backfill(place, source)).run_id > first.run_id


def test_of_two_who_plan_at_once_one_wins(place: Place, source: FakeStore, clock: Clock) -> None:
    others: list[str] = []

    def plan_as_well() -> None:
        clock.now += 1
        others.append(planned(backfill(place, source))[0])

    source.at("count", 1, plan_as_well)
    assert backfill(place, source).plan().wait > 0
    assert planned(backfill(place, source))[0] == others[0]


def test_what_was_given_up_is_gone_and_its_name_with_it(place: Place, source: FakeStore, clock: Clock) -> None:
    run_id, _ = planned(backfill(place, source))
    place.state.note_failure("orders/backfill", "Forbidden", "a scope is missing")
    assert backfill(place, source).give_up() == run_id
    assert place.item("orders/backfill") == {"resource": "orders/backfill", "dropped": run_id}
    assert backfill(place, source).give_up() == ""
    with pytest.raises(BackfillGone):
        backfill(place, source).work_on(run_id, 0)
    assert backfill(place, source).plan().wait > 0  # until a second has passed
    clock.now += 1
    assert planned(backfill(place, source))[0] > run_id


def test_a_range_that_is_not_planned_is_no_range(place: Place, source: FakeStore) -> None:
    run_id, _ = planned(backfill(place, source))
    for number in (-1, 4):
        with pytest.raises(BackfillGone, match="has no range"):
            backfill(place, source).work_on(run_id, number)


def test_the_state_of_a_range_may_get_lost(place: Place, source: FakeStore) -> None:
    doing = backfill(place, source)
    run_id, found = planned(doing)
    for one in found.left:
        doing.work_on(run_id, one.number)
    place.dynamodb.delete_item(TableName=place.name, Key={"resource": {"S": f"orders/backfill/{run_id}/00002"}})
    outcome = doing.finish(run_id)
    assert (outcome.complete, outcome.unfinished) == (False, True)
    assert [one.number for one in planned(doing)[1].left] == [2]
    assert run_all(doing).run_id == run_id and place.ids(run_id) == list(source.rows)


def test_a_range_that_another_works_on_is_busy(place: Place, source: FakeStore) -> None:
    run_id, _ = planned(backfill(place, source))
    key = f"orders/backfill/{run_id}/00001"
    assert not isinstance(place.state.acquire(key, "another"), Busy)
    outcome = backfill(place, source).work_on(run_id, 1)
    assert outcome.busy and 0 < outcome.wait <= 60
    assert backfill(place, source, owner="another").work_on(run_id, 1).complete
    assert place.item(key)["expires"] > clock_of(source) + 20 * DAY  # DynamoDB removes it then


def clock_of(source: FakeStore) -> float:
    now: float = source.clock.time()
    return now


@pytest.mark.parametrize(
    ("what", "step"), [("time", 0), ("count", 0), ("page", 0), ("page", 1), ("page", 2), ("count", 2)]
)
def test_a_spent_quota_is_a_wait_at_every_step(place: Place, source: FakeStore, what: str, step: int) -> None:
    spent = RateLimited("429", retry_after=7.5)
    doing = backfill(place, source)
    steps: list[Callable[[], Planned | Outcome]] = [doing.plan]
    if step:
        run_id, found = planned(doing)
        steps += [lambda: doing.work_on(run_id, 1)]
        if step == 2:
            for one in found.left:
                doing.work_on(run_id, one.number)
        steps += [lambda: doing.finish(run_id)]
    source.at(what, source.asked[what] + 1, spent)
    came = steps[step]()
    assert came.wait == 7.5
    assert place.ids(run_all(doing).run_id) == list(source.rows)


def test_a_finished_backfill_is_finished_for_whoever_asks(place: Place, source: FakeStore) -> None:
    outcome = run_all(backfill(place, source))
    asked = source.requests
    again = backfill(place, source, owner="another")
    for late in (again.finish(outcome.run_id), again.work_on(outcome.run_id, 1)):
        assert late.complete and not late.finished and source.requests == asked


def test_a_cursor_that_is_too_old_is_begun_anew_over_the_parts_that_are_there(
    place: Place, source: FakeStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_slice, "PART_BYTES", 1)  # each page is a part
    source.credentials = "token"
    doing = backfill(place, source, "customers")
    run_id, _ = planned(doing)
    source.at("page", 5, RequestRejected("no such cursor", status=400))
    with pytest.raises(RequestRejected):
        doing.finish(run_id)
    source.cap = 18
    assert doing.finish(run_id).complete
    assert place.check("customers") == set(source.rows), "and no file lies there that the manifest does not name"


def test_rows_that_two_empty_answers_hide_are_not_taken_for_exported(place: Place, source: FakeStore) -> None:
    doing = backfill(place, source)
    run_id, found = planned(doing)
    source.empty_pages = {source.asked["page"] + 1, source.asked["page"] + 2}
    for one in found.left:
        assert doing.work_on(run_id, one.number).complete
    assert doing.finish(run_id).complete
    assert place.manifest(run_id)["counts"]["verdict"] == "differs"
    assert "watermark" not in place.item(), "the next scheduled run does not begin behind them"
    assert place.ids(finish(place.exporter(source), wanted()).run_id) == list(source.rows)


def test_a_full_run_that_differs_leaves_the_watermark_where_it_was(place: Place, source: FakeStore) -> None:
    finish(place.exporter(source), wanted())
    before = place.item()["watermark"]
    source.clock.now += 200
    source.at(
        "page", source.asked["page"] + 2, lambda: source.empty_pages.update({source.asked["page"] + n for n in (0, 1)})
    )
    full = finish(place.exporter(source), wanted(mode="full"))
    assert place.manifest(full.run_id)["counts"]["verdict"] == "differs"
    assert (place.item()["watermark"], place.item()["abandoned"]) == (before, full.run and full.run.end)
    source.clock.now += 200
    assert finish(place.exporter(source), wanted()).run_id > full.run_id


def test_a_plan_that_cannot_be_read_is_planned_anew(place: Place, source: FakeStore, clock: Clock) -> None:
    run_id, _ = planned(backfill(place, source))
    place.dynamodb.update_item(
        TableName=place.name, Key={"resource": {"S": "orders/backfill"}}, UpdateExpression="REMOVE #plan.stops",
        ExpressionAttributeNames={"#plan": "plan"},
    )  # fmt: skip
    with pytest.raises(BackfillGone):
        backfill(place, source).work_on(run_id, 0)
    clock.now += 5
    assert run_all(backfill(place, source)).run_id > run_id


def test_a_clock_that_was_set_back_is_waited_for_without_a_survey(
    place: Place, source: FakeStore, clock: Clock
) -> None:
    run_all(backfill(place, source))
    source.clock_offset -= 1_000
    asked = source.requests
    assert backfill(place, source).plan().wait == 60
    assert source.requests == asked + 1


def test_without_a_sort_or_count_everything_is_in_the_tail(place: Place, source: FakeStore) -> None:
    source.at("count", 1, lambda: source.at("page", 2, RequestRejected("no such order", status=400)))
    outcome = run_all(backfill(place, source))
    assert len(place.manifest(outcome.run_id)["ranges"]) == 1 and place.ids(outcome.run_id) == list(source.rows)


def test_what_is_forbidden_is_raised(place: Place, source: FakeStore) -> None:
    source.at("page", 1, Forbidden("no scope", status=403))
    with pytest.raises(Forbidden):
        backfill(place, source).plan()


def test_the_next_scheduled_run_begins_where_a_first_backfill_was_planned(place: Place, source: FakeStore) -> None:
    outcome = run_all(backfill(place, source))
    assert outcome.run and place.item()["watermark"] == outcome.run.end
    source.change(12)
    source.clock.now += 200
    assert place.ids(finish(place.exporter(source), wanted()).run_id) == [12]


def test_an_open_run_and_a_newer_one_stay_as_they_are(place: Place, source: FakeStore) -> None:
    run_id, _ = planned(backfill(place, source))
    source.clock.now += 5
    place.exporter(source, always).export(wanted())
    opened = place.item()["run"]["id"]
    assert run_all(backfill(place, source)).run_id == run_id
    assert place.item()["run"]["id"] == opened and "watermark" not in place.item()
    newer = finish(place.exporter(source), wanted())
    assert newer.run_id == opened and newer.run and place.item()["watermark"] == newer.run.end
    source.clock.now += 5
    older, _ = planned(backfill(place, source))
    source.clock.now += 5
    latest = finish(place.exporter(source), wanted())
    assert run_all(backfill(place, source)).run_id == older
    assert latest.run and place.item()["watermark"] == latest.run.end


def test_who_was_about_to_open_a_run_reads_the_new_watermark_first(place: Place, source: FakeStore) -> None:
    lease = place.state.acquire("orders", "scheduled")
    assert not isinstance(lease, Busy)
    run_all(backfill(place, source))
    assert place.item()["fence"] == lease.fence + 1
