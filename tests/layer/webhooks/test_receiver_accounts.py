"""Whose deliveries are taken while the account in the secret changes, is old, or cannot have hooks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from storekey._cache import Version
from storekey._credentials import Problem

from .deliveries import BASIC, ours, payload, secret, signature, version, written
from .receiving import BODY, Live, receiver


def test_during_a_change_both_accounts_are_accepted_at_once() -> None:
    at = receiver()
    assert at(BODY, ours("A")) == 200
    at.live.current, at.live.before = version(secret("B"), "2"), version(secret("A"))
    assert at(BODY, ours("B") | signature(BODY, "B")) == 200, "the warm environment knew A alone"
    assert at(BODY, ours("A") | signature(BODY, "A")) == 200
    assert at(BODY, ours("A") | signature(BODY, "B")) == 401, "each signs for itself"
    assert at(BODY, ours("C")) == 401


def test_an_account_before_the_last_change_is_a_stranger() -> None:
    at = receiver(Live(version(secret("C"), "3"), version(secret("B"), "2")))
    assert at(BODY, ours("A") | signature(BODY, "A")) == 401


def test_a_previous_version_that_cannot_be_used_is_no_reason_to_forget_a_better_one() -> None:
    at = receiver()
    assert at(BODY, ours("A")) == 200
    at.live.current = Version("2", datetime.now(UTC), Problem("secret", "is not JSON"))
    at.live.before = version(secret("A"))
    at.live.now += 301
    assert at(BODY, ours("A")) == 200
    at.live.current, at.live.before = version(secret("C"), "3"), at.live.current
    at.live.now += 301
    assert [at(BODY, ours(name)) for name in "AC"] == [200, 200]


def test_an_account_whose_label_is_removed_is_a_stranger_when_the_secret_is_read_again() -> None:
    at = receiver(Live(version(secret("B"), "2"), version(secret("A"))))
    assert [at(BODY, ours(name)) for name in "AB"] == [200, 200]
    at.live.before = None
    at.live.now += 301
    assert [at(BODY, ours(name)) for name in "AB"] == [401, 200]


def test_a_previous_version_that_cannot_be_read_is_one_refusal_at_most_until_it_is_asked_for_again() -> None:
    at = receiver(Live(version(secret("B"), "2"), version(secret("A"))))
    assert at(BODY, ours("A")) == 200

    def broken() -> Version | None:
        raise ConnectionError

    at.receiver.accounts.previous = broken
    at.live.now += 301
    assert [at(BODY, ours(name)) for name in "BBA"] == [503, 200, 200]


def test_strangers_have_the_secret_read_once_a_second_at_most() -> None:
    at = receiver()
    for _ in range(100):
        assert at(BODY, {"x-storekey-key": "f" * 64}) == 401
    assert at.live.readings == ["live", "live", "previous"]
    at.live.now += 1.0
    at(BODY, {"x-storekey-key": "f" * 64})
    assert at.live.readings == ["live", "live", "previous", "live", "previous"]
    for _ in range(10):
        at(BODY, {})
    assert len(at.live.readings) == 5, "who sends no header has nothing read"


def test_the_secret_is_read_again_when_it_is_old() -> None:
    at = receiver()
    assert at(BODY, ours("A")) == 200
    at.live.now += 299
    assert at(BODY, ours("A")) == 200
    at.live.now += 2
    assert at(BODY, ours("A")) == 200
    assert at.live.readings == ["live", "live"]
    at.live.now -= 5000
    assert at(BODY, ours("A")) == 200
    assert at.live.readings == ["live"] * 3, "a clock that jumped back proves nothing"


def test_another_store_in_the_secret_makes_the_old_stores_events_strangers() -> None:
    at = receiver(Live(version(secret("B", "xyz789"), "2"), version(secret("A"))))
    assert at(BODY, ours("A")) == 400
    assert at(written(payload(producer="stores/xyz789")), ours("B")) == 200


@pytest.mark.parametrize("before", [None, secret("A")])
def test_basic_credentials_say_so_and_take_nothing(
    before: dict[str, str] | None, caplog: pytest.LogCaptureFixture
) -> None:
    at = receiver(Live(version(BASIC, "2"), version(before) if before else None))
    assert at(BODY, ours("A")) == 401
    assert at.queue.payloads == []
    assert at(BODY, ours("A")) == 401
    (told,) = caplog.records
    at.live.now += 60
    assert at(BODY, ours("A")) == 401
    assert len(caplog.records) == 2, "said once a minute, however many strangers ask"
    assert told.reason == "secret: holds a Basic account, and webhooks need a token account"  # type: ignore[attr-defined]


@pytest.mark.parametrize("lacking", ["client_id", "client_secret"])
def test_a_token_without_what_webhooks_need_says_what(lacking: str, caplog: pytest.LogCaptureFixture) -> None:
    fields = secret("A")
    del fields[lacking]
    assert receiver(Live(version(fields)))(BODY, ours("A")) == 401
    assert caplog.records[0].reason.startswith(f"{lacking}: is missing")  # type: ignore[attr-defined]


@pytest.mark.parametrize("broken", [None, Version("2", datetime.now(UTC), Problem("secret", "is not JSON"))])
def test_while_the_live_secret_is_broken_the_one_before_is_good_enough(broken: Version | None) -> None:
    at = receiver(Live(broken, version(secret("A"))))
    assert at(BODY, ours("A")) == 200
