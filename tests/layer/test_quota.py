"""The pace of calls: who says when to send, and what is learnt from answers."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import pytest

from sandbox.store import Answer, SandboxStore, Window
from storekey import BadAnswer, RateLimited, _quota
from storekey._quota import MANY, OwnPace, Told, granted, left, left_percent, refused_wait, told_quota
from tests.support import Secret, emf, invoke, points

LEFT, QUOTA, RESET = "X-Rate-Limit-Requests-Left", "X-Rate-Limit-Requests-Quota", "X-Rate-Limit-Time-Reset-Ms"
WINDOW, REMAINING = "X-Rate-Limit-Time-Window-Ms", "X-BC-ApiLimit-Remaining"


class Scripted:
    """A pace that tells given waits, and then lets everything pass."""

    def __init__(self, *waits: float) -> None:
        self.waits = list(waits)
        self.noted: list[int | None] = []

    def ask(self) -> float:
        return self.waits.pop(0) if self.waits else 0.0

    def note(self, status: int | None, headers: Mapping[str, str]) -> None:
        assert status is None or headers["content-type"].startswith("application/json")
        self.noted.append(status)


def test_the_pace_is_asked_until_it_lets_a_request_pass_and_hears_of_each_answer(
    secret: Secret, sandbox_store: SandboxStore
) -> None:
    pace = Scripted(0.01, 0.02, 0.0, 0.01)
    sandbox_store.fault(Answer(401, {"status": 401}), times=1)
    with secret.store() as store:
        store.pace_by(pace)
        assert store.get("time")["time"]
        assert pace.waits == []
        assert pace.noted == [401, 200]
        sandbox_store.fault(Answer(200, b"no gzip", {"Content-Encoding": "gzip"}), times=1)
        with pytest.raises(BadAnswer):
            store.get("time")
        assert pace.noted == [401, 200, None]


def test_a_wait_of_the_pace_that_does_not_fit_is_told_and_the_check_is_not_held_back(
    secret: Secret, sandbox_store: SandboxStore
) -> None:
    pace = Scripted(0.01, 7.5, 7.5)
    with secret.store() as store:
        store.pace_by(pace)
        with pytest.raises(RateLimited, match="left to the store's other apps") as caught:
            invoke(lambda: store.get("orders"), seconds=5)
        assert (caught.value.retry_after, caught.value.attempts) == (7.5, 0)
        assert sandbox_store.requests == []
        assert invoke(store.probe)["time"]
        assert (pace.waits, pace.noted) == ([7.5], [200])


@pytest.mark.parametrize(
    ("headers", "reserve", "told"),
    [
        ({}, 20, None),
        ({LEFT: "149", QUOTA: "150", RESET: "30000"}, 20, Told(119, 120, 30.0)),
        ({LEFT: "12", QUOTA: "150", RESET: "30000"}, 20, Told(0, 120, 30.0)),
        ({LEFT: "19", QUOTA: "150", RESET: "1"}, 12.5, Told(1, 132, 0.001)),
        ({LEFT: "9", QUOTA: "10"}, 0, Told(9, 10, 0.0)),
        ({LEFT: "1e300", QUOTA: "1e300", RESET: "1e300"}, 20, Told(MANY, MANY, 60.0)),
        ({LEFT: "5", QUOTA: "0", REMAINING: "4007"}, 20, Told(7, 0, 60.0)),
        ({REMAINING: "3999"}, 20, Told(0, 0, 60.0)),
        ({REMAINING: "-1"}, 20, None),
    ],
)
def test_an_answer_tells_what_is_left_above_the_reserve(
    headers: dict[str, str], reserve: float, told: Told | None
) -> None:
    assert told_quota(headers, reserve) == told


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [(429, {}, 1.0), (509, {}, 60.0), (429, {RESET: "1500"}, 1.5), (509, {RESET: "0"}, 0)],
)
def test_a_refusal_keeps_all_back_for_as_long_as_it_says(status: int, headers: dict[str, str], wait: float) -> None:
    assert refused_wait(status, headers) == wait


@pytest.mark.parametrize(
    ("headers", "percent"),
    [
        ({}, None),
        ({LEFT: "30", QUOTA: "150"}, 20.0),
        ({LEFT: "0", QUOTA: "150", REMAINING: "20000"}, 0.0),
        ({LEFT: "30"}, None),
        ({LEFT: "30", QUOTA: "0", REMAINING: "5000"}, 25.0),
        ({REMAINING: "60000"}, 100.0),
        ({LEFT: "1e308", QUOTA: "1e308"}, 100.0),
        ({REMAINING: "many"}, None),
    ],
)
def test_an_answer_tells_how_much_of_the_quota_is_left(headers: dict[str, str], percent: float | None) -> None:
    assert left_percent(headers) == percent


def test_what_is_left_of_the_quota_is_a_metric_where_the_store_tells_it(
    secret: Secret, sandbox_store: SandboxStore, capsys: pytest.CaptureFixture[str]
) -> None:
    with secret.store() as store:
        invoke(store.probe)
        assert points(capsys.readouterr().out, "QuotaLeftPercent") == []
        sandbox_store.quota = Window(limit=4)
        invoke(lambda: (store.probe(), store.probe()))
    output = capsys.readouterr().out
    assert points(output, "QuotaLeftPercent") == [75, 50]
    units = [
        each["Unit"] for each in emf(output)[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"] if "Quota" in each["Name"]
    ]
    assert units == ["Percent"]


@pytest.mark.parametrize(
    ("headers", "there", "grant"),
    [
        ({}, None, None),
        ({LEFT: "149"}, 149, None),
        ({LEFT: "0", QUOTA: "150", REMAINING: "7"}, 0, (120, 30.0)),
        ({QUOTA: "150", WINDOW: "60000"}, None, (120, 60.0)),
        ({QUOTA: "0", REMAINING: "7"}, 7, (16_000, 3600.0)),
        ({REMAINING: "0"}, 0, (16_000, 3600.0)),
    ],
)
def test_an_answer_tells_what_is_left_and_what_we_are_granted(
    headers: dict[str, str], there: float | None, grant: tuple[int, float] | None
) -> None:
    assert left(headers) == there
    assert granted(headers, 20) == grant


def test_our_own_pace_holds_back_by_the_last_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(_quota, "time", SimpleNamespace(monotonic=lambda: now))
    pace = OwnPace(20)
    assert pace.ask() == 0
    pace.note(200, {LEFT: "30", QUOTA: "150", RESET: "12000"})
    pace.note(None, {})
    assert pace.ask() == 12
    now += 11.5
    assert pace.ask() == 0.5
    now += 1
    assert pace.ask() == 0
    pace.note(200, {})
    assert pace.ask() == 0
