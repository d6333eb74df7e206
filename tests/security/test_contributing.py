"""How a change lands is as CONTRIBUTING.md, the workflow and the hooks say."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
TARGETS = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
(REPOSITORY,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
HOOKS: list[dict[str, Any]] = REPOSITORY["hooks"]


def steps() -> list[dict[str, Any]]:
    (job,) = WORKFLOW["jobs"].values()
    found: list[dict[str, Any]] = job["steps"]
    return found


def test_the_workflow_runs_what_ci_runs_and_may_do_nothing_else() -> None:
    assert [step["run"] for step in steps() if "run" in step] == [".ci/run"]
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert "permissions" not in str(WORKFLOW["jobs"])
    assert WORKFLOW[True].keys() == {"push", "pull_request"}, (
        "pull_request_target would run strangers' code with rights"
    )
    assert "secrets." not in (ROOT / ".github/workflows/ci.yml").read_text()


def test_the_workflow_has_the_pythons_that_ci_wants_and_actions_of_one_major_version() -> None:
    actions = {step["uses"]: step["with"] for step in steps() if "uses" in step}
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", action) for action in actions)
    (pythons,) = [given["python-version"] for given in actions.values() if "python-version" in given]
    assert pythons.split()[-1] == "3.11", "the last one is python3"
    assert "python3.13" in (ROOT / ".ci/run").read_text() and "3.13" in pythons.split()


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_runs_a_tool_of_the_project_and_passes(hook: dict[str, Any]) -> None:
    tool, *options = shlex.split(hook["entry"])
    assert (REPOSITORY["repo"], hook["language"]) == ("local", "system")
    if tool == "make":
        assert options == ["lint"] and "lint" in TARGETS
        assert hook["pass_filenames"] is False
        return
    command = [str(Path(sys.executable).with_name(Path(tool).name)), *options, __file__]
    assert tool.startswith(".venv/bin/")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_page_names_is_there() -> None:
    named = set(re.findall(r"`make ([a-z0-9]+)`", PAGE))
    assert {"test", "audit", "lock", "sbom"} <= named <= set(TARGETS)
    paths = re.findall(r"`((?:\.?[a-z]+/)+[A-Za-z_.]*|[A-Za-z]+\.[a-z]+)`", PAGE) + re.findall(
        r"\]\((?!https?:)([^)]+)\)", PAGE
    )
    assert {"layers/storekey/storekey/", "template.yaml", ".ci/run", "docs/security.md"} <= set(paths)
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert all((ROOT / path).exists() for path in re.findall(r"pytest (tests/\S+)`", PAGE))
