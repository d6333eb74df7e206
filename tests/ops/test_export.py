"""`storekey export`, as an operator runs it; the execution and its progress are played."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws import Aws, Stack
from sandbox.console import register_stack
from tests.ops.exported import RUN, Exported
from tests.ops.exporting import Exporting
from tests.ops.operator import Run
from tests.terminal import on_terminal

NOTHING: dict[str, Any] = {"resource": "orders", "run": "", "complete": True, "manifest": None}


def noted(exporting: Exporting, **run: Any) -> None:
    """Write the state of an open run that goes on."""
    now = int(time.time())
    open_run = {"id": RUN, "mode": "incremental", "rows": 500, "requests": 4, "started": now - 60, "parts": [], **run}
    progress = {"run": RUN, "rows": 1250, "requests": 9, "quota_left": 137, "at": now}
    exporting.note("orders", run=open_run, progress=progress, lease_until=now + 80, watermark=now - 1000, skew=100)


def test_an_export_is_started_followed_and_ends_with_the_runs_summary(run: Run, exporting: Exporting) -> None:
    finished = Exported([[1, 2], [3]])
    finished.put(exporting.s3, exporting.bucket)

    def story() -> None:
        noted(exporting)
        time.sleep(0.2)
        exporting.end({"resource": "orders", "run": RUN, "complete": True, "manifest": finished.manifest_key})

    with exporting.playing(story):
        result = run("--json", "export", "orders")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert (answer["result"], answer["run"], answer["rows"], answer["requests"]) == ("finished", RUN, 3, 7)
    assert answer["window"] == {"from": "2026-11-24T08:26:00Z", "to": "2026-11-24T08:42:00Z"}
    assert (answer["counts"]["verdict"], answer["manifest"]) == ("agrees", finished.manifest_key)
    (execution,) = exporting.executions
    assert json.loads(execution.execution_input) == {"resource": "orders", "mode": "incremental"}
    assert f"started {execution.name}" in result.stderr
    assert re.fullmatch(r"orders-incremental-\d{8}T\d{6}Z-[0-9a-f]{6}", execution.name)


def test_without_a_terminal_there_is_a_line_every_so_often(
    run: Run, exporting: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted(exporting)
    monkeypatch.setattr("ops.following._LINE_SECONDS", 0.3)

    def story() -> None:
        time.sleep(0.5)
        exporting.note("orders", watermark=int(time.time()) - 7300)
        time.sleep(0.5)
        exporting.end(NOTHING)

    with exporting.playing(story):
        result = run("export", "orders")
    _, *lines = result.stderr.splitlines()
    assert lines[0] == "storekey: orders: 1,250 rows, 9 requests, quota left 137, lag 18 min"
    assert lines[-1] == "storekey: orders: no open run, lag 2 h"
    assert 2 <= len(lines) <= 5


@pytest.mark.parametrize(
    ("open_run", "rows"),
    {
        "of a known total": ({"api": "v3", "count_before": 5000}, "1,250 of 5,000 rows"),
        "of an unknown one": ({"api": "v3"}, "1,250 rows"),
        "of a count that knows no window": ({"api": "v2", "count_before": 5000}, "1,250 rows"),
    }.values(),
)
def test_rows_are_told_with_their_total_where_it_is_known(
    run: Run, exporting: Exporting, open_run: dict[str, Any], rows: str
) -> None:
    noted(exporting, **open_run)

    def story() -> None:
        time.sleep(0.2)
        exporting.end(NOTHING)

    with exporting.playing(story):
        result = run("export", "orders")
    assert f"storekey: orders: {rows}, 9 requests, quota left 137, lag 18 min" in result.stderr.splitlines()


def test_a_summary_for_persons_tells_window_counts_and_manifest(run: Run, exporting: Exporting) -> None:
    finished = Exported([[1, 2]], run="20261124T084200Z-full")
    finished.manifest["window"]["from"] = None
    finished.put(exporting.s3, exporting.bucket)
    with exporting.playing(lambda: exporting.end({"run": finished.run, "manifest": finished.manifest_key})):
        result = run("export", "orders", "--full")
    shown = " ".join(result.stdout.split())
    assert "everything to 2026-11-24T08:42:00Z" in shown
    assert "agrees: as many rows as the store counts in the window" in shown
    assert finished.manifest_key in "".join(result.stdout.split()), "whole, on however narrow a terminal"
    assert json.loads(exporting.executions[0].execution_input)["mode"] == "full"


def test_no_wait_returns_at_once(run: Run, exporting: Exporting) -> None:
    result = run("--json", "export", "orders", "--no-wait")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert (answer["result"], answer["execution"]) == ("started", exporting.executions[0].name)
    assert answer["follow"] == "storekey --stack storekey runs orders"
    assert exporting.executions[0].status == "RUNNING"


def test_nothing_to_do_is_no_failure(run: Run, exporting: Exporting) -> None:
    with exporting.playing(lambda: exporting.end(NOTHING)):
        result = run("--json", "export", "orders")
    assert (result.exit_code, json.loads(result.stdout)["result"]) == (0, "nothing to do")


def test_refused_credentials_are_told_with_their_remedy(run: Run, exporting: Exporting) -> None:
    with exporting.playing(lambda: exporting.end(error="CredentialsRefused", cause="The store refuses them")):
        result = run("export", "orders")
    assert result.exit_code == 1
    assert "storekey credentials set" in result.stderr.splitlines()[-1]


def test_a_failure_is_one_line_without_a_trace(run: Run, exporting: Exporting) -> None:
    cause = json.dumps({"errorType": "Unavailable", "errorMessage": "503 six times", "stackTrace": ["File app.py"]})
    with exporting.playing(lambda: exporting.end(error="Unavailable", cause=cause)):
        result = run("--json", "export", "orders")
    assert result.exit_code == 1
    told = json.loads(result.stdout)["error"]
    assert "failed (Unavailable: 503 six times); export again" in told
    assert "app.py" not in told


def test_an_execution_that_somebody_stops_is_told_as_that(run: Run, exporting: Exporting) -> None:
    with exporting.playing(exporting.stop):
        result = run("export", "orders")
    assert result.exit_code == 1
    assert "was stopped by somebody" in result.stderr


def test_an_export_that_takes_longer_goes_on_and_it_is_said_how_to_follow_it(run: Run, exporting: Exporting) -> None:
    result = run("export", "orders", "--timeout", "0.2")
    assert result.exit_code == 4
    assert "is still running, and goes on; follow it with storekey --stack storekey runs orders" in result.stderr
    assert exporting.executions[0].status == "RUNNING"


def test_who_has_seen_enough_leaves_it_running(run: Run, exporting: Exporting, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ops.following.time.sleep", interrupted)
    result = run("export", "orders")
    assert result.exit_code == 4
    assert "is still running, and goes on" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    {
        "unknown": (("invoices",), "resource: is none of those that can be exported; give one of orders, customers"),
        "not exported": (("products",), "resource: products is not exported by this stack; add it to ExportResources"),
        "time-out": (("orders", "--timeout", "-1"), "--timeout"),
        "no resource": ((), "resource"),
    }.values(),
)
def test_wrong_input_starts_nothing(run: Run, exporting: Exporting, arguments: tuple[str, ...], told: str) -> None:
    result = run("export", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert exporting.executions == []


def test_a_stack_without_exports_is_told(run: Run, stack: Stack, aws: Aws) -> None:
    register_stack(aws, {"CredentialsSecretArn": stack.secret_id}, {})
    result = run("export", "orders")
    assert result.exit_code == 3
    assert "has no output ExportStateMachineArn" in result.stderr


def test_a_manifest_that_is_gone_is_told(run: Run, exporting: Exporting) -> None:
    with exporting.playing(lambda: exporting.end({"run": RUN, "manifest": "exports/_manifests/none.json"})):
        result = run("export", "orders")
    assert result.exit_code == 3
    assert "exports/_manifests/none.json is not there" in result.stderr


def test_a_state_machine_that_is_gone_is_one_line(run: Run, exporting: Exporting, aws: Aws) -> None:
    aws.client("stepfunctions").delete_state_machine(stateMachineArn=exporting.machine)
    result = run("export", "orders")
    assert result.exit_code == 3
    assert "AWS: StartExecution was refused (StateMachineDoesNotExist)" in result.stderr


def on_a_terminal(aws: Aws, folder: Path, *arguments: str) -> tuple[int, str]:
    environment = {"HOME": str(folder), "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    command = [str(Path(sys.executable).parent / "storekey"), "--endpoint-url", aws.endpoint, "--region", "us-east-1"]
    return on_terminal([*command, *arguments], [], environment)


def test_on_a_terminal_there_is_a_bar(exporting: Exporting, aws: Aws, tmp_path: Path) -> None:
    finished = Exported([[1, 2]])
    finished.put(exporting.s3, exporting.bucket)

    def story() -> None:
        noted(exporting, api="v3", count_before=5000)
        time.sleep(2.5)
        exporting.end({"run": RUN, "manifest": finished.manifest_key})

    with exporting.playing(story):
        status, shown = on_a_terminal(aws, tmp_path, "export", "orders")
    assert status == 0, shown
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    line = next(line for line in re.split(r"[\r\n]+", text) if " orders " in line and "1,250" in line)
    assert "1,250 of 5,000 rows, 9 requests, quota left 137, lag 18 min" in line
    assert "━" in line
    assert "finished" in text and "agrees" in text


def test_verify_on_a_terminal(exporting: Exporting, aws: Aws, tmp_path: Path) -> None:
    Exported([[1, 2], [3]]).put(exporting.s3, exporting.bucket)
    status, shown = on_a_terminal(aws, tmp_path, "verify", RUN)
    assert status == 0, shown
    assert "part-00001.jsonl.gz" in shown and "holds" in shown
