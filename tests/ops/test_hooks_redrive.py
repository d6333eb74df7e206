"""`storekey hooks redrive`, as an operator runs it. moto moves no messages, so a stub of SQS does that here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.stack import Stack as OperatorsStack
from tests.ops.hooking import Hooked, hooked
from tests.ops.operator import Run

__all__ = ["hooked"]


def words(text: str) -> str:
    return " ".join(text.split())


class Mover:
    """SQS, which moves messages as a test says: what is told of a task at each look; the last one stays."""

    def __init__(self, sqs: Any) -> None:
        self.started: list[dict[str, str]] = []
        self.before: list[dict[str, Any]] = []
        self.looks: list[dict[str, Any]] = []
        self.asked = 0
        self._sqs = sqs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sqs, name)

    def start_message_move_task(self, **arns: str) -> dict[str, str]:
        if any(task["Status"] == "RUNNING" for task in self.before):
            refusal = {"Error": {"Code": "AWS.SimpleQueueService.UnsupportedOperation", "Message": "one is running"}}
            raise ClientError(refusal, "StartMessageMoveTask")  # type: ignore[arg-type]
        self.started.append(arns)
        return {"TaskHandle": "handle"}

    def list_message_move_tasks(self, SourceArn: str, MaxResults: int) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert SourceArn.endswith("-dead") and MaxResults == 10
        self.asked += 1
        if not self.started and not any(task["Status"] == "RUNNING" for task in self.before):
            return {"Results": self.before} if self.before else {}
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        others = [task for task in self.before if task["Status"] != "RUNNING"]
        return {"Results": [*others, look] if look else others}  # the newest is not always the first


def task(status: str, moved: int = 0, started: int = 2_000, **more: Any) -> dict[str, Any]:
    return {"Status": status, "ApproximateNumberOfMessagesMoved": moved, "StartedTimestamp": started, **more}


@pytest.fixture
def mover(hooked: Hooked, monkeypatch: pytest.MonkeyPatch) -> Mover:
    client, played = OperatorsStack.client, Mover(hooked.sqs)
    monkeypatch.setattr("ops.redriving._POLL_SECONDS", 0.001)
    monkeypatch.setattr(
        OperatorsStack,
        "client",
        lambda self, service, **more: played if service == "sqs" else client(self, service, **more),
    )
    return played


def test_dead_letters_are_moved_back_and_followed(run: Run, hooked: Hooked, mover: Mover) -> None:
    hooked.send(hooked.dead, 3)
    mover.before = [task("COMPLETED", 9, 1_000)]
    mover.looks = [{}, task("RUNNING", 1), task("COMPLETED", 3)]
    result = run("hooks", "redrive")
    assert result.exit_code == 0, result.output
    (arns,) = mover.started
    assert arns["SourceArn"].endswith(f":{hooked.store}-dead")
    assert arns["DestinationArn"].endswith(f":{hooked.store}")
    assert (
        "result moved dead_letters 3 moved 3 detail they are tried again; storekey --stack storekey hooks status"
        in (words(result.stdout))
    )


def test_one_that_runs_already_is_followed(run: Run, hooked: Hooked, mover: Mover) -> None:
    mover.before = [task("RUNNING"), task("FAILED", 9, 1_000)]
    mover.looks = [task("RUNNING", 1), task("RUNNING", 2), task("COMPLETED", 3, ApproximateNumberOfMessagesToMove=4)]
    result = run("--json", "hooks", "redrive")
    assert (result.exit_code, mover.started) == (0, [])
    assert json.loads(result.stdout) == {"result": "moved", "dead_letters": 4, "moved": 3}


def test_without_dead_letters_nothing_is_started(run: Run, mover: Mover) -> None:
    for before in ([], [task("COMPLETED", 9)]):
        mover.before = before
        result = run("hooks", "redrive")
        assert (result.exit_code, mover.started) == (0, [])
        assert "result nothing to redrive" in words(result.stdout)


def test_one_that_takes_longer_goes_on(run: Run, hooked: Hooked, mover: Mover) -> None:
    hooked.send(hooked.dead, 3)
    mover.looks = [task("RUNNING", 1)]
    result = run("hooks", "redrive", "--timeout", "0.01")
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr == (
        "storekey: redrive: 1 of 3 dead letters moved so far, SQS goes on; follow it with "
        "storekey --stack storekey hooks redrive\n"
    )


def test_who_has_seen_enough_may_go(run: Run, hooked: Hooked, mover: Mover, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    hooked.send(hooked.dead, 1)
    mover.looks = [task("RUNNING")]
    monkeypatch.setattr("ops.redriving.time.sleep", interrupted)
    assert run("hooks", "redrive").exit_code == 4


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (task("FAILED", 1, FailureReason="AWS.SimpleQueueService.AccessDenied"), "failed (AWS.SimpleQueueService.Ac"),
        (task("CANCELLED", 1), "cancelled after 1 messages"),
    ],
)
def test_one_that_fails_is_told(run: Run, hooked: Hooked, mover: Mover, end: dict[str, Any], said: str) -> None:
    hooked.send(hooked.dead, 3)
    mover.looks = [end]
    result = run("--json", "hooks", "redrive")
    assert result.exit_code == 3
    assert said in json.loads(result.stdout)["error"]


def test_what_sqs_refuses_is_one_line(run: Run, hooked: Hooked, mover: Mover, monkeypatch: pytest.MonkeyPatch) -> None:
    hooked.send(hooked.dead, 1)
    monkeypatch.setattr("ops.redriving.Redrive._tasks", lambda self: [])
    mover.before = [task("RUNNING")]  # somebody else's, begun since
    result = run("hooks", "redrive")
    assert result.exit_code == 3
    assert "AWS: StartMessageMoveTask was refused (AWS.SimpleQueueService.UnsupportedOperation)" in result.stderr
