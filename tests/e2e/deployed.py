"""A deployed stack: the operator's command on it, its alarms, its logs, and what came to its topic and its bus."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from ops.cli import app
from ops.stack import Stack
from sandbox.story import Story
from storekey import LIVE

from .inbox import Inbox
from .waiting import wait_until

TEMPLATE = Path(__file__).parent.parent.parent / "template.yaml"
_ALARM_NAME = re.compile(r"AlarmName: !Sub \$\{AWS::StackName\}-(\S+)")
_CLOCKS_DIFFER = 60.0
ALARM = "credentials-refused"
# Where the template lets functions and state machines log; emulators may keep to Lambda's choice, the function's name.
_LOG_GROUPS = ("/aws/lambda/{}/", "/aws/vendedlogs/states/{}/")


@dataclass(frozen=True)
class Answer:
    """What the command answered: its exit status, and the JSON that it printed."""

    status: int
    said: Mapping[str, Any]

    @property
    def short(self) -> str:
        """The answer in one line."""
        told = [str(self.said[name]) for name in ("result", "status", "detail", "error") if self.said.get(name)]
        return ": ".join(told) or f"exit status {self.status}"


@dataclass
class Deployed:
    """A stack under test. ``patience`` is how many seconds an alarm or an event may take."""

    story: Story
    stack: Stack
    inbox: Inbox
    patience: float
    began: float = field(default_factory=time.time)
    printed: list[str] = field(default_factory=list)

    def storekey(self, *arguments: str, secret: Mapping[str, Any] | None = None) -> Answer:
        """Run the operator's command; a secret is given on its standard input, and nowhere else."""
        typed = None if secret is None else json.dumps(secret)
        done = CliRunner().invoke(app, ["--stack", self.stack.name, "--json", *arguments], input=typed)
        self.printed.append(done.output)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        lines = done.stdout.splitlines()
        return Answer(done.exit_code, json.loads(lines[-1]) if lines else {"error": done.output})

    def expect(self, claim: str, status: int, *arguments: str, secret: Mapping[str, Any] | None = None) -> Answer:
        """Run the operator's command, which must end with this status."""
        answer = self.storekey(*arguments, secret=secret)
        told = f"storekey {' '.join(arguments)}"
        self.story.prove(answer.status == status, claim, answer.short, f"{told}, which ended with {answer.status}")
        return answer

    def expect_check(self, status: str, claim: str) -> Mapping[str, Any]:
        """Run the check, which must find this status."""
        answer = self.storekey("check")
        self.story.prove(
            answer.said.get("status") == status,
            claim,
            answer.short,
            f"the log group {self.log_group('check_credentials')}",
        )
        return answer.said

    def export(self, claim: str, resource: str, *options: str) -> Mapping[str, Any]:
        """Run an export to its end, and hold its files against its manifest."""
        answer = self.storekey("export", resource, *options)
        ran, run = answer.said, str(answer.said.get("run"))
        seen = f"{ran.get('rows')} rows in {run}" if answer.status == 0 else answer.short
        self.story.prove(answer.status == 0, claim, seen, f"the log group {self.log_group('export')}")
        verified = self.storekey("verify", run, "--resource", resource)
        held = [f"{verified.said.get(name)} {name}" for name in ("rows", "parts", "bytes")]
        seen = f"{', '.join(held)}; counts: {verified.said.get('counts')}" if verified.status == 0 else verified.short
        claim = "its files hold what its manifest states, by size, SHA-256 and row"
        self.story.prove(verified.status == 0, claim, seen, f"storekey verify {run}")
        return ran

    def live(self) -> str | None:
        """The id of the live version of the secret."""
        return self.stack.secret.labels().get(LIVE)

    def alarms(self) -> dict[str, str]:
        """The state of each alarm of the stack, by its name."""
        names = [f"{self.stack.name}-{name}" for name in _ALARM_NAME.findall(TEMPLATE.read_text())]
        found = self.stack.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
        return {alarm["AlarmName"]: alarm["StateValue"] for alarm in found}

    def expect_alarm(self, state: str, claim: str, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Wait for a state of the alarm on refused credentials; ``meanwhile`` is done before each look at it."""
        name, began = f"{self.stack.name}-{ALARM}", time.monotonic()

        def come() -> bool:
            meanwhile()
            return self.alarms().get(name) == state

        came = wait_until(come, self.patience)
        seen = f"{self.alarms().get(name, 'no such alarm')} after {time.monotonic() - began:.0f} s"
        self.story.prove(came, claim, seen, f"the alarm {name} and its metric Storekey CredentialsRefused")

    def expect_rung(self, old: str, new: str, claim: str) -> None:
        """Wait until the topic has told that the alarm on refused credentials went from a state to another."""

        def told() -> list[tuple[str, str]]:
            return [change for change in self.inbox.changes(f"{self.stack.name}-{ALARM}") if change == (old, new)]

        came = wait_until(told, self.patience)
        seen = f"the queue on the topic got {len(told())} of {old} -> {new}"
        self.story.prove(came, claim, seen, "the topic AlarmTopicArn, its policy and its key")

    def expect_told(self, claim: str, *words: str) -> None:
        """Wait until a message that holds these words has come to the topic."""

        def told() -> list[str]:
            return [text for text in self.inbox.texts() if all(word in text for word in words)]

        came = wait_until(told, self.patience)
        seen = (
            f"the queue on the topic got {len(told())} of {len(self.inbox.texts())} messages with {' and '.join(words)}"
        )
        self.story.prove(came, claim, seen, "the topic AlarmTopicArn, its policy and its key")

    def logged(self) -> dict[str, list[str]]:
        """The lines that the stack has logged since the test began, by log group."""
        logs, since = self.stack.client("logs"), int((self.began - _CLOCKS_DIFFER) * 1000)
        lines: dict[str, list[str]] = {}
        for group in self._log_groups(logs):
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since)
            lines[group] = [event["message"] for page in pages for event in page["events"]]
        return lines

    def wait_for_line(self, *words: str) -> str | None:
        """Wait until a line that holds these words has been logged since the test began, and return it."""

        def found() -> list[str]:
            lines = (line for lines in self.logged().values() for line in lines)
            return [line for line in lines if all(word in line for word in words)]

        return found()[0] if wait_until(found, self.patience) else None

    def log_group(self, function: str) -> str:
        """Where a function logs."""
        return f"{_LOG_GROUPS[0].format(self.stack.name)}{function}"

    def changed(self) -> object:
        """When the stack was deployed last."""
        (found,) = self.stack.client("cloudformation").describe_stacks(StackName=self.stack.name)["Stacks"]
        return found.get("LastUpdatedTime") or found["CreationTime"]

    def _log_groups(self, logs: Any) -> Iterator[str]:
        pages = self.stack.client("cloudformation").get_paginator("list_stack_resources")
        resources = (
            each for page in pages.paginate(StackName=self.stack.name) for each in page["StackResourceSummaries"]
        )
        functions = (each for each in resources if each["ResourceType"] == "AWS::Lambda::Function")
        prefixes = [group.format(self.stack.name) for group in _LOG_GROUPS]
        prefixes += [f"/aws/lambda/{each['PhysicalResourceId']}" for each in functions]
        for prefix in prefixes:
            found = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
            yield from (group["logGroupName"] for page in found for group in page["logGroups"])
