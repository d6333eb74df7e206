"""The values of a template's parameters, checked as CloudFormation checks them before it deploys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


class TemplateError(ValueError):
    """The template, or a parameter given to it, cannot be deployed as it is; the message names the culprit."""


def text_of(value: Any) -> str:
    """Write a scalar as CloudFormation does: booleans in lower case, whole numbers without a fraction."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def parameter_values(body: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value for each parameter of a template, as Ref yields it. Raises TemplateError for a wrong one."""
    declared = body.get("Parameters", {})
    if unknown := sorted(given.keys() - declared.keys()):
        raise TemplateError(f"the template has no parameter {', '.join(unknown)}")
    return {name: _value(name, rules, given) for name, rules in declared.items()}


def _value(name: str, rules: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    value = given.get(name, rules.get("Default"))
    if value is None:
        raise TemplateError(f"the parameter {name} needs a value")
    if rules["Type"].startswith("AWS::SSM::"):
        raise TemplateError(f"the parameter {name} lies in Parameter Store, which is not read here")
    text = ",".join(map(text_of, value)) if isinstance(value, list) else text_of(value)
    several = rules["Type"] == "CommaDelimitedList" or rules["Type"].startswith("List<")
    values = [part.strip() for part in text.split(",")] if several else [text]
    for one in values:
        if problem := _problem(rules, one):
            raise TemplateError(f"the parameter {name} is {one!r}: {rules.get('ConstraintDescription', problem)}")
    return values if several else text


def _problem(rules: Mapping[str, Any], text: str) -> str | None:
    if "AllowedValues" in rules and text not in map(text_of, rules["AllowedValues"]):
        return "not one of AllowedValues"
    if "AllowedPattern" in rules and not re.fullmatch(rules["AllowedPattern"], text):
        return f"does not match {rules['AllowedPattern']}"
    if not int(rules.get("MinLength", 0)) <= len(text) <= int(rules.get("MaxLength", len(text))):
        return "shorter than MinLength or longer than MaxLength"
    if rules["Type"] not in ("Number", "List<Number>"):
        return None
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", text):
        return "not a number"
    within = float(rules.get("MinValue", text)) <= float(text) <= float(rules.get("MaxValue", text))
    return None if within else "less than MinValue or more than MaxValue"
