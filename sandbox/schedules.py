"""The schedules of a template: what EventBridge would start, and when. Nothing fires by itself here."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .parameters import text_of
from .template import Names, Template

# Properties that hold the expression: of the SAM events Schedule and ScheduleV2, and of the resources behind them.
_EXPRESSIONS = ("ScheduleExpression", "Schedule")
_KEPT = (*_EXPRESSIONS, "Input", "State", "Enabled", "RoleArn")


@dataclass(frozen=True)
class Schedule:
    """A schedule with its references resolved.

    ``target`` is the logical id of a function or a state machine, ``role`` the ARN of the role that starts it; empty
    where SAM makes one.
    """

    name: str
    target: str
    expression: str
    input: Any
    enabled: bool
    role: str = ""

    @property
    def event(self) -> Any:
        """What the target gets: the input, or else what the scheduler says of itself."""
        return self.input if self.input is not None else _scheduled_event()


def found_in(template: Template, names: Names) -> list[Schedule]:
    """Return the schedules of a template, those of SAM events first."""
    return [*_of_events(template, names), *_of_resources(template, names)]


def _of_events(template: Template, names: Names) -> Iterator[Schedule]:
    for target, properties in {**template.functions(), **template.state_machines()}.items():
        for name, event in properties.get("Events", {}).items():
            if event["Type"] in ("Schedule", "ScheduleV2"):
                yield _schedule(f"{target}.{name}", target, _resolved(template, event["Properties"], names))


def _of_resources(template: Template, names: Names) -> Iterator[Schedule]:
    arns = {names[f"{each}.Arn"]: each for each in (*template.functions(), *template.state_machines())}
    for name, resource in template.resources("AWS::Scheduler::Schedule", "AWS::Events::Rule").items():
        properties = resource["Properties"]
        targets = properties.get("Targets") or [properties.get("Target", {})]
        if "ScheduleExpression" not in properties:
            continue
        for target in template.resolve(
            [{k: each[k] for k in ("Arn", "Input", "RoleArn") if k in each} for each in targets], names
        ):
            if target.get("Arn") in arns:
                facts = {**_resolved(template, properties, names), **target}
                yield _schedule(name, arns[target["Arn"]], facts)


def _resolved(template: Template, properties: Mapping[str, Any], names: Names) -> dict[str, Any]:
    resolved: dict[str, Any] = template.resolve({key: properties[key] for key in _KEPT if key in properties}, names)
    return resolved


def _schedule(name: str, target: str, facts: Mapping[str, Any]) -> Schedule:
    expression = next(facts[key] for key in _EXPRESSIONS if key in facts)
    enabled = text_of(facts.get("Enabled", True)) == "true" and facts.get("State", "ENABLED") == "ENABLED"
    event = json.loads(facts["Input"]) if "Input" in facts else None
    return Schedule(name, target, expression, event, enabled, facts.get("RoleArn", ""))


def _scheduled_event() -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "resources": [],
        "detail": "{}",
    }
