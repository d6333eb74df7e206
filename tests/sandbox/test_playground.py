"""`make sandbox`: the operator's commands work on it as on AWS."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli import app
from sandbox.aws import Aws
from sandbox.playground import ROOT, playground
from tests.pages import as_operator, run


def until(what: Callable[[], bool], step: Callable[[], None]) -> bool:
    end = time.monotonic() + 20
    while not what() and time.monotonic() < end:
        step()
        time.sleep(0.05)
    return what()


def test_credentials_are_staged_promoted_and_seen(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in as_operator(aws).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(
        "POWERTOOLS_LOG_LEVEL", "CRITICAL"
    )  # the command sets it, and other tests should not inherit that
    with playground(aws, interval=3600) as running:
        running.write(tmp_path)
        assert f"export AWS_ENDPOINT_URL={aws.endpoint}" in (tmp_path / "env").read_text()
        new = command("status")
        assert "0 ringing, 7 silent" in new
        assert "no such alarm" not in new
        client, secret = aws.client("secretsmanager"), running.stack.secret_id

        def live() -> str:
            found = client.describe_secret(SecretId=secret).get("VersionIdsToStages", {})
            return next((version for version, labels in found.items() if "AWSCURRENT" in labels), "")

        for name, kind in (("first", "Basic"), ("second", "token")):
            text = (tmp_path / f"{name}.json").read_text()
            staged = client.put_secret_value(SecretId=secret, SecretString=text, VersionStages=["CANDIDATE"])[
                "VersionId"
            ]
            assert until(lambda wanted=staged: live() == wanted, running.step), "its event starts the promotion"  # type: ignore[misc]
            assert json.loads(command("--json", "credentials", "status"))["kind"] == kind
        running._fired = -1e9
        assert until(lambda: "all well" in command("status"), running.step)
        revoked = (tmp_path / "revoked.json").read_text()
        client.put_secret_value(SecretId=secret, SecretString=revoked, VersionStages=["CANDIDATE"])
        assert until(lambda: "a candidate was rejected" in command("status"), running.step)
        set_now = "storekey credentials set --no-test --now --from-file"
        run(f"{set_now} {tmp_path}/revoked.json", ROOT, **as_operator(aws))
        assert until(lambda: "storekey-credentials-refused: " in command("status"), running.step)
        labels = client.describe_secret(SecretId=secret)["VersionIdsToStages"].values()
        assert sum("AWSCURRENT" in each for each in labels) == 1


def command(*arguments: str) -> str:
    """What the operator's command prints, called in this process: it is asked often."""
    return CliRunner().invoke(app, arguments).output


def test_it_says_what_to_do_and_ends_by_ctrl_c(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-u", "-m", "sandbox", "--stay"]
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, cwd=ROOT, env=environment, **output) as started:  # type: ignore[call-overload]
        try:
            told = b""
            while b"Ctrl-C ends all" not in told and select.select([started.stdout], [], [], 30)[0]:
                told += os.read(started.stdout.fileno(), 4096)
            started.send_signal(signal.SIGINT)
            rest, _ = started.communicate(timeout=20)
        finally:
            started.kill()
    assert told.startswith(b"Ready: ")
    assert b"source .tools/sandbox/env" in told
    assert (started.returncode, rest.strip()) == (0, b"stopped")
    assert list(tmp_path.iterdir()) == []
