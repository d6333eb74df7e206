"""One budget for all environments: the quota is used up and the reserve left, by whatever number of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from sandbox.store import Hourly, Window
from storekey.exports._budget import ASKED, LAPSE_SECONDS, POLL_SECONDS, SCOUT_SECONDS, SharedPace, read
from tests.layer.exports.conftest import Place
from tests.layer.exports.shared import NOON, Table, World

LEFT, QUOTA, RESET = "X-Rate-Limit-Requests-Left", "X-Rate-Limit-Requests-Quota", "X-Rate-Limit-Time-Reset-Ms"
RETRY, REMAINING = "X-Retry-After", "X-BC-ApiLimit-Remaining"
TOKEN = Window(limit=150, seconds=30.0)
RESERVE = 30


class Shared:
    """A table, and the paces of environments that share it, on a clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOON
        self.table = Table()

    def pace(self) -> SharedPace:
        return SharedPace(self.table, "table", 20, lambda: self.now)  # type: ignore[arg-type]

    def told(self, left: int = 149, reset: int = 30_000) -> SharedPace:
        """A pace by which the first answer of the store's window has come."""
        pace = self.pace()
        assert pace.ask() == 0
        pace.note(200, token(left, reset))
        return pace


@pytest.fixture
def shared() -> Shared:
    return Shared()


def token(left: object = 149, reset: object = 30_000, quota: object = 150) -> dict[str, str]:
    return {LEFT: str(left), QUOTA: str(quota), RESET: str(reset)}


def sent(pace: SharedPace, most: int = 1000) -> int:
    """How many requests a pace lets pass at once."""
    return next(number for number in range(most) if pace.ask())


@pytest.mark.parametrize("workers", [1, 2, 4, 8])
def test_all_get_the_same_share_of_a_quota_that_is_used_up_to_its_reserve(workers: int) -> None:
    world = World(TOKEN, workers)
    world.run(200)
    windows = world.windows()
    assert len(windows) == 6
    assert {one.status for one in world.seen} == {200}
    assert min(one.left for one in world.seen) >= RESERVE
    assert all(108 <= len(window) <= 120 for window in windows), list(map(len, windows))
    shares = world.shares().values()
    assert len(shares) == workers and max(shares) <= 1.1 * min(shares), shares


@pytest.mark.parametrize(("latency", "most"), [(0.5, 1.5), (6.0, 4.0)])
def test_nobody_waits_for_others_where_the_quota_is_large_enough(latency: float, most: float) -> None:
    world = World(Window(20_000, 30.0), 4, latency)
    world.run(300)
    alone = 300 / latency
    assert all(count >= 0.9 * alone for count in world.shares().values()), (alone, world.shares())
    assert world.table.calls <= most * len(world.seen), "DynamoDB is not asked for each request many times"


@pytest.mark.parametrize("workers", [1, 4, 8])
@pytest.mark.parametrize("pause", [0.25, 1.0])
def test_what_other_apps_use_is_not_used_by_us(workers: int, pause: float) -> None:
    world = World(TOKEN, workers)
    world.every(pause, world.send)
    world.run(130)
    assert {one.status for one in world.ours()} == {200}
    assert min(one.left for one in world.ours()) >= RESERVE - workers
    assert all(len(window) >= 0.9 * (120 - 30 / pause) for window in world.windows()), list(map(len, world.windows()))


@pytest.mark.parametrize(("headers", "seconds"), [(None, 25), ({RETRY: "12"}, 11.9), ({}, 0.9)])
def test_a_429_of_one_holds_all(headers: dict[str, str] | None, seconds: float) -> None:
    world = World(TOKEN, 8)
    world.run(31)

    def spend() -> None:
        while world.send()[0] == 200:
            pass
        if headers is not None:
            world.headers = lambda _: headers
            world.at(0.5, lambda: setattr(world, "headers", dict))

    world.at(1.0, spend)
    world.run(60)
    first = next(one.at for one in world.ours() if one.status == 429)
    refused = [one for one in world.ours() if one.status == 429]
    late = [one for one in world.ours() if 0.3 < one.at - first < seconds]
    assert len(refused) <= 8 and not late, (len(refused), late)
    assert len(world.windows()[-1]) >= 108, "then it goes on"


def test_after_a_509_one_asks_each_minute(shared: Shared) -> None:
    one, other = shared.told(), shared.told()
    one.note(509, {})
    shared.now += LAPSE_SECONDS
    assert [one.ask(), other.ask()] == pytest.approx([59, 59])
    shared.now += 59
    assert sorted(pace.ask() for pace in (one, other, shared.pace())) == [0, POLL_SECONDS, POLL_SECONDS]


@pytest.mark.parametrize("workers", [1, 4, 8])
def test_with_a_basic_account_all_together_ask_once_a_minute_for_what_is_above_the_reserve(workers: int) -> None:
    world = World(Hourly(4100), workers)
    world.run(1)
    world.run(600)
    left = [one.left for one in world.seen]
    assert {one.status for one in world.seen} == {200}
    assert min(left[:101]) >= 4000 - workers
    spent = next(one.at for one in world.seen if one.left <= 4000)
    later = [one.at for one in world.seen if one.at > spent + 1]
    assert 9 <= len(later) <= 10
    assert all(b - a >= 60 for a, b in pairwise(later))


def test_a_store_that_tells_no_quota_is_asked_as_fast_as_may_be(shared: Shared) -> None:
    one, other = shared.pace(), shared.pace()
    assert one.ask() == 0 and other.ask() == POLL_SECONDS
    one.note(404, {})
    assert other.ask() == 0 and one.ask() == POLL_SECONDS, "this may be a proxy's answer"
    other.note(200, {})
    for _ in range(200):
        assert one.ask() == 0 and other.ask() == 0
        one.note(200, {})
        shared.now += 1
    assert shared.table.calls < 1300


def test_a_quota_that_is_told_all_at_once_counts(shared: Shared) -> None:
    one, other = shared.pace(), shared.pace()
    assert one.ask() == 0
    one.note(200, {})
    assert one.ask() == 0 and other.ask() == 0
    one.note(200, token(32, 9_000))
    assert sent(one) == 2
    assert one.ask() == 9
    shared.now += LAPSE_SECONDS
    assert other.ask() == 8


def test_permits_lapse_so_that_a_refusal_is_heard_of_and_none_is_lost(shared: Shared) -> None:
    one, other = shared.told(), shared.pace()
    assert one.ask() == 0
    for _ in range(3):
        shared.now += LAPSE_SECONDS
        assert one.ask() == 0, "kept permits count again"
    assert read(shared.table.item, int(shared.now * 1000)).permits == 119 - 7  # type: ignore[union-attr]
    other.ask()
    other.note(429, {RETRY: "5"})
    assert one.ask() == 0, "not heard of yet"
    shared.now += LAPSE_SECONDS
    assert one.ask() == 4


def test_a_scout_without_an_answer_is_followed_by_another(shared: Shared) -> None:
    dead, one, other = shared.pace(), shared.pace(), shared.pace()
    assert dead.ask() == 0
    assert one.ask() == other.ask() == POLL_SECONDS
    shared.now += SCOUT_SECONDS
    assert sorted([one.ask(), other.ask()]) == [0, POLL_SECONDS]
    dead.note(200, token())
    assert one.ask() == other.ask() == 0, "an answer counts though it is late"


def test_a_dead_scout_holds_nobody_up_once_the_quota_is_known(shared: Shared) -> None:
    dead, other = shared.told(), shared.pace()
    shared.now += 30
    assert dead.ask() == 0
    assert sent(other) >= 100
    shared.now += SCOUT_SECONDS
    assert other.ask() == 0 and shared.pace().ask() == POLL_SECONDS, "nor are permits handed out twice"


def test_anyone_may_go_after_an_answer_of_no_use_or_none(shared: Shared) -> None:
    scout, other = shared.pace(), shared.pace()
    for status in (503, 404, None):
        assert scout.ask() == 0
        assert other.ask() == POLL_SECONDS
        scout.note(status, {})
    assert other.ask() == 0
    assert scout.ask() == POLL_SECONDS
    other.note(200, token())
    assert scout.ask() == other.ask() == 0


ODD = st.one_of(st.text(max_size=5), st.floats().map(str), st.integers().map(str), st.just("1700000000000"))


@given(st.dictionaries(st.sampled_from([LEFT, QUOTA, RESET, RETRY, REMAINING]), ODD), st.integers(100, 599))
def test_odd_headers_silence_nobody_for_long(headers: dict[str, str], status: int) -> None:
    shared = Shared()
    pace = shared.pace()
    assert pace.ask() == 0
    pace.note(status, headers)
    while wait := pace.ask():
        shared.now += wait
        assert shared.now - NOON <= (3600 if status in (429, 509) else 60)


TYPES: list[Any] = [
    {"S": "x"},
    {"S": "asked"},
    {"N": "-1"},
    {"N": "0"},
    {"N": "1.5"},
    {"N": "1e30"},
    {"N": str(10**15)},
    {"B": b"\x00"},
    {"BOOL": True},
    {"NULL": True},
    {"M": {}},
    {"L": [{"N": "1"}]},
    {"SS": ["a"]},
    None,
]
NAMES = ["opened", "ends", "permits", "usual", "phase"]


def garble(item: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**item, **changes}.items() if value}


@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(TYPES), min_size=1), st.booleans())
def test_whatever_the_item_holds_it_goes_on_within_a_window(changes: dict[str, Any], spent: bool) -> None:
    shared = Shared()
    one = shared.told(30 if spent else 149)
    shared.table.item = garble(shared.table.item, changes)
    other, waited = shared.pace(), 0.0
    while wait := other.ask():
        other.note(503, {})
        waited += wait
        shared.now += wait
        assert waited <= 61
    other.note(200, token(31, 1_000))
    shared.now += LAPSE_SECONDS
    assert one.ask() == 0 or other.ask() == 0


@pytest.mark.parametrize("change", [dict, *TYPES[:6]], ids=str)
def test_a_budget_that_is_lost_or_garbled_again_and_again_is_found_anew(change: Any) -> None:
    world = World(TOKEN, 4)

    def spoil() -> None:
        number = len(world.seen) % len(NAMES)
        world.table.item = {} if change is dict else garble(world.table.item, {NAMES[number]: change})

    world.every(3.7, spoil)
    world.run(130)
    assert {one.status for one in world.seen} == {200}
    assert min(one.left for one in world.seen) >= RESERVE - 4
    least = 20 if change == {"N": "0"} else 100  # no permits: what may well be, until the window ends
    assert all(len(window) >= least for window in world.windows()), list(map(len, world.windows()))
    assert min(world.shares().values()) > 0.7 * max(world.shares().values())


def test_workers_that_are_killed_take_nothing_with_them() -> None:
    world = World(TOKEN, 8)
    for number in range(6):
        world.at(10.01 * number, lambda number=number: world.killed.add(f"worker {number}"))  # type: ignore[misc]
    world.run(190)
    assert {one.status for one in world.seen} == {200}
    assert all(len(window) >= 100 for window in world.windows()), list(map(len, world.windows()))


@pytest.mark.parametrize("headers", [token(), token(0), {}])
@pytest.mark.parametrize("status", [200, 429])
def test_trouble_of_dynamodb_is_raised_when_asked_and_never_hides_an_answer(
    shared: Shared, status: int, headers: dict[str, str]
) -> None:
    pace = shared.pace()
    assert pace.ask() == 0
    shared.table.trouble = EndpointConnectionError(endpoint_url="https://dynamodb.example")
    pace.note(status, headers)
    with pytest.raises(EndpointConnectionError):
        pace.ask()
    shared.table.trouble = None
    shared.now += SCOUT_SECONDS
    assert pace.ask() in (0, 30 - SCOUT_SECONDS), "what was learnt is not forgotten, and it goes on"


def in_threads(work: Callable[[], int], number: int) -> list[int]:
    done: list[int] = []
    threads = [threading.Thread(target=lambda: done.append(work())) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


def test_threads_and_environments_never_take_a_permit_twice(shared: Shared) -> None:
    """Given a clock that stands still, all that there is in the window is taken, and nothing else."""
    scout = shared.told()
    paces = [shared.pace() for _ in range(4)]

    def hungry() -> int:
        taken, pace = 0, paces.pop()
        for _ in range(200):
            taken += pace.ask() == 0
        return taken

    assert sum(in_threads(hungry, 4)) == 119
    shared.now += 30
    assert scout.ask() == 0
    paces += [scout] * 4
    scout.note(200, token())
    assert sum(in_threads(hungry, 4)) == 119


def test_who_comes_second_takes_from_what_is_there(shared: Shared) -> None:
    one, other = shared.told(), shared.pace()
    assert sent(one) == 119
    shared.now += 30
    happening = [other.ask]
    shared.table.meanwhile = lambda: happening.pop()() if happening else 0.0
    assert one.ask() == 0 and not happening
    one.note(200, token(149))
    other.note(200, token(148))
    assert sent(one) + sent(other) == 118


def test_an_answer_of_no_use_changes_nothing_once_another_told(shared: Shared) -> None:
    one, other = shared.told(), shared.pace()
    shared.now += 30
    assert one.ask() == other.ask() == 0
    other.note(200, token(148))
    told = shared.table.item
    one.note(502, {})
    assert shared.table.item == told


def test_scouts_that_all_stay_without_an_answer_end_in_a_new_window_as_large_as_usual(shared: Shared) -> None:
    shared.told()
    shared.now += 30
    for _ in range(20):
        assert shared.pace().ask() == 0
        shared.now += SCOUT_SECONDS
    budget = read(shared.table.item, int(shared.now * 1000))
    assert budget and budget.usual == 120 and budget.permits >= 120 - 14


def test_who_is_late_each_time_tries_again_soon(shared: Shared) -> None:
    shared.told()
    numbers = iter(range(100, 50, -1))
    shared.table.meanwhile = lambda: shared.table.item.update(permits={"N": str(next(numbers))})
    assert 0 < shared.pace().ask() < POLL_SECONDS
    shared.table.meanwhile = lambda: None
    assert shared.pace().ask() == 0


def test_dynamodb_keeps_it_as_it_is_meant(place: Place) -> None:
    now = [NOON]
    one, other = (SharedPace(place.dynamodb, place.name, 20, lambda: now[0]) for _ in range(2))
    assert one.ask() == 0
    assert place.item("quota")["phase"] == ASKED
    assert other.ask() == POLL_SECONDS
    one.note(200, token(34))
    assert [one.ask(), other.ask(), other.ask()] == [0, 0, 0]
    place.dynamodb.update_item(
        TableName=place.name,
        Key={"resource": {"S": "quota"}},
        UpdateExpression="SET permits = :odd, phase = :odd",
        ExpressionAttributeValues={":odd": {"L": [{"B": b"\x00"}, {"M": {}}]}},
    )
    now[0] += LAPSE_SECONDS
    assert other.ask() == 0 and one.ask() == POLL_SECONDS
    other.note(429, {RETRY: "7"})
    assert one.ask() == 7
    place.dynamodb.delete_item(TableName=place.name, Key={"resource": {"S": "quota"}})
    assert one.ask() == 0
