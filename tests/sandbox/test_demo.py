"""The demo, as a newcomer starts it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.demo import run
from sandbox.files import Files
from sandbox.store import SandboxStore
from sandbox.story import DisprovedError, Story
from tests.support import new_account
from tests.terminal import on_terminal

Json = dict[str, Any]
ROOT = Path(__file__).parent.parent.parent


def test_the_demo_ends_well_and_leaves_nothing(tmp_path: Path) -> None:
    """As the README starts it, but that temporary files go where they are seen."""
    environment = str(Path(sys.executable).parent.parent)
    demo = subprocess.run(
        ["make", "demo"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "MAKEFLAGS": f"TMPDIR={tmp_path}",
            "ENV": environment,
        },
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert demo.stderr == ""
    assert "\x1b" not in demo.stdout, "colours without a terminal"
    assert "41 claims" in demo.stdout
    assert "NO" not in re.findall(r"│ (ok|NO) │", demo.stdout)
    assert "ALARM storekey-credentials-refused" in demo.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_claim_that_does_not_hold_ends_the_demo_with_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def disprove(story: Story) -> None:
        story.prove(True, "one thing", "seen")
        story.prove(False, "another thing", "not seen")

    monkeypatch.setattr("sandbox.demo.play", disprove)
    assert run(None) == 1
    shown = capsys.readouterr().out
    assert "NO: another thing (not seen)" in shown
    assert "2 claims" in shown
    with pytest.raises(DisprovedError):
        disprove(Story())


def test_a_real_store_refuses_what_was_mistyped(
    sandbox_store: SandboxStore, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    account = new_account(sandbox_store)
    token = account.api_token.swapcase()
    monkeypatch.setattr("builtins.input", lambda _: account.username)
    monkeypatch.setattr("getpass.getpass", lambda _: token)
    monkeypatch.setenv("STORE_CA_BUNDLE", sandbox_store.ca_pem)
    assert run(account.api_path) == 1
    shown = "".join(capfd.readouterr())
    assert ("refused" in shown, token in shown) == (True, False), shown


def test_a_token_account_is_asked_for_its_token_alone(sandbox_store: SandboxStore, tmp_path: Path) -> None:
    account = sandbox_store.create_token_account("export")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "STORE_CA_BUNDLE": sandbox_store.ca_pem}
    demo = [sys.executable, "-m", "sandbox", "--store", account.api_path]
    ended, shown = on_terminal(demo, [account.access_token], environment)
    assert (ended, "2 claims" in shown, account.access_token in shown) == (0, True, False), shown
    assert {seen.method for seen in sandbox_store.requests} == {"GET"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, []),
        ({"staff_notes": "as it was before"}, [100]),
        ({"_lines": []}, [100]),
        ({"id": 99}, [99, 100]),
    ],
)
def test_the_last_claim_sees_a_row_that_is_stale_lacks_lines_or_is_lost(change: Json, found: list[int]) -> None:
    store = SandboxStore(orders=2)

    class Planted(Files):
        def newest(self, kind: str) -> dict[int, Json]:
            rows = [{**row, "_run": "x", "_lines": store.lines(key)} for key, row in store.snapshot("orders").items()]
            rows[0] |= change
            return {row["id"]: row for row in rows}

    assert sorted(Planted(None, "", store).lost_or_stale()) == found
