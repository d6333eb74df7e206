"""`storekey hooks status`, as an operator runs it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.ops.backfilling import Function, function
from tests.ops.hooking import BASIC, SCOPES, Hooked, all_there, answered, hook, hooked, unavailable
from tests.ops.operator import Run

__all__ = ["function", "hooked"]

MINUTE = datetime.now(UTC).replace(second=0, microsecond=0)


def words(text: str) -> str:
    return " ".join(text.split())


def test_a_stack_that_is_well_but_saw_nothing_yet(run: Run, hooked: Hooked, function: Function) -> None:
    function.answers = [all_there(), all_there()]
    result = run("hooks", "status")
    assert result.exit_code == 0, result.output
    assert function.events == [{"action": "list"}]
    shown = words(result.stdout)
    assert f"{SCOPES[0]} yes yes yes" in shown
    assert "result well wrong -" in shown
    assert "queue 0 waiting, 0 delayed, 0 in flight dead letters 0" in shown
    assert "deliveries none in the last 3 h published none in the last 3 h" in shown
    assert "alarms storekey-webhooks-off OK" in shown
    assert "storekey-check-missing" not in shown
    told = json.loads(run("--json", "hooks", "status").stdout)
    assert (told["result"], told["wrong"], len(told["hooks"])) == ("well", [], 2)
    assert told["deliveries"] == {"count": 0, "refused": 0, "newest": None}
    assert told["published"] == {"count": 0, "newest": None}


def test_all_that_is_wrong_is_told_with_its_remedy(run: Run, hooked: Hooked, function: Function) -> None:
    hooked.send(hooked.queue, 3)
    hooked.send(hooked.queue, 2, delay=900)
    hooked.sqs.receive_message(QueueUrl=hooked.queue, MaxNumberOfMessages=1)
    hooked.send(hooked.dead, 4)
    hooked.alarm("storekey-webhook-dead-letters", "ALARM")
    for refused, ago in ((0.0, 200), (1.0, 5), (1.0, 5), (0.0, 2)):
        hooked.note("DeliveriesRefused", refused, MINUTE - timedelta(minutes=ago))
    for ago in (200, 5, 1):
        hooked.note("EventsPublished", 1.0, MINUTE - timedelta(minutes=ago))
    given = answered(hook(SCOPES[1]), hook(active=False), blocked=["abc.lambda-url.us-east-1.on.aws"])
    function.answers = [given, given]
    result = run("--json", "hooks", "status")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert (told["result"], told["missing"]) == ("wrong", [SCOPES[0]])
    assert told["queue"] == {"waiting": 2, "delayed": 2, "in_flight": 1}
    assert told["dead_letters"] == 4
    assert told["deliveries"]["count"] == 3
    assert told["deliveries"]["refused"] == 2
    assert datetime.fromisoformat(told["deliveries"]["newest"]) == MINUTE - timedelta(minutes=2)
    assert told["published"]["count"] == 2
    assert datetime.fromisoformat(told["published"]["newest"]) == MINUTE - timedelta(minutes=1)
    assert told["alarms"] == {"storekey-webhook-dead-letters": "ALARM", "storekey-webhooks-off": "OK"}
    assert told["wrong"] == [
        f"missing, or not as they must be: {SCOPES[0]}; storekey --stack storekey hooks sync mends it",
        "BigCommerce sends nothing to abc.lambda-url.us-east-1.on.aws for some minutes: too many deliveries failed",
        "4 dead letters: storekey --stack storekey hooks redrive has them tried again",
        "alarm storekey-webhook-dead-letters: its description says what to do",
    ]
    shown = run("hooks", "status")
    assert shown.exit_code == 1
    assert "queue 2 waiting, 2 delayed, 1 in flight dead letters 4" in words(shown.stdout)
    assert "deliveries 3 in the last 3 h, 2 refused; the newest at" in words(shown.stdout)
    assert "published 2 in the last 3 h; the newest at" in words(shown.stdout)


@pytest.mark.usefixtures("hooked")
def test_credentials_that_can_have_no_hooks_are_wrong(run: Run, function: Function) -> None:
    function.answers = [answered(trouble=BASIC)]
    result = run("hooks", "status")
    assert result.exit_code == 1
    shown = words(result.stdout)
    assert "no webhooks of this account" not in shown, "nobody has looked"
    assert f"wrong {BASIC}" in shown
    assert "hooks sync mends it" not in shown


def test_a_store_that_cannot_be_asked_leaves_the_rest_to_be_seen(run: Run, hooked: Hooked, function: Function) -> None:
    hooked.send(hooked.queue, 7)
    function.answers = [unavailable(), unavailable()]
    result = run("hooks", "status")
    assert result.exit_code == 1
    assert "wrong not now: GET hooks: the store is down" in words(result.stdout)
    assert "queue 7 waiting, 0 delayed, 0 in flight" in words(result.stdout)
    told = json.loads(run("--json", "hooks", "status").stdout)
    assert (told["hooks"], told["missing"], told["queue"]["waiting"]) == ([], [], 7)
    assert told["wrong"] == [told["detail"]]
