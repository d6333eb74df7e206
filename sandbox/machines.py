"""State machines of a template: made in moto, whose interpreter runs them, and their executions."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .definitions import problems
from .moto_states import interpreter
from .parameters import TemplateError, text_of
from .template import parsed

RUNNING = "RUNNING"
_PLACEHOLDER = re.compile(r"\$\{([^}]+)\}")
_POLL_SECONDS = 0.05


def make(name: str, properties: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Create a state machine from its resolved properties; return its attributes, its Ref under an empty name.

    Raises TemplateError for a definition that Step Functions would not take.
    """
    definition = _definition(properties, folder)
    if found := problems(definition):
        raise TemplateError(f"the definition of {name} is wrong: {'; '.join(found)}")
    name = properties.get("Name", name)
    if name in [each.name for each in interpreter().state_machines]:
        raise TemplateError(f"there is a state machine {name} already")
    machine = interpreter().create_state_machine(
        name=name,
        definition=json.dumps(definition),
        roleArn=properties.get("Role", "arn:aws:iam::123456789012:role/made-by-sam"),
        sm_type=properties.get("Type", "STANDARD"),
    )
    return {"": machine.arn, "Arn": machine.arn, "Name": name}


def _definition(properties: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    definition = properties.get("Definition")
    if definition is None:
        definition = parsed((folder / properties["DefinitionUri"]).read_text(encoding="utf-8"))
    substituted: dict[str, Any] = _substituted(definition, properties.get("DefinitionSubstitutions", {}))
    return substituted


def _substituted(value: Any, substitutions: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _substituted(item, substitutions) for key, item in value.items()}
    if isinstance(value, list):
        return [_substituted(item, substitutions) for item in value]
    if not isinstance(value, str):
        return value
    if unknown := [name for name in _PLACEHOLDER.findall(value) if name not in substitutions]:
        raise TemplateError(f"DefinitionSubstitutions has no {', '.join(unknown)}")
    return _PLACEHOLDER.sub(lambda match: text_of(substitutions[match[1]]), value)


@dataclass(frozen=True)
class Outcome:
    """How an execution ended: SUCCEEDED with an output, FAILED with an error and its cause, TIMED_OUT or ABORTED."""

    status: str
    output: Any = None
    error: str | None = None
    cause: str | None = None


@dataclass(frozen=True)
class Execution:
    """A state machine at work, or done."""

    client: Any
    arn: str

    @classmethod
    def start(cls, client: Any, machine: str, event: Any) -> Execution:
        """Start an execution of a machine (ARN)."""
        name = str(uuid.uuid4())
        started = client.start_execution(stateMachineArn=machine, name=name, input=json.dumps(event))
        return cls(client, started["executionArn"])

    @property
    def name(self) -> str:
        """What the definition knows as $$.Execution.Name."""
        return self.arn.rpartition(":")[2]

    def wait(self, timeout: float = 60.0) -> Outcome:
        """Wait for the end. Raises TimeoutError, naming the last states, when it takes longer than seconds."""
        until = time.monotonic() + timeout
        while self._runs():
            if time.monotonic() > until:
                raise TimeoutError(
                    f"it runs still after {timeout:g} s, its last states: {' -> '.join(self.states()[-9:])}"
                )
            time.sleep(_POLL_SECONDS)
        seen = self.client.describe_execution(executionArn=self.arn)
        output = json.loads(seen["output"]) if "output" in seen else None
        return Outcome(seen["status"], output, seen.get("error"), seen.get("cause"))

    def _runs(self) -> bool:
        """Look where it is kept: to ask again and again by the API would take much of the time that it waits."""
        return bool(interpreter().describe_execution(self.arn).exec_status == RUNNING)

    def states(self) -> list[str]:
        """Return the names of the states that it has entered, in order."""
        entered = [event.get("stateEnteredEventDetails") for event in self.history()]
        return [details["name"] for details in entered if details]

    def history(self) -> list[dict[str, Any]]:
        """Return its events as Step Functions tells them, with each attempt of a task."""
        events: list[dict[str, Any]] = self.client.get_execution_history(executionArn=self.arn)["events"]
        return events

    def children(self) -> list[Execution]:
        """Return the executions that its Distributed Maps have started so far, in the order of their starts."""
        runs = self.client.list_map_runs(executionArn=self.arn)["mapRuns"]
        lists = [self.client.list_executions(mapRunArn=run["mapRunArn"])["executions"] for run in runs]
        return [Execution(self.client, each["executionArn"]) for found in lists for each in reversed(found)]

    def stop(self) -> None:
        """End it, if it still runs; a function that it has called runs on."""
        self.client.stop_execution(executionArn=self.arn)


def running(client: Any, machine: str) -> list[Execution]:
    """Return the executions of a machine that have not ended, whoever started them."""
    found = client.list_executions(stateMachineArn=machine, statusFilter=RUNNING)["executions"]
    return [Execution(client, each["executionArn"]) for each in found]
