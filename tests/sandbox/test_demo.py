"""The demo, as a newcomer starts it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.demo import run
from sandbox.store import SandboxStore
from sandbox.story import DisprovedError, Story
from tests.support import new_account

ROOT = Path(__file__).parent.parent.parent


def test_the_demo_ends_well_and_leaves_nothing(tmp_path: Path) -> None:
    demo = subprocess.run(
        [sys.executable, "-m", "sandbox"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert demo.stderr == ""
    assert "\x1b" not in demo.stdout, "colours without a terminal"
    assert "25 claims" in demo.stdout
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


def typed(answers: list[str], *, store: SandboxStore, api_path: str, home: Path) -> tuple[int, str]:
    """Run the demo on a terminal, with a person who types; returns its status and all that was shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "STORE_CA_BUNDLE": store.ca_pem, "TERM": "xterm"}
        os.chdir(ROOT)
        os.execve(sys.executable, [sys.executable, "-m", "sandbox", "--store", api_path], environment)
    shown, waiting = b"", list(answers)
    while piece := read(terminal):
        shown += piece
        if waiting and shown.rstrip().endswith(b":"):
            time.sleep(0.2)  # getpass turns the echo off after its prompt
            os.write(terminal, f"{waiting.pop(0)}\n".encode())
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


@pytest.mark.parametrize(("mangle", "status", "says"), [(str, 0, "2 claims"), (str.swapcase, 1, "refused")])
def test_a_real_store_is_asked_with_what_is_typed(
    sandbox_store: SandboxStore, tmp_path: Path, mangle: Callable[[str], str], status: int, says: str
) -> None:
    account = new_account(sandbox_store)
    token = mangle(account.api_token)
    ended, shown = typed([account.username, token], store=sandbox_store, api_path=account.api_path, home=tmp_path)
    assert (ended, says in shown) == (status, True), shown
    assert token not in shown
    assert {seen.method for seen in sandbox_store.requests} == {"GET"}
    assert list(tmp_path.iterdir()) == []


def test_a_token_account_is_asked_for_its_token_alone(sandbox_store: SandboxStore, tmp_path: Path) -> None:
    account = sandbox_store.create_token_account("export")
    ended, shown = typed([account.access_token], store=sandbox_store, api_path=account.api_path, home=tmp_path)
    assert ended == 0, shown
    assert account.access_token not in shown
