"""Retry, refresh and quota decisions, as tables."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekey import (
    BadAnswer,
    Forbidden,
    NotFound,
    RateLimited,
    RequestRejected,
    TlsFailure,
    Unauthorized,
    Unavailable,
    Unreachable,
    WrongApiPath,
)
from storekey._exchange import Answer, Failure, Fault
from storekey._policy import MAX_ATTEMPTS, Refresh, Repeat, Situation, Step, Stop, Take, backoff, decide
from storekey._quota import hold_after, told_wait

RESET = "X-Rate-Limit-Time-Reset-Ms"
RETRY = "X-Retry-After"


def step(outcome: Answer | Failure, **changes: Any) -> Any:
    situation = {"attempt": 1, "reads": True, "refreshed": False, "time_left": 100.0} | changes
    return decide(outcome, Situation(**situation), lambda: 1.0)


def answer(status: int, **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize("status", [200, 201, 202, 204, 207])
def test_2xx_is_taken(status: int) -> None:
    assert step(answer(status)) == Take()


def test_the_first_401_reads_the_secret_again_and_the_second_stops() -> None:
    assert step(answer(401)) == Refresh()
    assert step(answer(401), reads=False) == Refresh()
    assert step(answer(401), refreshed=True) == Stop(Unauthorized, "the store refuses the credentials")


@pytest.mark.parametrize(
    ("status", "error", "remedy"),
    [
        (300, WrongApiPath, "not at api_path"),
        (301, WrongApiPath, "not at api_path"),
        (302, WrongApiPath, "not at api_path"),
        (304, WrongApiPath, "not at api_path"),
        (308, WrongApiPath, "not at api_path"),
        (399, WrongApiPath, "not at api_path"),
        (400, RequestRejected, "explain() tells why"),
        (402, RequestRejected, "explain() tells why"),
        (403, Forbidden, "give it the scope that the route needs"),
        (404, NotFound, "no such object"),
        (409, RequestRejected, "explain() tells why"),
        (413, RequestRejected, "explain() tells why"),
        (422, RequestRejected, "explain() tells why"),
        (501, Unavailable, "the store is unavailable"),
        (507, Unavailable, "the store is unavailable"),
    ],
)
def test_a_final_status_stops_at_once(status: int, error: type, remedy: str) -> None:
    stop = step(answer(status))
    assert (stop.error, stop.retry_after) == (error, 0.0)
    assert remedy in stop.reason


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failing_store_is_asked_again_for_reads_alone(status: int) -> None:
    assert step(answer(status)) == Repeat(0.5)
    assert step(answer(status), attempt=3) == Repeat(2.0)
    assert step(answer(status), attempt=MAX_ATTEMPTS).error is Unavailable
    assert step(answer(status), time_left=1.0).error is Unavailable, "nothing would be left to be answered in"
    assert step(answer(status), time_left=1.1) == Repeat(0.5)
    assert step(answer(status), reads=False).error is Unavailable


@pytest.mark.parametrize(
    ("failure", "reads", "expected"),
    [
        (Failure(Fault.UNREACHABLE, "reset"), True, Repeat(0.5)),
        (Failure(Fault.UNREACHABLE, "reset"), False, Stop(Unreachable, "reset")),
        (Failure(Fault.UNREACHABLE, "no connection", sent=False), False, Repeat(0.5)),
        (Failure(Fault.TLS, "expired"), True, Stop(TlsFailure, "expired")),
        (Failure(Fault.UNREADABLE, "too large"), True, Stop(BadAnswer, "too large")),
    ],
)
def test_no_answer(failure: Failure, reads: bool, expected: Step) -> None:
    assert step(failure, reads=reads) == expected


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({RESET: "1500"}, 1.5),
        ({RETRY: "3"}, 3.0),
        ({RESET: "1500", RETRY: "3"}, 3.0),
        ({RESET: "9000", RETRY: "3"}, 9.0),
        ({RESET: "0"}, 0.0),
        ({RESET: "soon", RETRY: "2"}, 2.0),
        ({RESET: "-5"}, 0.5),
        ({RESET: "nan"}, 0.5),
        ({RESET: "inf"}, 0.5),
        ({RETRY: "1, 2"}, 0.5),
        ({}, 0.5),
    ],
)
def test_429_waits_as_long_as_its_headers_say_and_backs_off_without(headers: dict[str, str], wait: float) -> None:
    assert step(Answer(429, headers)) == Repeat(wait)
    assert step(Answer(429, headers), reads=False) == Repeat(wait), "a refused write did not arrive"
    assert step(Answer(429, headers), time_left=0.0) == Stop(RateLimited, "the store's quota is spent", wait)
    assert step(Answer(429, headers), attempt=MAX_ATTEMPTS).error is RateLimited


@pytest.mark.parametrize(("headers", "wait"), [({}, 60.0), ({RETRY: "600"}, 600.0)])
def test_509_never_waits(headers: dict[str, str], wait: float) -> None:
    assert step(Answer(509, headers)) == Stop(RateLimited, "the store's hourly quota is spent", wait)


@given(st.integers(1, 50), st.floats(0, 1))
def test_backoff_grows_within_bounds(attempt: int, random: float) -> None:
    assert 0.25 <= backoff(attempt, lambda: random) <= 8.0
    assert backoff(attempt, lambda: random) <= backoff(attempt + 1, lambda: random)


def quota(left: object, total: object = 150, reset: object = 12_000) -> dict[str, str]:
    names = ("X-Rate-Limit-Requests-Left", "X-Rate-Limit-Requests-Quota", RESET)
    return {name: str(value) for name, value in zip(names, (left, total, reset), strict=True)}


@pytest.mark.parametrize(
    ("headers", "reserve", "hold"),
    [
        ({}, 20, 0.0),
        (quota(149), 20, 0.0),
        (quota(31), 20, 0.0),
        (quota(30), 20, 12.0),
        (quota(0), 20, 12.0),
        (quota(1), 0, 0.0),
        (quota(0), 0, 12.0),
        (quota(0, reset=1_700_000_000_000), 20, 60.0),
        (quota(75), 50, 12.0),
        (quota("many"), 20, 0.0),
        (quota(0, total=0), 20, 0.0),
        ({"X-BC-ApiLimit-Remaining": "4001"}, 20, 0.0),
        ({"X-BC-ApiLimit-Remaining": "4000"}, 20, 60.0),
        ({"X-BC-ApiLimit-Remaining": "0"}, 0, 60.0),
        ({"X-BC-ApiLimit-Remaining": "1"}, 0, 0.0),
    ],
)
def test_the_reserve_is_left_to_the_other_apps(headers: dict[str, str], reserve: float, hold: float) -> None:
    assert hold_after(headers, reserve) == hold


@given(st.dictionaries(st.sampled_from([RESET, RETRY]), st.text() | st.floats().map(str)))
def test_a_told_wait_is_none_or_a_sane_number(headers: dict[str, str]) -> None:
    wait = told_wait(headers)
    assert wait is None or 0 <= wait <= 86_400
