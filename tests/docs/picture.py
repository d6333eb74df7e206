"""The picture of docs/architecture.md, drawn from the template as a flowchart in Mermaid's language.

Nodes are what runs or holds something. An arrow goes from who acts to what is acted on: thick where it starts
something, thin where it reads or writes. What all functions of a group do is one arrow, from the group.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

FUNCTION, MACHINE = "AWS::Serverless::Function", "AWS::Serverless::StateMachine"
ALARM = "AWS::CloudWatch::Alarm"
# What is drawn of the template: the brackets that give a type its shape in Mermaid, and its name for readers.
SHAPES = {
    "AWS::DynamoDB::Table": ("[(", ")]", "table"),
    "AWS::Events::EventBus": (">", "]", "event bus"),
    "AWS::Lambda::Url": ("(", ")", "address"),
    "AWS::S3::Bucket": ("[(", ")]", "bucket"),
    "AWS::SNS::Topic": (">", "]", "topic"),
    "AWS::SQS::Queue": ("[/", "/]", "queue"),
    "AWS::SecretsManager::RotationSchedule": ("(", ")", "schedule"),
    "AWS::SecretsManager::Secret": ("[(", ")]", "secret"),
    FUNCTION: ("[", "]", ""),
    MACHINE: ("{{", "}}", "state machine"),
}
# Where everything is drawn, from above.
GROUPS = {
    "credentials": "RotationSchedule CheckSchedule RotateFunction CheckFunction PromoteFunction CredentialsSecret",
    "exports": "ExportSchedule ExportStateMachine BackfillStateMachine ExportFunction ExportStateTable ExportBucket",
    "webhooks": "ReceiveFunctionUrl ReceiveFunction WebhookQueue ProcessFunction WebhookTable EventBus"
    " WebhookDeadLetterQueue SyncSchedule SyncFunction",
    "alarms": "DeadLetterQueue Alarms AlarmTopic",
}
_PLACES = {name: group for group, names in GROUPS.items() for name in names.split()}
# What the template does not say: who is outside, and what goes there or comes from there.
_OUTSIDE = {"Store": ("([", "])", "BigCommerce"), "Yours": ("([", "])", "your functions")}
_CALLERS = ("CheckFunction", "PromoteFunction", "RotateFunction", "ExportFunction", "ProcessFunction", "SyncFunction")
_STARTING = {"lambda:InvokeFunction", "states:StartExecution"}


@dataclass(frozen=True, order=True)
class Edge:
    """An arrow. ``starts`` where the source starts the target, ``label`` says by what."""

    source: str
    target: str
    starts: bool = False
    label: str = ""

    def __str__(self) -> str:
        arrow = "==>" if self.starts else "-->"
        return f"{self.source} {arrow}{f'|{self.label}|' if self.label else ''} {self.target}"


def references(value: Any) -> Iterator[str]:
    """Yield the logical ids, and pseudo parameters, that a value of the template refers to."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            match key, item:
                case "Ref", str():
                    yield item
                case "Fn::GetAtt", str() | list():
                    yield (item.split(".") if isinstance(item, str) else item)[0]
                case "Fn::Sub", str():
                    yield from re.findall(r"\$\{(\w+)", item)
                case _:
                    yield from references(item)


class Picture:
    """What is drawn of a template: ``nodes``, each as Mermaid has it, by their ids, and the ``edges`` between them."""

    def __init__(self, template: Mapping[str, Any]) -> None:
        # A function that somebody adds as the README says, with Policies in place of a role, is none of the project's.
        self._resources = {
            name: resource
            for name, resource in template["Resources"].items()
            if resource["Type"] != FUNCTION or "Role" in resource["Properties"]
        }
        self.nodes = {name: _node(name, each) for name, each in self._resources.items() if each["Type"] in SHAPES}
        alarms = [each["Properties"] for each in self._resources.values() if each["Type"] == ALARM]
        self.nodes["Alarms"] = f'Alarms[["{len(alarms)} alarms"]]'
        self.nodes |= {name: f'{name}{begin}"{label}"{end}' for name, (begin, end, label) in _OUTSIDE.items()}
        for name, properties in self._of(FUNCTION, MACHINE):
            self.nodes |= _schedules(name, properties)
        if homeless := self.nodes.keys() ^ (_PLACES.keys() | _OUTSIDE.keys()):
            raise ValueError(f"GROUPS and the template differ: {', '.join(sorted(homeless))}")
        found = {*self._wired(), *self._permitted(), *self._alarmed(alarms), *_outside()}
        self.edges = self._together({edge for edge in found if edge.source != edge.target})

    def __str__(self) -> str:
        lines = ["flowchart LR", *(f"  {self.nodes[name]}" for name in _OUTSIDE)]
        for group, names in GROUPS.items():
            drawn = [f"    {self.nodes[name]}" for name in names.split()]
            lines += [f'  subgraph {group}["{group.capitalize()}"]', *drawn, "  end"]
        return "\n".join([*lines, *(f"  {edge}" for edge in sorted(self.edges))]) + "\n"

    def _of(self, *kinds: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        return ((name, each["Properties"]) for name, each in self._resources.items() if each["Type"] in kinds)

    def _drawn(self, value: Any) -> list[str]:
        return [name for name in references(value) if name in self.nodes]

    def _wired(self) -> Iterator[Edge]:
        """What starts functions and state machines, and where a queue leaves what nobody could take."""
        for name, properties in self._of(FUNCTION, MACHINE):
            for event in properties.get("Events", {}).values():
                yield from self._event(name, event["Type"], event["Properties"])
        for name, properties in self._of("AWS::Lambda::Url"):
            yield from (Edge(name, one, starts=True) for one in self._drawn(properties["TargetFunctionArn"]))
        for name, properties in self._of("AWS::SecretsManager::RotationSchedule"):
            yield from (Edge(name, one, starts=True) for one in self._drawn(properties["RotationLambdaARN"]))
        for name, properties in self._of("AWS::SQS::Queue"):
            yield from (Edge(name, one) for one in self._drawn(properties.get("RedrivePolicy")))

    def _event(self, name: str, kind: str, event: Mapping[str, Any]) -> Iterator[Edge]:
        if kind == "ScheduleV2":
            yield Edge(_schedule_of(name), name, starts=True)
            yield from (Edge(_schedule_of(name), one) for one in self._drawn(event["DeadLetterConfig"]))
        elif kind == "SQS":
            yield from (Edge(one, name, starts=True) for one in self._drawn(event["Queue"]))
        elif kind == "EventBridgeRule":
            label = " ".join(event["Pattern"]["detail"].get("labelUpdated", []))
            yield from (Edge(one, name, starts=True, label=label) for one in self._drawn(event["Pattern"]))
        else:
            raise ValueError(f"{name}: an event of the type {kind} is not drawn yet")

    def _permitted(self) -> Iterator[Edge]:
        """What functions and state machines may do, by their roles."""
        for name, properties in self._of(FUNCTION, MACHINE):
            (role,) = references(properties["Role"])
            for policy in self._resources[role]["Properties"]["Policies"]:
                for statement in policy["PolicyDocument"]["Statement"]:
                    actions = {statement["Action"]} if isinstance(statement["Action"], str) else {*statement["Action"]}
                    if "sqs:ReceiveMessage" in actions:
                        continue  # Lambda's, on the function's behalf: the queue starts it
                    starts = bool(actions & _STARTING)
                    yield from (Edge(name, one, starts) for one in self._drawn(statement["Resource"]))

    def _alarmed(self, alarms: list[Any]) -> Iterator[Edge]:
        yield from (Edge("Alarms", one) for alarm in alarms for one in self._drawn(alarm["AlarmActions"]))
        yield from (Edge("Alarms", one) for alarm in alarms for one in self._drawn(alarm.get("Dimensions")))
        for _, rule in self._of("AWS::Events::Rule"):
            targets = self._drawn([target["Arn"] for target in rule["Targets"]])
            yield from (Edge(one, to, label="events") for one in self._drawn(rule["EventPattern"]) for to in targets)

    def _together(self, edges: set[Edge]) -> set[Edge]:
        """Draw what all functions of a group do outside of it, and others in it perhaps, as one arrow of the group."""
        functions = {group: {name for name, _ in self._of(FUNCTION) if _PLACES[name] == group} for group in GROUPS}
        found = set()
        for edge in edges:
            group = _place(edge.source)
            alike = {one.source for one in edges if replace(one, source="") == replace(edge, source="")}
            inside = {one for one in alike if _place(one) == group}
            shared = group in functions and functions[group] <= inside and len(inside) > 1
            found.add(replace(edge, source=group) if shared and _place(edge.target) != group else edge)
        return found


def _node(name: str, resource: Mapping[str, Any]) -> str:
    begin, end, kind = SHAPES[resource["Type"]]
    label = resource["Properties"].get("CodeUri", name) if resource["Type"] == FUNCTION else name
    return f'{name}{begin}"{label.removeprefix("functions/")}{f"<br/>{kind}" if kind else ""}"{end}'


def _schedule_of(name: str) -> str:
    return re.sub("(Function|StateMachine)$", "Schedule", name)


def _schedules(name: str, properties: Mapping[str, Any]) -> dict[str, str]:
    events = [one["Properties"] for one in properties.get("Events", {}).values() if one["Type"] == "ScheduleV2"]
    rates = {str(one["ScheduleExpression"]): one["ScheduleExpression"] for one in events}
    labels = [rate if isinstance(rate, str) else next(references(rate)) for rate in rates.values()]
    schedule = _schedule_of(name)
    return {schedule: f'{schedule}("{", ".join(labels)}<br/>schedule")'} if events else {}


def _outside() -> Iterator[Edge]:
    yield from (Edge(name, "Store") for name in _CALLERS)
    yield Edge("Store", "ReceiveFunctionUrl")
    yield Edge("EventBus", "Yours", starts=True)


def _place(name: str) -> str:
    return _PLACES.get(name, name)  # who is outside is in no group
