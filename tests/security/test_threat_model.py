"""docs/security.md tells the truth: its tests, roles, keys and links are there."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

from tests.template.source import RESOURCES, ROLES, listed, of_type
from tests.template.test_encryption import ALWAYS, CHOSEN
from tests.template.test_roles import statements

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
NAMED = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)))
TABLES = re.findall(r"^\| ([\w ]+) \|.*\n\|---.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)


def rows(first_column: str) -> list[list[str]]:
    """The rows of all tables whose first column is called so."""
    found = [line for title, body in TABLES if title == first_column for line in body.splitlines()]
    assert found
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found]


@functools.cache
def names_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


@pytest.mark.parametrize(("path", "name"), NAMED, ids=lambda value: value)
def test_each_named_test_exists(path: str, name: str) -> None:
    assert name in names_in(path)


def test_each_threat_is_stopped_by_something_and_tested() -> None:
    assert len(rows("threat")) > 30
    for threat, stopped, _, named in rows("threat"):
        assert threat and stopped
        assert re.findall(r"`[\w/]+\.py::test_\w+`", named), f"no test for: {threat}"


def test_each_role_may_do_what_the_page_says() -> None:
    told = {role: sorted(re.findall(r"`([\w*]+)`", may)) for role, may, _ in rows("role")}
    schedules = {role for role in ROLES if role.endswith("ScheduleRole")}  # those of functions of your own among them
    assert told == {role: sorted(granted(role)) for role in ROLES if role in told or role not in schedules}
    assert not [action for role in ROLES for action in granted(role, whole=True) if action.startswith("iam:")]


def granted(role: str, whole: bool = False) -> set[str]:
    """The actions of a role, beyond logs, traces and the queue of failed invocations."""
    more = [policy for policy in of_type("AWS::IAM::Policy").values() if {"Ref": role} in policy["Roles"]]
    of_policies = [each for policy in more for each in policy["PolicyDocument"]["Statement"]]
    kept = [each for each in statements(role) if each["Resource"] != "DeadLetterQueue.Arn"]
    actions = {action for each in kept + of_policies for action in listed(each["Action"])}
    return actions if whole else {one.partition(":")[2] for one in actions if not one.startswith(("logs:", "xray:"))}


def test_the_key_of_each_kind_of_resource_is_told() -> None:
    kinds = {resource["Type"].replace("Serverless", "Lambda") for resource in RESOURCES.values()}
    assert "AWS::Lambda::StateMachine" in kinds, "SAM's own names"
    kinds = {"AWS::StepFunctions::StateMachine" if "StateMachine" in kind else kind for kind in kinds}
    assert {kind.strip("`") for kind, *_ in rows("kind")} == kinds & {*CHOSEN, *ALWAYS}


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", PAGE)
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
