"""The project's pages, as its tests look at them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
RUNBOOKS = {path.stem: path for path in PAGES if path.parent.name == "runbooks" and path.stem != "README"}
_FENCED = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a page that are in a language."""
    return [block for kind, block in _FENCED.findall(text) if kind == language]


def prose(text: str) -> str:
    """A page without its code blocks."""
    return _FENCED.sub("", text)


def anchors(text: str) -> set[str]:
    """What links may lead to in a page: its headings, spelled as GitHub spells them."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def called(script: str, folder: Path, *programs: str) -> list[list[str]]:
    """The commands that a shell script calls, in order, each a program with its arguments; none of them is run."""
    log = folder / "called"
    for program in programs:
        (folder / program).write_text(f"#!/bin/sh\nprintf '%s\\0' {program} \"$@\" --end-- >> {log}\necho answer\n")
        (folder / program).chmod(0o755)
    log.write_bytes(b"")
    environment = {"PATH": f"{folder}:/usr/bin:/bin"}
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], check=True, capture_output=True, env=environment)
    return [command.split("\0")[:-1] for command in log.read_text().split("--end--\0")[:-1]]
