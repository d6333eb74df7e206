"""`make e2e` itself, against the sandbox: what it proves there, what it refuses to touch, and what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.secretsmanager.models import SecretsManagerBackend

from ops.stack import Stack
from sandbox.aws import Aws
from sandbox.store import SandboxStore
from sandbox.template import parsed
from tests.e2e.__main__ import main
from tests.e2e.cloud import Cloud
from tests.e2e.secret import NOTE, clear_candidate, mark_live, put_back
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
    monkeypatch.setattr("ops.following._POLL_SECONDS", 0.2)
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


def queues(cloud: Cloud) -> list[str]:
    """What is left of the queues that the test has listened with."""
    found: list[str] = cloud.aws.client("sqs").list_queues(QueueNamePrefix="storekey-e2e-").get("QueueUrls", [])
    return found


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
    assert queues(cloud) == []


def test_the_whole_story_comes_true(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    def deploy(store: SandboxStore) -> None:
        cloud.deploy(store, WebhooksEnabled="true", WebhookScopes="store/order/created")

    status = main(WHOLE, deploy)
    shown = capsys.readouterr().out
    assert status == 0, shown
    assert "64 claims" in shown
    assert labels(cloud).keys() == {"AWSCURRENT"}
    assert queues(cloud) == []


def test_a_claim_that_does_not_hold_ends_with_status_1_and_says_where_to_look(
    cloud: Cloud, sandbox_store: SandboxStore, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.deploy(sandbox_store)
    account = new_account(sandbox_store)
    live = put(cloud, account.secret() | {"api_token": "revoked"})
    assert main(STACK) == 1
    shown = capsys.readouterr().out
    assert "NO: the store accepts the live credentials (refused" in shown
    assert "look at: the log group /aws/lambda/storekey/check_credentials" in shown
    assert labels(cloud) == {"AWSCURRENT": live}
    assert queues(cloud) == []


def test_a_candidate_that_somebody_has_staged_is_left_alone(
    cloud: Cloud, sandbox_store: SandboxStore, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.deploy(sandbox_store)
    live = put(cloud, new_account(sandbox_store).secret())
    staged = put(cloud, new_account(sandbox_store).secret(), "CANDIDATE")
    assert main(STACK) == 1
    assert "somebody is about to rotate it" in capsys.readouterr().out
    assert labels(cloud) == {"AWSCURRENT": live, "CANDIDATE": staged}
    assert sandbox_store.requests == []


def test_a_candidate_that_a_killed_run_has_left_is_taken_away(cloud: Cloud, sandbox_store: SandboxStore) -> None:
    cloud.deploy(sandbox_store)
    live = put(cloud, new_account(sandbox_store).secret())
    left = put(cloud, new_account(sandbox_store).secret() | {"note": NOTE}, "CANDIDATE")
    secret = Stack("storekey").secret
    secret.move("REJECTED", to=left, off=None)
    clear_candidate(secret)
    assert labels(cloud) == {"AWSCURRENT": live}


@pytest.mark.parametrize("label", ["AWSCURRENT", "AWSPREVIOUS"])
def test_the_stack_of_a_real_store_is_not_deployed_for_another(
    cloud: Cloud, sandbox_store: SandboxStore, capsys: pytest.CaptureFixture[str], label: str
) -> None:
    cloud.deploy(sandbox_store)
    put(cloud, ELSEWHERE)
    if label == "AWSPREVIOUS":
        put(cloud, new_account(sandbox_store).secret())
    before = labels(cloud)
    calls: list[SandboxStore] = []
    assert main(WHOLE, calls.append) == 1
    assert f"the version {label} of the secret is not of a store on this machine" in capsys.readouterr().out
    assert calls == []
    assert labels(cloud) == before


def test_a_stack_that_was_deployed_for_another_store_is_left_alone(
    cloud: Cloud, sandbox_store: SandboxStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(WHOLE, lambda _: cloud.deploy(sandbox_store)) == 1
    assert "it is another store's stack" in capsys.readouterr().out
    assert sandbox_store.requests == []


def test_labels_are_put_back_however_it_ends(cloud: Cloud, sandbox_store: SandboxStore) -> None:
    cloud.deploy(sandbox_store)
    first, second, third, staged = (new_account(sandbox_store).secret() for _ in range(4))
    put(cloud, first)
    put(cloud, second)
    secret, before = Stack("storekey").secret, labels(cloud)
    with pytest.raises(KeyboardInterrupt), put_back(secret):
        mark_live(secret)
        put(cloud, third)
        put(cloud, staged, "CANDIDATE")
        raise KeyboardInterrupt
    assert labels(cloud) == before


def test_the_command_that_deploys_learns_of_the_store_and_may_fail(
    cloud: Cloud, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = f'echo "$STACK $ALLOWED_HOSTS $STORE_CA_BUNDLE" > {tmp_path}/told; exit 3'
    assert main([*WHOLE, "--deploy", command]) == 1
    assert "ended with 3" in capfd.readouterr().out
    assert re.match(r"storekey localhost:\d+ -----BEGIN CERTIFICATE-----\n", (tmp_path / "told").read_text())


def test_what_deploys_by_itself_hands_the_store_to_sam(tmp_path: Path) -> None:
    sam, make = tmp_path / ".tools/sam/bin/sam", tmp_path / "make"
    for path, does in ((sam, "printf '%s\\0' \"$@\""), (make, "printf 'make %s\\0' \"$@\"")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{does}\n")
        path.chmod(0o755)
    told = {"STACK": "e2e", "ALLOWED_HOSTS": "localhost:1", "STORE_CA_BUNDLE": "-----BEGIN\nx\n-----END\n"}
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **told}
    script = ROOT / "tests/e2e/deploy.sh"
    done = subprocess.run([script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    built, *options, _ = done.stdout.split("\0")
    assert (built, options[:4]) == ("make build", ["deploy", "--stack-name", "e2e", "--parameter-overrides"])
    given = dict(option.split("=", 1) for option in options[4:])
    assert given["AllowedHosts"] == "localhost:1"
    assert given["StoreCaBundle"] == f'"{told["STORE_CA_BUNDLE"]}"'
    assert given.keys() <= parsed((ROOT / "template.yaml").read_text())["Parameters"].keys()


def test_make_wants_a_stack() -> None:
    done = subprocess.run(["make", "e2e"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "STACK is the name of a deployed stack: make e2e STACK=storekey" in done.stderr
