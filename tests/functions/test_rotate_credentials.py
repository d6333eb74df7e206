"""rotate_credentials, started as Lambda starts it, step by step as Secrets Manager calls it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest

from sandbox.aws import Stack
from sandbox.functions import Function, Invocation
from sandbox.store import BasicAccount, SandboxStore
from tests.support import begin_rotation, new_account, points

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


@pytest.fixture
def rotate(stack: Stack) -> Iterator[Function]:
    with stack.function("RotateFunction") as function:
        yield function


def step(rotate: Function, stack: Stack, token: str, name: str) -> Invocation:
    return rotate.invoke({"Step": name, "SecretId": stack.secret_id, "ClientRequestToken": token})


def labels(stack: Stack) -> dict[str, str]:
    stages = stack.aws.client("secretsmanager").describe_secret(SecretId=stack.secret_id)["VersionIdsToStages"]
    return {label: version for version, names in stages.items() for label in names}


def test_a_candidate_is_rotated_to_and_told(
    rotate: Function, stack: Stack, put: Callable[..., str], sandbox_store: SandboxStore, account: BasicAccount
) -> None:
    inbox = stack.subscribe_queue()
    before = put(account.secret())
    put(new_account(sandbox_store).secret() | {"note": "unknown fields are kept"}, "CANDIDATE")
    token = begin_rotation(stack)
    done = [step(rotate, stack, token, name) for name in STEPS]
    assert [(one.error, one.result) for one in done] == [(None, None)] * 4
    assert labels(stack) == {"AWSCURRENT": token, "AWSPREVIOUS": before}
    live = stack.aws.client("secretsmanager").get_secret_value(SecretId=stack.secret_id, VersionStage="AWSCURRENT")
    assert "unknown fields are kept" in live["SecretString"]
    assert points(done[-1].logs, "RotationFailed") == [0]
    assert points(done[-1].logs, "CredentialsRefused") == [0], "the check ran at once"
    (told,) = inbox.texts()
    assert "the old account may be deleted now" in told


@pytest.mark.parametrize(("days", "failed"), [("0", [1]), ("90", [])])
def test_a_schedule_without_a_candidate_fails_and_pages_only_for_old_credentials(
    stack: Stack, put: Callable[..., str], account: BasicAccount, days: str, failed: list[float]
) -> None:
    before = put(account.secret())
    token = begin_rotation(stack)
    with stack.function("RotateFunction", env={"ROTATION_DAYS": days}) as rotate:
        invocation = step(rotate, stack, token, "createSecret")
    assert invocation.error
    assert invocation.error["errorType"] == "NoCandidate"
    assert "make a new token in the store's control panel" in invocation.error["errorMessage"]
    assert points(invocation.logs, "RotationFailed") == failed
    assert labels(stack) == {"AWSCURRENT": before}


def test_a_deploy_with_an_empty_secret_pages_nobody(rotate: Function, stack: Stack) -> None:
    invocation = step(rotate, stack, begin_rotation(stack), "createSecret")
    assert invocation.error
    assert invocation.error["errorType"] == "NoCandidate"
    assert points(invocation.logs, "RotationFailed") == []


def test_a_candidate_that_the_store_refuses_is_not_rotated_to(
    rotate: Function, stack: Stack, put: Callable[..., str], account: BasicAccount
) -> None:
    before = put(account.secret())
    candidate = put(account.secret() | {"api_token": "mistyped"}, "CANDIDATE")
    token = begin_rotation(stack)
    step(rotate, stack, token, "createSecret")
    invocation = step(rotate, stack, token, "testSecret")
    assert invocation.error
    assert invocation.error["errorType"] == "CandidateRejected"
    assert "mistyped" not in invocation.logs + str(invocation.error)
    assert points(invocation.logs, "RotationFailed") == [1]
    assert points(invocation.logs, "CredentialsRefused") == [], "the live ones are not refused"
    assert labels(stack) == {"AWSCURRENT": before, "CANDIDATE": candidate}


def test_the_test_alone_is_enough_for_a_deploy(
    rotate: Function, stack: Stack, put: Callable[..., str], account: BasicAccount
) -> None:
    token = begin_rotation(stack)
    assert step(rotate, stack, token, "testSecret").error is None


def test_an_event_that_no_rotation_sent_is_refused(
    rotate: Function, stack: Stack, put: Callable[..., str], account: BasicAccount
) -> None:
    put(account.secret())
    invocation = step(rotate, stack, str(uuid.uuid4()), "finishSecret")
    assert invocation.error
    assert invocation.error["errorType"] == "NotPending"
    assert points(invocation.logs, "RotationFailed") == []
