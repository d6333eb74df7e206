"""`storekey credentials set` while the new account's webhooks are not there yet: it is live, the old one must stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ops.answers import Options
from storekey import CANDIDATE, LIVE, Hidden
from tests.ops.backfilling import Function, function
from tests.ops.hooking import Hooked, hooked
from tests.ops.operator import Run, file_of

__all__ = ["function", "hooked"]

FIELDS = {
    "api_path": "https://store-abc.mybigcommerce.com/api/v2/",
    "username": "orders-export",
    "api_token": "planted123",
}
UNSETTLED = "live, but keep the old account: its webhooks are not there yet: GET hooks: the store is down (status 503)"
SETTLED = "the credentials are live; its webhooks are there (2); the old account may be deleted in ten minutes, unless"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.stack._POLL_SECONDS", 0.01)
    monkeypatch.setattr("ops.stack._EVENT_SECONDS", 0.0)


class Promoting:
    """The function promote_credentials, as far as it moves labels."""

    def __init__(self, hooked: Hooked, function: Function) -> None:
        self.hooked, self.function = hooked, function
        self.secrets = hooked.aws.client("secretsmanager")
        self.old = self._put(LIVE, "old")

    def answers(self, detail: str, *, ends: bool, result: str = "promoted") -> None:
        """Let the function answer this; it makes the candidate live, and drops its label where it ``ends``."""

        def promote() -> None:
            version = self.labels[CANDIDATE]
            if self.labels[LIVE] != version:
                self.move(LIVE, MoveToVersionId=version, RemoveFromVersionId=self.labels[LIVE])
            if ends:
                self.move(CANDIDATE, RemoveFromVersionId=version)
            answer = {"result": result, "detail": detail, "version": version, "previous": self.old}
            self.function.answers = [answer]

        self.function.meanwhile = promote

    @property
    def labels(self) -> dict[str, str]:
        stages = self.secrets.describe_secret(SecretId=self.hooked.secret)["VersionIdsToStages"]
        return {label: version for version, names in stages.items() for label in names}

    def stage(self, value: str = "new") -> str:
        return self._put(CANDIDATE, value)

    def move(self, label: str, **versions: Any) -> None:
        self.secrets.update_secret_version_stage(SecretId=self.hooked.secret, VersionStage=label, **versions)

    def _put(self, label: str, value: str) -> str:
        stack = Options().open()
        return stack.store(Hidden(json.dumps({**FIELDS, "api_token": value})), label)


@pytest.fixture
def promoting(hooked: Hooked, function: Function) -> Promoting:
    return Promoting(hooked, function)


def test_while_the_webhooks_are_not_there_the_old_account_must_stay(
    run: Run, promoting: Promoting, tmp_path: Path
) -> None:
    promoting.answers(UNSETTLED, ends=False)
    result = run("credentials", "set", "--no-test", "--from-file", file_of(tmp_path, FIELDS))
    assert result.exit_code == 0, result.output
    shown = " ".join(result.stdout.split())
    assert "result live" in shown
    assert f"detail {UNSETTLED}" in shown
    assert "deleted now" not in result.output
    assert promoting.labels[LIVE] == promoting.labels[CANDIDATE] != promoting.old


def test_once_they_are_there_it_may_go(run: Run, promoting: Promoting, tmp_path: Path) -> None:
    promoting.answers(SETTLED, ends=True)
    result = run("--json", "credentials", "set", "--no-test", "--from-file", file_of(tmp_path, FIELDS))
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert (answer["result"], answer["detail"]) == ("promoted", SETTLED)


def test_a_promotion_that_has_not_ended_in_time_is_told_as_live(run: Run, promoting: Promoting, tmp_path: Path) -> None:
    promoting.answers("not tested yet", ends=False, result="nothing to do")
    fields = file_of(tmp_path, FIELDS)
    result = run("--json", "credentials", "set", "--no-test", "--timeout", "0.3", "--from-file", fields)
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert (answer["result"], answer["version"]) == ("live", promoting.labels[LIVE])
    assert answer["detail"] == (
        "live, but keep the old account: the promotion has not ended; the next check goes on with it"
    )


def test_live_with_another_candidate_behind_it_says_nothing_of_the_old_account(promoting: Promoting) -> None:
    version = promoting.stage()
    promoting.move(LIVE, MoveToVersionId=version, RemoveFromVersionId=promoting.old)
    promoting.stage("newer")
    outcome = Options().open().follow(version, 5.0)
    assert outcome.result == "live"
    assert outcome.detail == "live, but keep the old account: somebody has staged another one meanwhile"


def test_live_without_a_candidate_is_promoted(promoting: Promoting) -> None:
    version = promoting.stage()
    promoting.move(LIVE, MoveToVersionId=version, RemoveFromVersionId=promoting.old)
    promoting.move(CANDIDATE, RemoveFromVersionId=version)
    outcome = Options().open().follow(version, 5.0)
    assert outcome.result == "promoted"
    assert outcome.detail == "the store accepts it; the old account may be deleted in ten minutes"


def test_a_rejection_is_told_as_the_function_tells_it(promoting: Promoting) -> None:
    promoting.answers("the store refuses the credentials", ends=False, result="rejected")
    outcome = Options().open().follow(promoting.stage(), 5.0)
    assert (outcome.result, outcome.detail) == ("rejected", "the store refuses the credentials")
