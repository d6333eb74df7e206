"""The commands of the pages that no other test runs: each is one that the operator's command or AWS's would take."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from awscli.clidriver import CLIOperationCaller, create_clidriver  # type: ignore[import-untyped]
from botocore.session import Session
from botocore.validate import ParamValidator
from typer.testing import CliRunner

from ops.answers import AWS_FAILED
from ops.cli import app

from .pages import ROOT, RUNBOOKS, blocks, called, prose

PAGES = [*RUNBOOKS.values(), ROOT / "docs/upgrading.md"]
PROGRAMS = ("storekey", "aws", "git", "make")
# Of version 2 of the AWS command line alone, which the package index does not have.
TAIL = re.compile(r"aws logs tail --region us-east-1 /aws/lambda/storekey/\w+ --since \d+[hd]")
NOBODY_LISTENS = ("--endpoint-url", "http://127.0.0.1:1", "--region", "us-east-1")


@pytest.fixture
def commands(tmp_path: Path) -> set[tuple[str, ...]]:
    """What the pages call: their blocks as a shell reads them, and the operator's command in their text."""
    texts = [page.read_text().replace(".venv/bin/", "") for page in PAGES]
    found = [one for text in texts for one in called("".join(blocks(text, "sh")), tmp_path, *PROGRAMS)]
    inline = [line.split() for text in texts for line in re.findall(r"`(storekey [a-z -]+)`", prose(text))]
    return {tuple(command) for command in [*found, *inline]}


def of(program: str, commands: set[tuple[str, ...]]) -> list[tuple[str, ...]]:
    found = sorted(arguments for name, *arguments in map(list, commands) if name == program)
    assert found
    return [tuple(arguments) for arguments in found]


def test_the_operators_command_takes_them(commands: set[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets as far as asking AWS, of which there is none; what it does not understand ends it before, with 2."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for arguments in of("storekey", commands):
        done = CliRunner().invoke(app, [*NOBODY_LISTENS, *arguments])
        assert done.exit_code == AWS_FAILED, (arguments, done.output)
    assert CliRunner().invoke(app, [*NOBODY_LISTENS, "runs", "--everything"]).exit_code == 2


def refusals(commands: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The commands that AWS's command line does not understand, or whose parameters are not AWS's; none is sent."""
    model = Session().get_service_model

    def check(_: Any, service: str, operation: str, parameters: dict[str, Any], __: Any) -> int:
        given = {name: value for name, value in parameters.items() if name != "PaginationConfig"}
        shape = model(service).operation_model(operation).input_shape
        assert shape
        return int(ParamValidator().validate(given, shape).has_errors())

    monkeypatch.setattr(CLIOperationCaller, "invoke", check)
    driver = create_clidriver()

    def understood(arguments: tuple[str, ...]) -> bool:
        try:
            return bool(driver.main(list(arguments)) == 0)
        except SystemExit:  # of its parser
            return False

    return [arguments for arguments in commands if not understood(arguments)]


def test_the_aws_command_line_takes_them(commands: set[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    given = [one for one in of("aws", commands) if not TAIL.fullmatch(" ".join(("aws", *one)))]
    assert len(given) > 5
    assert all("--region" in one for one in given)
    wrong = [("sqs", "purge-queue", "--region", "us-east-1"), ("sqs", "purge-queue", "--queue-url", "x", "--all")]
    assert refusals([*given, *wrong], monkeypatch) == wrong


def test_the_targets_of_make_are_there(commands: set[tuple[str, ...]]) -> None:
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {target for target, *_ in of("make", commands)} <= set(targets)
