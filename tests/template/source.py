"""The template as it is written, and what its tests take from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sandbox.roles import LogicalNames
from sandbox.template import Template

ROOT = Path(__file__).parents[2]
PATH = ROOT / "template.yaml"
TEXT = PATH.read_text(encoding="utf-8")
DEFAULT = Template.load(PATH)
TEMPLATE = DEFAULT.body
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]


def of_type(kind: str) -> dict[str, Any]:
    """Return the properties of all resources of a type by their logical ids."""
    found = {name: resource.get("Properties", {}) for name, resource in RESOURCES.items() if resource["Type"] == kind}
    assert found, f"no {kind}: the test would prove nothing"
    return found


FUNCTIONS = {
    name: TEMPLATE["Globals"]["Function"] | properties
    for name, properties in of_type("AWS::Serverless::Function").items()
}
ALARMS = of_type("AWS::CloudWatch::Alarm")
ROLES = of_type("AWS::IAM::Role")


def resolved(logical_id: str, **parameters: str) -> Any:
    """Return a resource's properties without intrinsic functions; a reference gives the name that it refers to."""
    template = DEFAULT.with_parameters(parameters)
    return template.resolve(template.resources()[logical_id]["Properties"], LogicalNames())


def seconds(rate: str) -> int:
    """Return the interval of a schedule such as ``rate(5 minutes)``."""
    value, unit = rate.removeprefix("rate(").removesuffix(")").split()
    return int(value) * {"m": 60, "h": 3600, "d": 86_400}[unit[0]]


def listed(value: Any) -> list[Any]:
    """Return what IAM takes alone or in a list as a list."""
    return value if isinstance(value, list) else [value]
