"""A command of a page that is forked is given what the shell gives, and gives back what the usual one does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import BIN, commands
from tests.pages import run


@pytest.mark.parametrize(
    "command",
    [
        "storekey nonsense",
        "echo 'no JSON' | storekey try --from-file -",
        "storekey try --from-file here.txt",
        "aws configure list",
        "aws nonsense",
    ],
)
def test_it_does_what_the_usual_one_does(command: str, tmp_path: Path) -> None:
    (tmp_path / "here.txt").write_text("no JSON either")
    forked, usual = (
        subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=tmp_path,
            env={"PATH": f"{path}:{os.defpath}", "HOME": str(tmp_path), "AWS_DEFAULT_REGION": "eu-north-1"},
            capture_output=True,
            text=True,
            check=False,
            pass_fds=commands().descriptors,
        )
        for path in (commands().folder, BIN)
    )
    assert (forked.returncode, forked.stdout, forked.stderr) == (usual.returncode, usual.stdout, usual.stderr)
    assert (usual.returncode == 0) == (command == "aws configure list")


def test_pages_call_the_forked_ones(tmp_path: Path) -> None:
    folder = str(commands().folder)
    assert run("dirname $(which storekey) $(which aws)", tmp_path).split() == [folder, folder]
    assert (commands().folder == BIN) == (sys.platform != "linux")
