"""What a client sees of quotas and faults."""

from __future__ import annotations

import json
import time

import pytest
import requests

from sandbox.store import (
    Answer,
    BadGzip,
    Bomb,
    Drip,
    Fault,
    Hourly,
    Redirect,
    Reset,
    SandboxStore,
    Slow,
    Truncate,
    Window,
)
from tests.sandbox.clients import Get


def test_a_spent_window_answers_429_until_it_ends(store: SandboxStore, get: Get) -> None:
    store.quota = Window(limit=2, seconds=0.4)
    answers = [get("time") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["X-Rate-Limit-Requests-Left"] for answer in answers] == ["1", "0", "0"]
    assert answers[0].headers["X-Rate-Limit-Requests-Quota"] == "2"
    assert answers[0].headers["X-Rate-Limit-Time-Window-Ms"] == "400"
    time.sleep(int(answers[2].headers["X-Rate-Limit-Time-Reset-Ms"]) / 1000)
    assert get("time").status_code == 200


def test_a_spent_hour_answers_509_without_a_reset(store: SandboxStore, get: Get) -> None:
    store.quota = Hourly(limit=1)
    first, second = get("time"), get("time")
    assert (first.status_code, first.headers["X-BC-ApiLimit-Remaining"]) == (200, "0")
    assert second.json() == [{"status": 509, "message": "The requests-per-hour limit has been reached."}]
    assert second.status_code == 509 and not any("reset" in name.lower() for name in second.headers)
    store.quota = None
    assert "X-BC-ApiLimit-Remaining" not in get("time").headers


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Reset("request"), "RemoteDisconnected|Connection reset|Connection aborted"),
        (Reset("headers"), "Connection reset|Connection broken|ConnectionReset"),
        (Reset("body"), "Connection reset|Connection broken|ConnectionReset"),
        (Truncate(), "IncompleteRead"),
        (BadGzip(), "invalid block type"),
        (Answer(200, b"plain", raw_encoding="gzip"), "gzip"),
        (Slow(after=1.0), "timed out"),
    ],
)
def test_broken_answers_reach_the_client_broken(
    store: SandboxStore, session: requests.Session, fault: Fault, error: str
) -> None:
    account = store.create_account("orders-export")
    store.fault(fault, path="/orders")
    session.auth = (account.username, account.api_token)
    with pytest.raises(requests.RequestException, match=error):
        session.get(f"{account.api_path}orders?limit=20", timeout=0.5)
    assert session.get(f"{account.api_path}orders", timeout=5).status_code == 200


def test_a_reset_before_the_answer_leaves_the_request_undone(store: SandboxStore, session: requests.Session) -> None:
    account = store.create_account("orders-export")
    session.auth = (account.username, account.api_token)
    for when in ("request", "headers"):
        store.fault(Reset(when))
        with pytest.raises(requests.RequestException):
            session.put(f"{account.api_path}orders/100", json={"staff_notes": when}, timeout=5)
    assert store.orders[100]["staff_notes"] == "headers"
    assert [seen.status for seen in store.requests] == [0, 200]


def test_other_answers_and_redirects(store: SandboxStore, get: Get, session: requests.Session) -> None:
    store.fault(Answer(503, "<html>Down for Maintenance</html>", {"Retry-After": "5"}))
    store.fault(Redirect("https://example.com/api/v2/time"))
    store.fault(Answer(200, {"time": 1}, accepted_only=True))
    down, moved, other = get("time"), get("time"), get("time")
    assert (down.status_code, down.headers["Retry-After"], down.text[:6]) == (503, "5", "<html>")
    assert (moved.status_code, moved.headers["Location"]) == (301, "https://example.com/api/v2/time")
    assert other.json() == {"time": 1}
    store.fault(Answer(200, accepted_only=True))
    assert session.get(f"{store.origin}/api/v2/time", timeout=5).status_code == 401


def test_faults_last_as_long_as_planned(store: SandboxStore, get: Get) -> None:
    store.fault(Answer(500), times=2, path="/orders")
    seen = [get(path).status_code for path in ("time", "orders", "orders", "orders")]
    store.fault(Answer(502), times=None)
    seen += [get("time").status_code for _ in range(3)]
    store.heal()
    assert [*seen, get("time").status_code] == [200, 500, 500, 200, 502, 502, 502, 200]


@pytest.mark.parametrize("text", [False, True])
def test_a_bomb_is_small_until_unpacked(store: SandboxStore, get: Get, text: bool) -> None:
    store.fault(Bomb(20_000_000, text))
    answer = get("orders")
    assert len(answer.content) == 20_000_000 and int(answer.headers["Content-Length"]) < 50_000
    if text:
        assert len(json.loads(answer.content)) == 19_999_998


@pytest.mark.parametrize("headers", [False, True])
def test_a_drip_arrives_whole_but_late(store: SandboxStore, get: Get, headers: bool) -> None:
    store.fault(Drip(0.004, headers))
    begun = time.monotonic()
    answer = get("time")
    # Twenty bytes of body; the headers are more than a hundred, and requests times an answer up to their end.
    assert answer.json()["time"] and time.monotonic() - begun > 0.08
    assert (answer.elapsed.total_seconds() > 0.4) is headers
