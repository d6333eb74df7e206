"""The commands of docs/e2e.md are those that there are."""

from __future__ import annotations

import re
import shlex

from tests.e2e.__main__ import parser
from tests.pages import ROOT, blocks_of, run

PAGE = "docs/e2e.md"


def test_each_command_is_one_that_make_hands_on() -> None:
    shell = "".join(text for _, text in blocks_of(PAGE))
    given = [parser().parse_args(_handed_on(line)) for line in shell.splitlines() if line.startswith("make e2e")]
    assert [(one.stack, one.store, one.resource) for one in given] == [
        ("storekey", None, None),
        ("storekey", None, "customers"),
        ("e2e", "sandbox", None),
    ]
    others = [line for line in shell.splitlines() if not line.startswith("make e2e")]
    assert [line.partition(" ")[0] for line in others] == ["export"]


def test_the_options_that_it_names_are_there() -> None:
    text = (ROOT / PAGE).read_text()
    known = parser().format_help()
    named = set(re.findall(r"--[a-z][a-z-]+", text))
    assert {"--store", "--deploy", "--webhook-ca", "--resource"} <= named
    assert {name for name in named if name not in known} == set()
    (arguments,) = re.findall(r"`ARGS=\"([^`]*)\"`", text)
    assert parser().parse_args(["--stack", "e2e", *arguments.split()]).webhook_ca.name == "ca.pem"
    assert (ROOT / "tests/e2e/deploy.sh").exists()


def _handed_on(command: str) -> list[str]:
    """What the module is given when a person types the command."""
    (line,) = [line for line in run(command.replace("make", "make -n", 1)).splitlines() if "tests.e2e" in line]
    return shlex.split(line.partition(" tests.e2e ")[2])
