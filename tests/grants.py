"""Holds the roles of the template against all that ran: what a role may do and nothing did fails the run.

A call that a role may not make is refused by the sandbox, and fails its test (tests/conftest.py). The other way round
only the whole suite can tell, so this looks at its end, and only then: every worker tells what its roles have used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from sandbox.roles import RECORDS, LogicalNames, roles_of
from sandbox.template import Template

Use = tuple[str, str]
"""A role's logical id, and what it may do in words, as in ``Allow sqs:SendMessage on DeadLetterQueue.Arn``."""

_PLATFORM = "AWS does it in the function's name, and nothing here plays it"
_MACHINE = "Step Functions does it in the machine's name, and nothing here plays it"
# What nothing in the suite can use, by a pattern of the role and of what it may do.
UNPLAYED: Mapping[tuple[str, str], str] = {
    (r".*", r"logs:(CreateLogStream|PutLogEvents) .*"): f"the log of a function: {_PLATFORM}",
    (r".*", r"xray:.*"): f"traces: {_PLATFORM}",
    (r"(?!.*Schedule).*Role", r"sqs:SendMessage on DeadLetterQueue\.Arn"): f"a failed invocation: {_PLATFORM}",
    (
        r".*ScheduleRole",
        r"sqs:SendMessage on DeadLetterQueue\.Arn",
    ): "the scheduler's, when it could not start a target",
    (r"BackfillMachineRole", r"s3:(GetObject|\w+Multipart\w+) .*"): f"results that are large: {_MACHINE}",
    (r"BackfillMachineRole", r"states:(Describe|Stop|Redrive)Execution .*"): f"the map run: {_MACHINE}",
    (r".*MachineRole", r"logs:\w+(Delivery|Deliveries|Policy|Policies|Groups) .*"): f"the log: {_MACHINE}",
}


def granted() -> set[Use]:
    """Return all that the roles of the template may do, webhooks included."""
    template = Template.load(Path(__file__).parents[1] / "template.yaml", {"WebhooksEnabled": "true"})
    return {(role.name, label) for role in roles_of(template, LogicalNames()) for label in role.grants.values()}


def wrong(may: set[Use], used: set[Use], unplayed: Iterable[tuple[str, str]] = tuple(UNPLAYED)) -> Iterator[str]:
    """Tell what a role may do and nothing used, and what stands in the list of the unplayed for nothing."""
    idle = may - used
    excused: set[Use] = set()
    for role, what in unplayed:
        found = {use for use in idle if re.fullmatch(role, use[0]) and re.fullmatch(f"Allow {what}", use[1])}
        excused |= found
        if not found:
            yield f"tests/grants.py excuses {what!r} of {role!r}, and needs not"
    yield from sorted(f"{role}: {what}: nothing used it" for role, what in idle - excused)


class Plugin:
    """Gathers what the workers' roles have used; judges at the end of a whole and successful run."""

    def __init__(self) -> None:
        self.used: set[Use] = set()
        self.wrong: list[str] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """Take what a worker of xdist tells."""
        self.used |= {(role, what) for role, what in getattr(node, "workeroutput", {}).get("grants", ())}

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell what was used, or judge."""
        config = session.config
        if hasattr(config, "workeroutput"):
            config.workeroutput["grants"] = sorted(RECORDS.used)
        elif is_whole(config) and not session.testsfailed:
            self.wrong = list(wrong(granted(), self.used | RECORDS.used))
            session.exitstatus = pytest.ExitCode.TESTS_FAILED if self.wrong else session.exitstatus

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what is wrong."""
        for line in self.wrong:
            terminalreporter.write_line(f"PERMISSIONS {line}", red=True)


def is_whole(config: pytest.Config) -> bool:
    """Tell whether all that `make test` runs has been run."""
    chosen = (config.option.keyword, config.option.deselect, config.option.collectonly, config.option.maxfail)
    addopts: list[str] = config.getini("addopts")
    usual = config.option.markexpr == (addopts[addopts.index("-m") + 1] if "-m" in addopts else "")
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and usual and not any(chosen)
