"""promote_credentials, started as Lambda starts it: a wrong candidate costs nothing, a good one no call."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from moto.secretsmanager.models import secretsmanager_backends

from sandbox.aws import Aws, Inbox, Stack
from sandbox.functions import Function, Invocation
from sandbox.store import SCOPES, Answer, BasicAccount, SandboxStore
from storekey import Store, pick_up_candidate
from tests.support import new_account, points

EVENT = {
    "version": "0",
    "detail-type": "Secret Label Updated",
    "source": "aws.secretsmanager",
    "detail": {"name": "secret", "labelUpdated": "CANDIDATE", "versionId": "00000000-0000-0000-0000-000000000000"},
}


@pytest.fixture
def promote(stack: Stack) -> Iterator[Function]:
    with stack.function("PromoteFunction") as function:
        yield function


@pytest.fixture
def inbox(stack: Stack) -> Inbox:
    return stack.subscribe_queue()


def labels(stack: Stack) -> dict[str, str]:
    stages = stack.aws.client("secretsmanager").describe_secret(SecretId=stack.secret_id)["VersionIdsToStages"]
    return {label: version for version, names in stages.items() for label in names}


def answered(invocation: Invocation) -> dict[str, Any]:
    assert invocation.error is None, invocation.error
    assert invocation.result.keys() == {"result", "version", "previous", "detail"}
    result: dict[str, Any] = invocation.result
    return result


def test_a_good_candidate_is_promoted_checked_and_told(
    promote: Function,
    put: Callable[..., str],
    stack: Stack,
    inbox: Inbox,
    sandbox_store: SandboxStore,
    account: BasicAccount,
) -> None:
    before, new = put(account.secret()), new_account(sandbox_store)
    candidate = put(new.secret(), "CANDIDATE")
    invocation = promote.invoke(EVENT)
    assert answered(invocation) == {
        "result": "promoted",
        "version": candidate,
        "previous": before,
        "detail": f"the Basic credentials of {new.username} at {sandbox_store.host} are live; "
        "the old account may be deleted now, unless it is the same one with a new token",
    }
    assert labels(stack) == {"AWSCURRENT": candidate, "AWSPREVIOUS": before}
    assert points(invocation.logs, "CredentialsRefused") == [0], "the check ran at once"
    (told,) = inbox.texts()
    assert "the old account may be deleted now" in told
    assert new.api_token not in invocation.logs + told
    assert answered(promote.invoke({}))["result"] == "nothing to do"


def test_a_wrong_candidate_changes_nothing_and_pages_nobody(
    promote: Function, put: Callable[..., str], stack: Stack, inbox: Inbox, account: BasicAccount
) -> None:
    before = put(account.secret())
    candidate = put(account.secret() | {"api_token": "mistyped"}, "CANDIDATE")
    for _ in range(2):
        invocation = promote.invoke(EVENT)
        assert (answered(invocation)["result"], invocation.result["version"]) == ("rejected", candidate)
        assert "refuses the credentials" in invocation.result["detail"]
        assert points(invocation.logs, "CredentialsRefused") == []
        assert labels(stack) == {"AWSCURRENT": before, "CANDIDATE": candidate, "REJECTED": candidate}
    (told,) = inbox.texts()
    assert "nothing has changed, the live credentials go on" in told


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"api_path": "https://evil.example/api/v2/"}, "api_path: names a host outside AllowedHosts"),
        ({"api_token": "two words"}, "api_token: holds whitespace"),
        ({"access_token": "x"}, "access_token: stands beside username"),
    ],
)
def test_a_candidate_that_breaks_a_rule_is_rejected_by_field(
    promote: Function,
    put: Callable[..., str],
    sandbox_store: SandboxStore,
    account: BasicAccount,
    change: Any,
    says: str,
) -> None:
    put(account.secret())
    put(account.secret() | change, "CANDIDATE")
    assert says in answered(promote.invoke(EVENT))["detail"]
    assert sandbox_store.requests == []


def test_a_missing_scope_names_the_route(
    promote: Function, put: Callable[..., str], sandbox_store: SandboxStore, account: BasicAccount
) -> None:
    put(account.secret())
    scopes = {scope for scope in SCOPES if "products" not in scope}
    put(sandbox_store.create_token_account("export", scopes=scopes).secret(), "CANDIDATE")
    answer = answered(promote.invoke(EVENT))
    assert answer["result"] == "rejected"
    assert answer["detail"].startswith("GET catalog/products: the account may not do this")


def test_from_basic_to_token_is_a_candidate_like_any_other(
    promote: Function, put: Callable[..., str], stack: Stack, sandbox_store: SandboxStore, account: BasicAccount
) -> None:
    put(account.secret())
    candidate = put(sandbox_store.create_token_account("export").secret(), "CANDIDATE")
    assert answered(promote.invoke(EVENT))["result"] == "promoted"
    assert labels(stack)["AWSCURRENT"] == candidate
    assert {"/stores/abc123/v2/time", "/stores/abc123/v2/orders", "/stores/abc123/v3/catalog/products"} <= {
        seen.path for seen in sandbox_store.requests
    }


def test_a_store_that_cannot_be_asked_decides_nothing(
    promote: Function,
    put: Callable[..., str],
    stack: Stack,
    inbox: Inbox,
    sandbox_store: SandboxStore,
    account: BasicAccount,
) -> None:
    before = put(account.secret())
    candidate = put(new_account(sandbox_store).secret(), "CANDIDATE")
    sandbox_store.fault(Answer(503), times=None)
    assert answered(promote.invoke(EVENT, timeout=8))["detail"].startswith("not tested yet")
    assert labels(stack) == {"AWSCURRENT": before, "CANDIDATE": candidate}
    assert inbox.texts() == []
    sandbox_store.heal()
    assert answered(promote.invoke(EVENT))["result"] == "promoted"


class Traffic:
    """Four warm environments that call the store all the time; each outcome with the time at which it began."""

    def __init__(self, stack: Stack) -> None:
        own = replace(stack.configuration("CheckFunction", {}), code=Path("sandbox/recent_orders").resolve())
        self.outcomes: list[tuple[float, Invocation]] = []
        self._own = own
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(4)]

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _call(self) -> None:
        with Function(self._own) as function:
            while not self._ended.is_set():
                began = time.monotonic()
                self.outcomes.append((began, function.invoke({})))

    def wait_for(self, calls: int) -> None:
        wanted = len(self.outcomes) + calls
        while len(self.outcomes) < wanted:
            self._ended.wait(0.01)


def test_promotion_and_rollback_lose_no_call_under_traffic(
    promote: Function, put: Callable[..., str], stack: Stack, sandbox_store: SandboxStore, account: BasicAccount
) -> None:
    """Two accounts valid at once, and the old account deleted in the end."""
    put(account.secret())
    with Traffic(stack) as traffic:
        traffic.wait_for(60)
        put(new_account(sandbox_store).secret(), "CANDIDATE")
        assert answered(promote.invoke(EVENT))["result"] == "promoted"
        traffic.wait_for(60)
        found = labels(stack)
        stack.aws.client("secretsmanager").update_secret_version_stage(
            SecretId=stack.secret_id,
            VersionStage="AWSCURRENT",
            MoveToVersionId=found["AWSPREVIOUS"],
            RemoveFromVersionId=found["AWSCURRENT"],
        )
        traffic.wait_for(60)
        put(new_account(sandbox_store).secret(), "CANDIDATE")
        assert answered(promote.invoke(EVENT))["result"] == "promoted"
        sandbox_store.delete(account)
        traffic.wait_for(60)
    assert len(traffic.outcomes) >= 240
    assert [outcome.error for _, outcome in traffic.outcomes if outcome.error] == []


def test_the_hard_cut_of_a_legacy_account_costs_only_the_calls_within_it(
    put: Callable[..., str], stack: Stack, sandbox_store: SandboxStore, account: BasicAccount
) -> None:
    """Generate New Token kills the old one at Save; every call that begins after the new secret succeeds."""
    put(account.secret())
    with Traffic(stack) as traffic:
        traffic.wait_for(60)
        new = sandbox_store.regenerate(account)
        traffic.wait_for(20)
        put(new.secret())
        mended = time.monotonic()
        traffic.wait_for(120)
    assert len(traffic.outcomes) >= 200
    lost = [began for began, outcome in traffic.outcomes if outcome.error]
    assert lost, "there was no cut: the test would prove nothing"
    assert max(lost) < mended, "a call that began with the new secret in place was lost"


def test_a_scheduled_check_has_a_candidate_promoted_whose_event_got_lost(
    put: Callable[..., str], stack: Stack, inbox: Inbox, sandbox_store: SandboxStore, account: BasicAccount
) -> None:
    put(account.secret())
    candidate = put(new_account(sandbox_store).secret(), "CANDIDATE")
    secrets: Any = secretsmanager_backends["123456789012"]["us-east-1"].secrets
    secrets[stack.secret_id].last_changed_date -= 180
    (schedule,) = [each for each in stack.schedules() if each.target == "CheckFunction"]
    fired = stack.fire(schedule)
    assert isinstance(fired, Invocation) and fired.error is None
    until = time.monotonic() + 20
    while not (told := inbox.texts()) and time.monotonic() < until:
        time.sleep(0.05)
    assert "the old account may be deleted now" in told[0]
    assert labels(stack)["AWSCURRENT"] == candidate


@pytest.mark.parametrize(
    ("state", "minutes", "started"),
    [("staged", 3, True), ("staged", 1, False), ("rejected", 3, False), ("none", 3, False)],
)
def test_the_check_picks_up_a_candidate_whose_event_got_lost(
    state: str,
    minutes: int,
    started: bool,
    aws: Aws,
    stack: Stack,
    put: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put({"live": "1"})
    if state != "none":
        candidate = put({"staged": "1"}, "CANDIDATE")
    if state == "rejected":
        aws.client("secretsmanager").update_secret_version_stage(
            SecretId=stack.secret_id, VersionStage="REJECTED", MoveToVersionId=candidate
        )
    variables = stack.configuration("CheckFunction", {}).variables
    for name, value in {**variables, "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "testing"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    invoked: list[dict[str, Any]] = []

    class Lambda:
        def invoke(self, **call: Any) -> None:
            invoked.append(call)

    monkeypatch.setattr("storekey._operations._client", lambda service: Lambda())
    store = Store.from_environment()
    changed = store.secret.changed()
    monkeypatch.setattr("storekey._operations._now", lambda: changed + timedelta(minutes=minutes))
    pick_up_candidate(store)
    Store.forget()
    assert [call["FunctionName"] for call in invoked] == ([variables["PROMOTE_FUNCTION"]] if started else [])
