"""`storekey new` in a copy of what it reads and writes: all of it or nothing, and nothing else."""

from __future__ import annotations

import errno
import json
import re
import shutil
from pathlib import Path
from typing import Any, NoReturn

import pytest

from sandbox.template import Template
from tests.ops.operator import Run

ROOT = Path(__file__).parents[2]
BANNER = f"# {'-' * 88} your own functions\n"
HAND_MADE = "  HandMadeFunction:\n    Type: AWS::Serverless::Function\n    Properties: {CodeUri: functions/hand_made}\n"
EXAMPLE = (ROOT / "sandbox/recent_orders/app.py").read_text()


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("functions", "sandbox/recent_orders", "tests/functions"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "template.yaml", tmp_path)
    monkeypatch.setattr("ops.new_command.ROOT", tmp_path)
    return tmp_path


def tree(folder: Path) -> dict[str, Any]:
    """All that is in a folder, by path: a file's content and mode, None for a folder."""
    return {
        str(path.relative_to(folder)): None if path.is_dir() else (path.read_bytes(), path.stat().st_mode)
        for path in folder.rglob("*")
    }


def added(before: str, after: str) -> str:
    """What was put into a text in one place; all else must be as it was."""
    size = len(after) - len(before)
    start = next(at for at, (old, new) in enumerate(zip(before, after, strict=False)) if old != new)
    assert before == after[:start] + after[start + size :]
    return after[start : start + size]


def test_it_writes_three_files_and_says_so(run: Run, clone: Path) -> None:
    before, template = tree(clone), (clone / "template.yaml").read_text()
    result = run("new", "tested_thing")
    assert result.exit_code == 0, result.output
    after = tree(clone)
    made = {"functions/tested_thing", "functions/tested_thing/app.py", "tests/functions/test_tested_thing.py"}
    assert after.keys() - before.keys() == made
    assert {path for path in before if before[path] != after[path]} == {"template.yaml"}
    assert after["template.yaml"][1] == before["template.yaml"][1]
    block = added(template, (clone / "template.yaml").read_text())
    assert re.findall(r"^  (\w+):$", block, re.MULTILINE) == ["TestedThingFunction", "TestedThingLogGroup"]
    assert not re.search("recent.?orders", block, re.IGNORECASE)
    assert (clone / "functions/tested_thing/app.py").read_text() == EXAMPLE
    test = (clone / "tests/functions/test_tested_thing.py").read_text()
    assert test.count("TestedThingFunction") == 2
    assert test.startswith('"""tested_thing, ')
    assert "  .venv/bin/python -m pytest -n 0 tests/functions/test_tested_thing.py\n  make deploy\n" in result.stdout


def test_in_json_it_says_the_same(run: Run, clone: Path) -> None:
    result = run("--json", "new", "tested_thing", "--schedule", "rate(2 days)")
    said = json.loads(result.stdout)
    assert said == {
        "result": "made",
        "code": "functions/tested_thing/app.py",
        "test": "tests/functions/test_tested_thing.py",
        "template": "template.yaml",
        "resources": ["TestedThingFunction", "TestedThingLogGroup", "TestedThingScheduleRole"],
        "next": [".venv/bin/python -m pytest -n 0 tests/functions/test_tested_thing.py", "make deploy"],
    }
    assert all((clone / said[each]).is_file() for each in ("code", "test", "template"))


def test_what_the_template_says_of_it(run: Run, clone: Path) -> None:
    expression = "cron(0/15 6 ? * MON#2 *)"
    assert run("new", "tested_thing", "--schedule", expression).exit_code == 0
    resources = Template.load(clone / "template.yaml").body["Resources"]
    function = resources["TestedThingFunction"]["Properties"]
    ((statement,),) = (policy["Statement"] for policy in function["Policies"])
    assert (statement["Action"], statement["Resource"]) == (
        "secretsmanager:GetSecretValue",
        {"Ref": "CredentialsSecret"},
    )
    assert statement["Condition"] == {"StringEquals": {"secretsmanager:VersionStage": "AWSCURRENT"}}
    assert function["CodeUri"] == "functions/tested_thing"
    assert function["LoggingConfig"] == {"LogGroup": {"Ref": "TestedThingLogGroup"}}
    assert function["Events"]["Schedule"]["Properties"]["ScheduleExpression"] == expression
    (policy,) = resources["TestedThingScheduleRole"]["Properties"]["Policies"]
    assert policy["PolicyName"] == "invoke-tested-thing"


def test_the_next_one_stands_behind_those_that_are_there(run: Run, clone: Path) -> None:
    """Also behind one that was put between the banner of the outputs and them by hand, as CloudFormation allows."""
    template = clone / "template.yaml"
    template.write_text(template.read_text().replace("\nOutputs:", f"\n{HAND_MADE}\nOutputs:"))
    if BANNER not in template.read_text():
        assert run("new", "tested_thing").exit_code == 0
    first = template.read_text()
    assert run("new", "tested_things").exit_code == 0
    second = added(first, template.read_text())
    assert BANNER not in second
    own, others = template.read_text().split(BANNER)[1].split("\n# ---", 1)
    assert own.endswith(second.rstrip() + "\n")
    assert HAND_MADE in others
    resources = Template.load(template).body["Resources"]
    assert {"TestedThingsFunction", "HandMadeFunction"} <= resources.keys()


WRONG: dict[str, tuple[str, ...]] = {
    "no letters": ("",),
    "a blank": ("tested thing",),
    "capitals": ("TestedThing",),
    "a hyphen": ("tested-thing",),
    "a digit first": ("2_things",),
    "an underscore first": ("_thing",),
    "an underscore last": ("thing_",),
    "two underscores": ("tested__thing",),
    "a path": ("../thing",),
    "a file": ("thing.py",),
    "letters of another script": ("größe",),
    "a line break": ("thing\n",),
    "too long": ("t" * 51,),
    "a word of Python": ("import",),
    "a function that is there": ("export",),
    "a resource that is there": ("check",),
    "a test that is there": ("webhooks",),
    "words for a schedule": ("thing", "--schedule", "hourly"),
    "no schedule at all": ("thing", "--schedule", "rate(0 minutes)"),
    "one of many": ("thing", "--schedule", "rate(1 hours)"),
    "many of one": ("thing", "--schedule", "rate(5 minute)"),
    "seconds": ("thing", "--schedule", "rate(5 seconds)"),
    "five fields": ("thing", "--schedule", "cron(0 6 * * *)"),
    "days twice": ("thing", "--schedule", "cron(0 6 * * MON *)"),
    "a comment in a cron": ("thing", "--schedule", "cron(0 6 ? * #2 *)"),
    "more than a schedule": ("thing", "--schedule", "rate(1 hour)\n            Input: '{}'"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_made_is_one_line_with_the_remedy(kind: str, run: Run, clone: Path) -> None:
    before = tree(clone)
    result = run("new", *WRONG[kind])
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("storekey: --schedule: " if "--schedule" in WRONG[kind] else "storekey: NAME: ")
    assert re.search(" (write|choose) ", line), "no remedy"
    assert tree(clone) == before


def test_nothing_is_overwritten_not_even_by_its_own(run: Run, clone: Path) -> None:
    assert run("new", "tested_thing").exit_code == 0
    before = tree(clone)
    assert "has a TestedThingFunction already" in run("new", "tested_thing").stderr
    shutil.copy(ROOT / "template.yaml", clone)
    assert "functions/tested_thing is there already" in run("new", "tested_thing").stderr
    shutil.rmtree(clone / "functions/tested_thing")
    assert "tests/functions/test_tested_thing.py is there already" in run("new", "tested_thing").stderr
    test = "tests/functions/test_tested_thing.py"
    assert tree(clone)[test] == before[test]
    (clone / "functions/tested_thing").symlink_to("nowhere")
    assert "functions/tested_thing is there already" in run("new", "tested_thing").stderr
    assert not (clone / "functions/nowhere").exists()


def test_logical_ids_that_two_names_share_are_taken_once(run: Run, clone: Path) -> None:
    assert run("new", "tested_1").exit_code == 0
    assert "has a Tested1Function already" in run("new", "tested1").stderr


@pytest.mark.parametrize("step", ["mkdir", "app.py", "test_tested_thing.py", "NamedTemporaryFile", "replace"])
def test_what_fails_halfway_leaves_nothing_behind(
    step: str, run: Run, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any, **named: Any) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    def full_at_a_file(path: Path, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        return full() if (path.name, mode) == (step, "x") else opened(path, mode, *arguments, **named)

    before, opened = tree(clone), Path.open
    places = {
        "mkdir": "pathlib.Path.mkdir",
        "NamedTemporaryFile": "tempfile.NamedTemporaryFile",
        "replace": "os.replace",
    }
    with monkeypatch.context() as broken:
        broken.setattr(places.get(step, "pathlib.Path.open"), full if step in places else full_at_a_file)
        result = run("--json", "new", "tested_thing")
    assert result.exit_code == 2
    assert "(No space left on device); mend that and try again, nothing was made" in json.loads(result.stdout)["error"]
    assert tree(clone) == before


def test_a_stop_halfway_leaves_nothing_behind(run: Run, clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*arguments: Any) -> NoReturn:
        raise KeyboardInterrupt

    before = tree(clone)
    monkeypatch.setattr("shutil.copymode", stop)
    assert run("new", "tested_thing").exit_code != 0
    assert tree(clone) == before


@pytest.mark.parametrize("text", ["Outputs: {}\n", "Resources: {}\n", f"Outputs: {{}}\n\n# {'-' * 99} outputs\n"])
def test_a_template_without_its_banner_is_left_alone(text: str, run: Run, clone: Path) -> None:
    (clone / "template.yaml").write_text(text)
    before = tree(clone)
    result = run("new", "tested_thing")
    assert result.exit_code == 2
    assert result.stderr.startswith("storekey: template.yaml: nothing says where its resources end; put the line")
    assert tree(clone) == before


def test_without_a_template_nothing_is_made(run: Run, clone: Path) -> None:
    (clone / "template.yaml").unlink()
    before = tree(clone)
    result = run("new", "tested_thing")
    assert result.exit_code == 2
    assert f"{clone}/template.yaml: cannot be read or written (No such file or directory)" in result.stderr
    assert tree(clone) == before
