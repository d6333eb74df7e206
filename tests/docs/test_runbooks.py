"""The runbooks: one for each alarm, which its description names, in words that the code and AWS know."""

from __future__ import annotations

import re

import pytest

from tests.template.source import ALARMS, FUNCTIONS, of_type

from .pages import ROOT, RUNBOOKS, prose

NAMES = {alarm["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-"): alarm for alarm in ALARMS.values()}
INDEX = (ROOT / "docs/runbooks/README.md").read_text()
# What AWS says, and nothing of ours.
OF_AWS = {
    *("AccessDeniedException", "ClientError", "DISABLED", "ENABLED", "Runtime.ImportModuleError", "Task timed out"),
    *("UnreservedConcurrentExecutions", "requestPayload", "responsePayload"),
}
SOURCES = [*(ROOT / "layers").rglob("*.py"), *(ROOT / "ops").rglob("*.py"), ROOT / "template.yaml"]


def test_every_alarm_has_a_runbook_and_every_runbook_an_alarm() -> None:
    assert RUNBOOKS.keys() == NAMES.keys()
    listed = re.findall(r"^\| \[`([\w-]+)`\]\(([\w-]+)\.md\)", INDEX, re.MULTILINE)
    assert listed == [(name, name) for name in NAMES], "in the order of the template"


@pytest.mark.parametrize("name", RUNBOOKS)
def test_an_alarm_names_its_runbook_and_the_other_way_round(name: str) -> None:
    assert NAMES[name]["AlarmDescription"]["Fn::Sub"].endswith(f" Runbook: docs/runbooks/{name}.md")
    assert RUNBOOKS[name].read_text().startswith(f"# {name}\n")


@pytest.mark.parametrize("name", RUNBOOKS)
def test_a_runbook_says_what_it_means_what_is_not_lost_what_to_do_and_how_it_clears(name: str) -> None:
    text = RUNBOOKS[name].read_text()
    means, _, rest = text.partition("**Not lost meanwhile.** ")
    assert len(means.split()) > 15 and rest
    look, mend, clears = re.findall(r"^## (.+)\n\n((?:(?!## ).*\n)+)", rest, re.MULTILINE)
    assert (look[0], mend[0], clears[0]) == ("Look", "Mend", "Clears")
    assert "```sh\n" in look[1]
    assert len(text.splitlines()) <= 50, "at night nobody reads more"


@pytest.mark.parametrize("name", RUNBOOKS)
def test_what_a_runbook_quotes_is_in_the_code(name: str) -> None:
    """Kinds of errors, parameters, labels, and what logs and answers say; not commands and files."""
    code = "\n".join(path.read_text() for path in SOURCES)
    quoted = set(re.findall(r"`([^`]+)`", prose(RUNBOOKS[name].read_text()))) - OF_AWS
    told = [
        one.partition("=")[0].rstrip(".") for one in quoted if not re.match(r"(\.venv/bin/storekey|hooks|/aws) ?", one)
    ]
    assert [one for one in told if one not in code] == []


def test_the_logs_that_runbooks_read_are_those_of_the_functions() -> None:
    groups = {
        group for page in RUNBOOKS.values() for group in re.findall(r"/aws/lambda/storekey/(\w+)", page.read_text())
    }
    assert groups
    assert groups <= {function["CodeUri"].removeprefix("functions/") for function in FUNCTIONS.values()}


def test_what_stays_is_said_of_everything_that_holds_data() -> None:
    text = (ROOT / "docs/upgrading.md").read_text()
    kinds = ("S3::Bucket", "DynamoDB::Table", "SQS::Queue", "SecretsManager::Secret", "Events::EventBus")
    holding = [name for kind in kinds for name in of_type(f"AWS::{kind}")]
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert [name for name in holding if not any(f"`{name}`" in row.split("|")[1] for row in rows)] == []
