"""What an operator is told to type, and can type, puts no secret where others on the machine see it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from ops.cli import app

ROOT = Path(__file__).parents[2]
TOLD = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "template.yaml"])


def commands(command: Any, name: str = "storekey") -> Iterator[tuple[str, Any]]:
    yield name, command
    for each, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{name} {each}")


@pytest.mark.parametrize("page", TOLD, ids=lambda page: page.name)
def test_no_command_of_the_documents_has_a_secret_among_its_words(page: Path) -> None:
    """A shell keeps them, and every process list shows them: a secret comes from a file or a prompt."""
    text = re.sub(r"\s+", " ", page.read_text())
    given = re.findall(r"--secret-string ([^\s`]+)", text)
    assert [each for each in given if not each.startswith("file://")] == []
    assert not re.search(r"--(api|access)?-?token[ =]|--password[ =]|--client-secret[ =]|curl[^`]*X-Auth-Token", text)


def test_the_page_that_stores_a_secret_is_among_them() -> None:
    assert [page.name for page in TOLD if "--secret-string" in page.read_text()] == [
        "README.md",
        "rotate.md",
        "template.yaml",
    ]


def test_no_option_of_the_command_takes_a_secret() -> None:
    found = [
        (name, option)
        for name, command in commands(typer.main.get_command(app))
        for parameter in command.params
        for option in [*parameter.opts, parameter.name or ""]
    ]
    assert ("storekey credentials set", "--from-file") in found
    wordy = re.compile(r"token|secret|password|key|credential")
    assert [each for each in found if wordy.search(each[1])] == []


def test_git_ignores_the_file_that_holds_them() -> None:
    assert "credentials*.json" in (ROOT / ".gitignore").read_text().splitlines()
