"""What the tests of README.md and docs/ share: the code blocks of a page, and a shell that runs them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from sandbox.aws import Aws
from tests.commands import BIN, ROOT, commands

__all__ = ["BIN", "ROOT", "as_operator", "blocks_of", "run"]


def blocks_of(page: str) -> list[tuple[str, str]]:
    return re.findall(r"^```(\w+)\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def run(command: str, folder: Path = ROOT, **environment: str) -> str:
    quick = commands()
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env={
            "PATH": f"{quick.folder}:{BIN}:{os.environ['PATH']}",
            "HOME": str(folder),
            "ENV": str(BIN.parent),
            **environment,
        },
        pass_fds=quick.descriptors,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def as_operator(aws: Aws) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
