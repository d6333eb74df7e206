"""`make e2e` itself, against the sandbox: what it proves there, what it refuses to touch, and what it leaves behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.secretsmanager.models import SecretsManagerBackend

from sandbox.aws import Aws
from sandbox.store import SandboxStore
from tests.e2e.__main__ import main
from tests.e2e.cloud import Cloud
from tests.support import new_account

ROOT = Path(__file__).parent.parent.parent
STACK = ["--stack", "storekey"]
WHOLE = [*STACK, "--store", "sandbox"]
ELSEWHERE = {"api_path": "https://store-abc.mybigcommerce.com/api/v2/", "username": "u", "api_token": "t" * 40}


@pytest.fixture
def cloud(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """AWS, an environment that leads to it, and nobody who waits for anything but what comes."""
    for name, value in {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("ops.stack._EVENT_SECONDS", 0.0)  # moto tells of no label that moves
    monkeypatch.setattr("ops.stack._POLL_SECONDS", 0.02)
    monkeypatch.setattr("ops.following._POLL_SECONDS", 0.05)
    aws.client("cloudformation").delete_stack(StackName="storekey")
    made = Cloud(aws)
    monkeypatch.setattr("tests.e2e.waiting.pause", made.pause)
    monkeypatch.setattr(SecretsManagerBackend, "rotate_secret", lambda _, **asked: made.rotate(**asked))
    yield made
    made.close()


def put(cloud: Cloud, fields: Any, label: str = "AWSCURRENT") -> str:
    text = fields if isinstance(fields, str) else json.dumps(fields)
    answer = cloud.aws.client("secretsmanager").put_secret_value(
        SecretId=cloud.stack.secret_id, SecretString=text, VersionStages=[label]
    )
    version: str = answer["VersionId"]
    return version


def labels(cloud: Cloud) -> dict[str, str]:
    stages = cloud.aws.client("secretsmanager").describe_secret(SecretId=cloud.stack.secret_id)["VersionIdsToStages"]
    return {label: version for version, names in stages.items() for label in names}


def test_a_stack_of_a_real_store_is_proved_without_a_change_of_it(
    cloud: Cloud, sandbox_store: SandboxStore, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.deploy(sandbox_store)
    account = new_account(sandbox_store)
    live = put(cloud, account.secret())
    status = main([*STACK, "--resource", "customers"])
    shown = capsys.readouterr().out
    assert status == 0, shown
    assert "11 claims" in shown
    assert labels(cloud) == {"AWSCURRENT": live}
    assert {seen.method for seen in sandbox_store.requests} == {"GET"}
    assert account.api_token not in shown


def test_the_whole_story_comes_true(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    def deploy(store: SandboxStore) -> None:
        cloud.deploy(store, WebhooksEnabled="true", WebhookScopes="store/order/created")

    status = main(WHOLE, deploy)
    shown = capsys.readouterr().out
    assert status == 0, shown
    print(shown)
