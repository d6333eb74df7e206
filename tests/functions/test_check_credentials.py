"""check_credentials, started as Lambda starts it, against a store over TLS and a secret in moto."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.aws import Aws, Stack
from sandbox.functions import Function, Invocation
from sandbox.store import Answer, BasicAccount, Redirect, Reset, SandboxStore
from tests.support import points


@pytest.fixture
def check(stack: Stack) -> Iterator[Function]:
    with stack.function("CheckFunction") as function:
        yield function


def answered(invocation: Invocation) -> dict[str, Any]:
    assert invocation.error is None, invocation.error
    assert invocation.result.keys() == {"status", "kind", "version", "age_days", "checked_at", "detail"}
    result: dict[str, Any] = invocation.result
    return result


def test_the_life_of_a_token(
    check: Function, put: Callable[..., str], sandbox_store: SandboxStore, account: BasicAccount
) -> None:
    """One warm environment from an empty secret to a rotated token."""
    # Given an empty secret, then the check says so and counts no refusal
    empty = check.invoke({})
    assert (answered(empty)["status"], empty.result["version"]) == ("missing", None)
    assert points(empty.logs, "CredentialsRefused") == []
    assert points(empty.logs, "ChecksFinished") == [1]
    assert sandbox_store.requests == []

    # When the credentials are stored, then the next invocation is accepted
    version = put(account.secret())
    good = check.invoke({})
    assert (answered(good)["status"], good.cold) == ("accepted", False)
    assert (good.result["kind"], good.result["version"]) == ("Basic", version)
    assert 0 <= good.result["age_days"] < 0.01
    assert good.result["checked_at"].endswith("Z")
    assert points(good.logs, "CredentialsRefused") == [0]
    assert points(good.logs, "ChecksUnanswered") == [0]

    # When the owner makes a new token, then the old one is refused, by two requests and then by none
    new = sandbox_store.regenerate(account)
    sandbox_store.clear_requests()
    for _ in range(2):
        bad = check.invoke({})
        assert (answered(bad)["status"], bad.result["version"]) == ("refused", version)
        assert points(bad.logs, "CredentialsRefused") == [1]
    assert [seen.status for seen in sandbox_store.requests] == [401, 401]

    # When the secret is updated, then the first invocation is accepted
    version = put(new.secret())
    mended = check.invoke({})
    assert (answered(mended)["status"], mended.result["version"], mended.cold) == ("accepted", version, False)
    assert points(mended.logs, "CredentialsRefused") == [0]


@pytest.mark.parametrize(
    ("fault", "status", "unanswered", "says"),
    [
        (Answer(503), "unavailable", 1, "status 503"),
        (Answer(403), "unavailable", 1, "scope"),
        (Answer(404), "unavailable", 1, "status 404"),
        (Answer(429, headers={"X-Retry-After": "600"}), "unavailable", 0, "quota"),
        (Answer(509), "unavailable", 0, "hourly quota"),
        (Answer(200, b"<html>"), "unavailable", 1, "not the store's time"),
        (Redirect("https://elsewhere.example/api/v2/time"), "unavailable", 1, "elsewhere.example/api/v2/time"),
        (Reset("request"), "unreachable", 1, "broke off"),
        (Answer(401), "refused", 0, "refuses"),
    ],
)
def test_whatever_the_store_does_is_an_answer(
    check: Function,
    put: Callable[..., str],
    sandbox_store: SandboxStore,
    account: BasicAccount,
    fault: Any,
    status: str,
    unanswered: float,
    says: str,
) -> None:
    put(account.secret())
    sandbox_store.fault(fault, times=None)
    invocation = check.invoke({}, timeout=10)
    assert answered(invocation)["status"] == status
    assert says in invocation.result["detail"]
    assert points(invocation.logs, "ChecksUnanswered") == [unanswered]
    assert points(invocation.logs, "CredentialsRefused") == ([1] if status == "refused" else [])


def test_a_store_that_is_not_there_or_not_itself_is_unreachable(
    check: Function, put: Callable[..., str], stack: Stack, account: BasicAccount
) -> None:
    put(account.secret())
    with stack.function("CheckFunction", env={"STORE_CA_BUNDLE": ""}) as untrusting:
        untrusted = untrusting.invoke({})
    assert answered(untrusted)["status"] == "unreachable"
    assert "TLS failed" in untrusted.result["detail"]
    assert points(untrusted.logs, "TlsFailures") == [1]


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        ("{", "secret: is not JSON"),
        ({"api_path": "https://evil.example/v2", "username": "u", "api_token": "t"}, "host"),
    ],
)
def test_a_broken_secret_is_invalid_and_refused(
    check: Function, put: Callable[..., str], sandbox_store: SandboxStore, secret: Any, says: str
) -> None:
    version = put(secret)
    invocation = check.invoke({})
    assert (answered(invocation)["status"], invocation.result["version"]) == ("invalid", version)
    assert says in invocation.result["detail"]
    assert points(invocation.logs, "CredentialsRefused") == [1]
    assert points(invocation.logs, "ChecksUnanswered") == []
    assert sandbox_store.requests == []


def test_the_check_judges_what_the_secret_holds_now(
    check: Function, put: Callable[..., str], account: BasicAccount
) -> None:
    """Also while the old token is still good, and also where the secret could not be used before."""
    put(account.secret())
    assert answered(check.invoke({}))["status"] == "accepted"
    version = put(account.secret() | {"api_token": "mistyped"})
    assert (answered(refused := check.invoke({}))["status"], refused.result["version"]) == ("refused", version)
    put("{")
    assert answered(check.invoke({}))["status"] == "invalid"
    put(account.secret())
    assert answered(check.invoke({}))["status"] == "accepted"


def test_a_token_account_is_accepted(check: Function, put: Callable[..., str], sandbox_store: SandboxStore) -> None:
    put(sandbox_store.create_token_account("export").secret())
    assert answered(check.invoke({}))["kind"] == "token"


def test_what_aws_refuses_is_raised(check: Function, put: Callable[..., str], aws: Aws, stack: Stack) -> None:
    """A check that cannot read its secret has not finished; the alarm check-missing tells."""
    put("{}")
    aws.client("secretsmanager").delete_secret(SecretId=stack.secret_id, RecoveryWindowInDays=7)
    invocation = check.invoke({})
    assert invocation.error
    assert invocation.error["errorType"] == "InvalidRequestException"
    assert points(invocation.logs, "ChecksFinished") == []


def test_the_alarms_of_the_template_follow(
    check: Function, put: Callable[..., str], stack: Stack, sandbox_store: SandboxStore, account: BasicAccount
) -> None:
    inbox, alarms = stack.subscribe_queue(), stack.alarms()

    def states(times: int = 1) -> dict[str, str]:
        for _ in range(times):
            alarms.read(check.invoke({}, timeout=10).logs)
            alarms.evaluate()
            alarms.skip(300)
        return {name.removeprefix("storekey-"): state for name, state in alarms.states.items()}

    put(account.secret())
    names = ("credentials-refused", "check-missing", "store-unavailable", "credentials-old", "rotation-failed")
    ours = states(4)
    assert {name: ours[name] for name in names} == dict.fromkeys(names, "OK")
    inbox.read()

    new = sandbox_store.regenerate(account)
    assert states()["credentials-refused"] == "ALARM"
    alarms.skip(3600)
    alarms.evaluate()
    assert alarms.states["storekey-credentials-refused"] == "ALARM", "silence proves nothing"
    assert alarms.states["storekey-check-missing"] == "ALARM", "silence is this one's matter"
    put(new.secret())
    assert states()["credentials-refused"] == "OK"
    told = [(message["AlarmName"], message["NewStateValue"]) for message in inbox.read()]
    assert [state for name, state in told if name == "storekey-credentials-refused"] == ["ALARM", "OK"]

    sandbox_store.fault(Answer(507), times=None)  # which is not asked again at once
    assert states(2)["store-unavailable"] == "OK"
    assert states(1)["store-unavailable"] == "ALARM"
    sandbox_store.heal()
    assert states(1)["store-unavailable"] == "OK"
