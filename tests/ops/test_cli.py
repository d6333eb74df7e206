"""The operator's command, as an operator runs it, against moto and the sandbox's store."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.stack import Stack as OperatorsStack
from sandbox.aws import Aws, Stack
from sandbox.functions import Function
from sandbox.store import SandboxStore
from storekey import Hidden
from tests.ops.operator import Run, file_of, labels
from tests.support import new_account
from tests.terminal import on_terminal


@pytest.fixture
def events(stack: Stack) -> Iterator[None]:
    """Promote what is staged, as the event of the label does."""
    ended = threading.Event()

    def deliver() -> None:
        with stack.function("PromoteFunction") as promote:
            while not ended.wait(0.1):
                if {"CANDIDATE"} <= set(labels(stack)) and "REJECTED" not in labels(stack):
                    promote.invoke({})

    thread = threading.Thread(target=deliver)
    thread.start()
    yield
    ended.set()
    thread.join()


def lambda_of(monkeypatch: pytest.MonkeyPatch, functions: dict[str, Function]) -> None:
    """Let Lambda's client run the functions as the sandbox starts them; moto runs none."""

    class Lambda:
        def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
            done = functions[FunctionName].invoke(json.loads(Payload))
            answer = {"FunctionError": "Unhandled"} if done.error else {}
            return answer | {"Payload": io.BytesIO(json.dumps(done.error or done.result).encode())}

    client = OperatorsStack.client
    monkeypatch.setattr(
        OperatorsStack,
        "client",
        lambda self, service, **more: Lambda() if service == "lambda" else client(self, service, **more),
    )


def test_credentials_are_tested_staged_and_followed_until_they_are_live(
    run: Run, stack: Stack, events: None, sandbox_store: SandboxStore, tmp_path: Path
) -> None:
    first, second = new_account(sandbox_store), new_account(sandbox_store)
    assert run("credentials", "set", "--now", "--from-file", file_of(tmp_path, first.secret())).exit_code == 0
    staged = run("--json", "credentials", "set", "--from-file", "-", typed=json.dumps(second.secret()))
    assert staged.exit_code == 0, staged.output
    answer = json.loads(staged.stdout)
    assert (answer["result"], answer["version"]) == ("promoted", labels(stack)["AWSCURRENT"])
    shown = json.loads(run("--json", "credentials", "status").stdout)
    assert (shown["kind"], shown["user"], shown["host"]) == ("Basic", second.username, sandbox_store.host)
    assert (shown["store"], shown["version"]) == ("retail", answer["version"])
    back = run("credentials", "rollback")
    assert back.exit_code == 0
    assert json.loads(run("--json", "credentials", "status").stdout)["user"] == first.username
    for result in (staged, back, run("credentials", "status")):
        assert first.api_token not in result.output
        assert second.api_token not in result.output


def test_a_token_that_the_store_refuses_is_not_written(
    run: Run, stack: Stack, sandbox_store: SandboxStore, tmp_path: Path
) -> None:
    wrong = new_account(sandbox_store).secret() | {"api_token": "mistyped"}
    result = run("credentials", "set", "--from-file", file_of(tmp_path, wrong))
    assert (result.exit_code, labels(stack)) == (1, {})
    assert "nothing was written" in result.stderr
    assert "refuses the credentials" in result.stderr
    assert "mistyped" not in result.output


def test_one_that_is_not_tested_first_is_rejected_by_the_promotion(
    run: Run, stack: Stack, events: None, sandbox_store: SandboxStore, tmp_path: Path
) -> None:
    good = new_account(sandbox_store).secret()
    run("credentials", "set", "--now", "--from-file", file_of(tmp_path, good))
    before = labels(stack)["AWSCURRENT"]
    wrong = file_of(tmp_path, good | {"api_token": "mistyped"})
    result = run("credentials", "set", "--no-test", "--from-file", wrong)
    assert result.exit_code == 1
    assert "rejected" in result.stdout
    assert labels(stack)["AWSCURRENT"] == before


def test_the_promotion_is_started_where_its_event_does_not_come(
    run: Run, stack: Stack, sandbox_store: SandboxStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("credentials", "set", "--now", "--from-file", file_of(tmp_path, new_account(sandbox_store).secret()))
    with stack.function("PromoteFunction") as promote:
        monkeypatch.setattr("ops.stack._EVENT_SECONDS", 0.0)
        lambda_of(monkeypatch, {stack.outputs["PromoteFunctionName"]: promote})
        fields = file_of(tmp_path, new_account(sandbox_store).secret())
        result = run("--json", "credentials", "set", "--from-file", fields)
    assert json.loads(result.stdout)["result"] == "promoted"


def test_what_nobody_promotes_in_time_stays_staged(
    run: Run, stack: Stack, sandbox_store: SandboxStore, tmp_path: Path
) -> None:
    run("credentials", "set", "--now", "--from-file", file_of(tmp_path, new_account(sandbox_store).secret()))
    fields = file_of(tmp_path, new_account(sandbox_store).secret())
    result = run("--json", "credentials", "set", "--timeout", "0.1", "--from-file", fields)
    assert (result.exit_code, json.loads(result.stdout)["result"]) == (4, "staged")
    assert "CANDIDATE" in labels(stack)


def test_a_candidate_that_another_one_replaced_is_told_as_that(
    run: Run, stack: Stack, sandbox_store: SandboxStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("credentials", "set", "--now", "--from-file", file_of(tmp_path, new_account(sandbox_store).secret()))
    store = OperatorsStack.store

    def overtaken(self: OperatorsStack, text: Hidden, label: str) -> str:
        version = store(self, text, label)
        store(self, text, label)
        return version

    monkeypatch.setattr(OperatorsStack, "store", overtaken)
    fields = file_of(tmp_path, new_account(sandbox_store).secret())
    result = run("--json", "credentials", "set", "--from-file", fields)
    assert (result.exit_code, json.loads(result.stdout)["result"]) == (4, "superseded")


def test_a_rollback_takes_the_candidate_label_along(
    run: Run, stack: Stack, sandbox_store: SandboxStore, tmp_path: Path
) -> None:
    for _ in range(2):
        run("credentials", "set", "--now", "--from-file", file_of(tmp_path, new_account(sandbox_store).secret()))
    left = labels(stack)["AWSCURRENT"]
    client = stack.aws.client("secretsmanager")
    client.update_secret_version_stage(SecretId=stack.secret_id, VersionStage="CANDIDATE", MoveToVersionId=left)
    assert run("credentials", "rollback").exit_code == 0
    assert "CANDIDATE" not in labels(stack)
    assert labels(stack)["AWSPREVIOUS"] == left


def test_a_file_that_cannot_be_read_and_an_input_that_ends_early_are_wrong_input(
    run: Run, stack: Stack, tmp_path: Path
) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for arguments in (("--from-file", str(tmp_path / "none")), ("--from-file", str(tmp_path / "binary")), ()):
        result = run("credentials", "set", *arguments, typed="")
        assert result.exit_code == 2, result.output
        assert len(result.stderr.splitlines()[-1]) > 40
    assert labels(stack) == {}


def test_a_stack_that_is_not_there_is_told_with_its_own_status(run: Run, stack: Stack) -> None:
    for arguments in (("credentials", "status"), ("check",), ("credentials", "rollback")):
        result = run("--json", "--stack", "elsewhere", *arguments)
        assert result.exit_code == 3
        assert "there is no stack elsewhere here" in json.loads(result.stdout)["error"]


def test_without_a_version_before_there_is_nothing_to_go_back_to(run: Run, stack: Stack) -> None:
    result = run("credentials", "rollback")
    assert result.exit_code == 3
    assert "nothing to go back to" in result.stderr


def test_an_empty_and_a_broken_secret_have_a_status(run: Run, stack: Stack) -> None:
    empty = json.loads(run("--json", "credentials", "status").stdout)
    assert (empty["version"], empty["problem"]) == (None, None)
    stack.aws.client("secretsmanager").put_secret_value(SecretId=stack.secret_id, SecretString="{")
    broken = json.loads(run("--json", "credentials", "status").stdout)
    assert broken["problem"].startswith("secret: is not JSON")


def test_the_check_is_run(
    run: Run, stack: Stack, sandbox_store: SandboxStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = new_account(sandbox_store)
    run("credentials", "set", "--now", "--from-file", file_of(tmp_path, account.secret()))
    with stack.function("CheckFunction") as check:
        lambda_of(monkeypatch, {stack.outputs["CheckFunctionName"]: check})
        good = run("--json", "check")
        assert (good.exit_code, json.loads(good.stdout)["status"]) == (0, "accepted")
        sandbox_store.delete(account)
        bad = run("check")
        assert bad.exit_code == 1
        assert "refused" in bad.stdout
        stack.aws.client("secretsmanager").delete_secret(SecretId=stack.secret_id, RecoveryWindowInDays=7)
        failed = run("check")
        assert failed.exit_code == 3
        assert "failed (InvalidRequestException); see its log" in failed.stderr


def test_the_command_starts_from_anywhere(tmp_path: Path) -> None:
    command = Path(sys.executable).parent / "storekey"
    done = subprocess.run([command, "--help"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "credentials" in done.stdout


def test_what_aws_refuses_is_one_line(run: Run, stack: Stack) -> None:
    stack.aws.client("secretsmanager").delete_secret(SecretId=stack.secret_id, ForceDeleteWithoutRecovery=True)
    result = run("credentials", "rollback")
    assert result.exit_code == 3
    assert result.stderr.startswith("storekey: AWS: DescribeSecret was refused")


def test_an_aws_that_cannot_be_asked_is_one_line(run: Run, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    result = run("--endpoint-url", "http://127.0.0.1:9", "credentials", "status")
    assert result.exit_code == 3
    assert "cannot be asked (EndpointConnectionError)" in result.stderr


def test_try_needs_no_aws(
    run: Run, sandbox_store: SandboxStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    (tmp_path / "ca.pem").write_text(sandbox_store.ca_pem)
    account = new_account(sandbox_store)
    options = ("--hosts", sandbox_store.host, "--ca-bundle", str(tmp_path / "ca.pem"))
    good = run("--json", "try", *options, "--from-file", file_of(tmp_path, account.secret()))
    assert good.exit_code == 0, good.output
    answer = json.loads(good.stdout)
    assert (answer["result"], len(answer["orders"])) == ("accepted", 5)
    assert answer["orders"][0]["id"] == max(sandbox_store.orders)
    assert "retail" not in good.output
    sandbox_store.delete(account)
    assert run("try", *options, "--from-file", file_of(tmp_path, account.secret())).exit_code == 1


def test_prompts_on_a_terminal_show_no_token(
    stack: Stack, aws: Aws, sandbox_store: SandboxStore, tmp_path: Path
) -> None:
    account = new_account(sandbox_store)
    answers = [account.api_path, account.username, account.api_token]
    environment = {"HOME": str(tmp_path), "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    command = [str(Path(sys.executable).parent / "storekey"), "--endpoint-url", aws.endpoint, "--region", "us-east-1"]
    status, shown = on_terminal([*command, "credentials", "set", "--now"], answers, environment)
    assert status == 0, shown
    assert account.username in shown
    assert account.api_token not in shown
    assert "AWSCURRENT" in labels(stack)
    assert list(tmp_path.iterdir()) == [], "nothing is left in the home of who typed it"
    (tmp_path / "ca.pem").write_text(sandbox_store.ca_pem)
    options = ["--hosts", sandbox_store.host, "--ca-bundle", str(tmp_path / "ca.pem")]
    status, shown = on_terminal([command[0], "try", *options], answers, {"HOME": str(tmp_path)})
    assert status == 0, shown
    assert str(max(sandbox_store.orders)) in shown
    assert account.api_token not in shown
