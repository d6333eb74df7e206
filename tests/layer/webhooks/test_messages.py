"""A message of the queue: how it is read, when it comes again, and when it is given up."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError
from botocore.exceptions import EndpointConnectionError

from storekey import Forbidden
from storekey.webhooks import processor
from storekey.webhooks.processor import (
    GIVE_UP_AFTER,
    GIVE_UP_ON_AWS_AFTER,
    LEAST_TRIES,
    Message,
    NotPublished,
    _is_final,
    delay,
)

NOW = 1_795_521_600.0


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "time", SimpleNamespace(time=lambda: NOW))


def test_a_message_is_read_from_lambdas_record() -> None:
    attributes = {"SentTimestamp": "1795521590500", "ApproximateReceiveCount": "3"}
    record = {"messageId": "m1", "receiptHandle": "h1", "body": "{}", "attributes": attributes}
    found = Message.of(record)
    assert found == Message("m1", "h1", "{}", 3, NOW - 9.5)
    assert found.age == 9.5


def test_what_lambda_leaves_out_makes_a_message_no_older() -> None:
    found = Message.of({"messageId": "m1"})
    assert found == Message("m1", "", "", 1, float("inf"))
    assert found.age < 0


@pytest.mark.parametrize(
    ("error", "receives", "age", "final"),
    [
        (Forbidden("no"), LEAST_TRIES, GIVE_UP_AFTER, True),
        (Forbidden("no"), LEAST_TRIES - 1, GIVE_UP_AFTER, False),
        (Forbidden("no"), LEAST_TRIES, GIVE_UP_AFTER - 1, False),
        (KeyError("a bug"), LEAST_TRIES, GIVE_UP_AFTER, True),
        (NotPublished("throttled"), LEAST_TRIES, GIVE_UP_ON_AWS_AFTER, True),
        (NotPublished("throttled"), LEAST_TRIES, GIVE_UP_ON_AWS_AFTER - 1, False),
        (EndpointConnectionError(endpoint_url="no"), LEAST_TRIES, GIVE_UP_AFTER, False),
        (IdempotencyAlreadyInProgressError(), 99, 9 * GIVE_UP_ON_AWS_AFTER, False),
    ],
)
def test_a_message_is_given_up_after_enough_tries_and_time(
    error: Exception, receives: int, age: float, final: bool
) -> None:
    assert _is_final(Message("m1", "h1", "{}", receives, NOW - age), error) is final


def test_delays_double_up_to_five_minutes_and_are_spread() -> None:
    assert [delay(receives, 1.0) for receives in (1, 2, 3, 6, 7, 8, 300)] == [5, 10, 20, 160, 300, 300, 300]
    assert [delay(1, jitter) for jitter in (0.0, 0.5)] == [2.5, 3.75]
    least = sum(delay(receives, 0.0) for receives in range(1, 300))
    assert least > 12 * 3600, "SQS gives a message up after 300 times: half a day at the very least"
