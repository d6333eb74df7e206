"""Reads template.yaml and resolves its intrinsic functions, as CloudFormation and SAM do when they deploy it."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Self

import yaml
from samtranslator.yaml_helper import intrinsics_multi_constructor

from .parameters import TemplateError, parameter_values, text_of

__all__ = ["PSEUDO_PARAMETERS", "Names", "Template", "TemplateError", "parsed", "text_of"]

Names = Mapping[str, Any]
"""What a name stands for: ``Topic`` for its Ref, ``Topic.TopicArn`` for an attribute, ``AWS::Region`` for a pseudo."""

PSEUDO_PARAMETERS: Names = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "storekey",
    "AWS::URLSuffix": "amazonaws.com",
}
_NO_VALUE = object()
_PLACEHOLDER = re.compile(r"\$\{([^}]+)\}")
_NOTHING: Names = {}


@dataclass(frozen=True)
class Template:
    """A SAM template with a value for each of its parameters.

    ``parameters`` holds strings (lists of strings for list types), as Ref yields them.
    """

    folder: Path
    body: Mapping[str, Any]
    parameters: Mapping[str, Any]

    @classmethod
    def load(cls, path: Path | str, parameters: Mapping[str, Any] | None = None) -> Self:
        """Read a template. Raises TemplateError for an unknown parameter, or a value that its rules forbid."""
        body = parsed(Path(path).read_text(encoding="utf-8"))
        return cls(Path(path).resolve().parent, body, parameter_values(body, parameters or {}))

    def with_parameters(self, parameters: Mapping[str, Any]) -> Self:
        """Return the template with other parameters; what is not named falls back to its default."""
        return replace(self, parameters=parameter_values(self.body, parameters))

    def resources(self, *types: str) -> dict[str, Mapping[str, Any]]:
        """Return the resources whose condition holds by logical id: all, or those of these types."""
        return {
            logical_id: resource
            for logical_id, resource in self.body.get("Resources", {}).items()
            if (not types or resource["Type"] in types) and self._wanted(resource)
        }

    def functions(self) -> dict[str, dict[str, Any]]:
        """Return each function's properties, unresolved, with those of Globals merged in as SAM merges them."""
        return self._with_globals("Function")

    def state_machines(self) -> dict[str, dict[str, Any]]:
        """Return each state machine's properties, unresolved, with those of Globals merged in as SAM merges them."""
        return self._with_globals("StateMachine")

    def state_machine(self, logical_id: str, names: Names) -> dict[str, Any]:
        """Return a state machine's properties, resolved.

        What an intrinsic function yields in a Definition is text, be it the value of a parameter of the type Number:
        SAM puts it between the quotes of a JSON string. Raises TemplateError where it is no text, nor can be.
        """
        properties = self.state_machines()[logical_id]
        definition = {"Definition": properties.pop("Definition")} if "Definition" in properties else {}
        return {**self.resolve(properties, names), **self._with_texts(definition, names)}

    def layer_folders(self, function: Mapping[str, Any]) -> list[Path]:
        """Return the folders of those layers of a function that this template builds."""
        layers = self.resources("AWS::Serverless::LayerVersion")
        used = [layer["Ref"] for layer in function.get("Layers", []) if isinstance(layer, dict) and "Ref" in layer]
        return [self.folder / layers[name]["Properties"]["ContentUri"] for name in used if name in layers]

    def outputs(self, names: Names = _NOTHING) -> dict[str, Any]:
        """Return the resolved outputs whose condition holds."""
        outputs = self.body.get("Outputs", {})
        return {key: self.resolve(output["Value"], names) for key, output in outputs.items() if self._wanted(output)}

    def holds(self, condition: str) -> bool:
        """Tell whether a condition of the template is true."""
        return _Resolver(self, _NOTHING).named_condition(condition)

    def resolve(self, value: Any, names: Names = _NOTHING) -> Any:
        """Return a copy of a value without intrinsic functions; parts that are AWS::NoValue are left out.

        ``names`` may be lazy: it is asked only for what the value needs. Raises TemplateError naming a reference
        that neither it nor the template knows.
        """
        resolved = _Resolver(self, names).resolve(value)
        return None if resolved is _NO_VALUE else resolved

    def _with_texts(self, value: Any, names: Names) -> Any:
        if isinstance(value, list):
            return [self._with_texts(item, names) for item in value]
        if not isinstance(value, dict):
            return value
        if not _is_function(value):
            return {key: self._with_texts(item, names) for key, item in value.items()}
        resolved = self.resolve(value, names)
        if not isinstance(resolved, str | int | float):
            raise TemplateError(f"{value} is no text that a Definition could hold")
        return text_of(resolved)

    def _with_globals(self, kind: str) -> dict[str, dict[str, Any]]:
        shared = self.body.get("Globals", {}).get(kind, {})
        found = self.resources(f"AWS::Serverless::{kind}")
        return {logical_id: _merged(shared, resource["Properties"]) for logical_id, resource in found.items()}

    def _wanted(self, item: Mapping[str, Any]) -> bool:
        return "Condition" not in item or self.holds(item["Condition"])


class _Resolver:
    def __init__(self, template: Template, names: Names) -> None:
        self._template = template
        self._names = names

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return _present(self.resolve(item) for item in value)
        if not isinstance(value, dict):
            return value
        if _is_function(value):
            ((name, argument),) = value.items()
            return self._call(name, argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not _NO_VALUE}

    def named_condition(self, name: str) -> bool:
        conditions = self._template.body.get("Conditions", {})
        if name not in conditions:
            raise TemplateError(f"the template has no condition {name}")
        return self._condition(conditions[name])

    def _condition(self, value: Any) -> bool:
        if isinstance(value, dict) and list(value) == ["Condition"]:
            return self.named_condition(value["Condition"])
        result = self.resolve(value)
        if not isinstance(result, bool):
            raise TemplateError(f"{value} is no condition")
        return result

    def _call(self, name: str, argument: Any) -> Any:
        function = getattr(self, "fn_" + name.removeprefix("Fn::").lower(), None)
        if function is None:
            raise TemplateError(f"{name} is not supported: {argument}")
        return function(argument)

    def fn_ref(self, name: str) -> Any:
        return _NO_VALUE if name == "AWS::NoValue" else self._name(name)

    def _name(self, name: str) -> Any:
        for known in (self._template.parameters, self._names, PSEUDO_PARAMETERS):
            try:
                return known[name]
            except KeyError:
                continue
        raise TemplateError(f"cannot resolve the reference to {name}")

    def fn_getatt(self, argument: Any) -> Any:
        parts = argument if isinstance(argument, list) else [argument]
        return self._name(".".join(self.resolve(part) for part in parts))

    def fn_sub(self, argument: Any) -> str:
        text, variables = argument if isinstance(argument, list) else (argument, {})
        return _PLACEHOLDER.sub(lambda match: self._placeholder(match[1], variables), text)

    def _placeholder(self, name: str, variables: Mapping[str, Any]) -> str:
        if name.startswith("!"):
            return f"${{{name[1:]}}}"
        value = self.resolve(variables[name]) if name in variables else self.fn_ref(name.strip())
        if not isinstance(value, str | int | float):
            raise TemplateError(f"{name} is no text that Fn::Sub could insert")
        return text_of(value)

    def fn_if(self, argument: list[Any]) -> Any:
        condition, then, otherwise = argument
        return self.resolve(then if self.named_condition(condition) else otherwise)

    def fn_equals(self, argument: list[Any]) -> bool:
        left, right = self.resolve(argument)
        return text_of(left) == text_of(right)

    def fn_not(self, argument: list[Any]) -> bool:
        return not self._condition(argument[0])

    def fn_and(self, argument: list[Any]) -> bool:
        return all(self._condition(part) for part in argument)

    def fn_or(self, argument: list[Any]) -> bool:
        return any(self._condition(part) for part in argument)

    def fn_join(self, argument: list[Any]) -> str:
        separator, parts = argument
        return str(separator).join(text_of(part) for part in self.resolve(parts))

    def fn_base64(self, argument: Any) -> str:
        return b64encode(str(self.resolve(argument)).encode()).decode()

    def fn_split(self, argument: list[Any]) -> list[str]:
        separator, text = argument
        return str(self.resolve(text)).split(separator)

    def fn_select(self, argument: list[Any]) -> Any:
        index, items = self.resolve(argument)
        if not 0 <= int(index) < len(items):
            raise TemplateError(f"Fn::Select asks for item {index} of {items}")
        return items[int(index)]

    def fn_findinmap(self, argument: list[Any]) -> Any:
        found: Any = self._template.body.get("Mappings", {})
        path = self.resolve(argument)
        for key in path:
            if key not in found:
                raise TemplateError(f"the template maps no {' / '.join(path)}")
            found = found[key]
        return self.resolve(found)


def _is_function(value: Mapping[str, Any]) -> bool:
    return len(value) == 1 and all(name == "Ref" or name.startswith("Fn::") for name in value)


def _present(items: Iterable[Any]) -> list[Any]:
    return [item for item in items if item is not _NO_VALUE]


def _merged(shared: Any, own: Any) -> Any:
    if isinstance(shared, dict) and isinstance(own, dict):
        both = {key: _merged(shared[key], own[key]) for key in shared.keys() & own.keys()}
        return {**shared, **own, **both}
    return [*shared, *own] if isinstance(shared, list) and isinstance(own, list) else own


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """SAM's own reader is this one in Python, ten times slower."""


_Loader.add_multi_constructor("!", intrinsics_multi_constructor)


@cache
def parsed(text: str) -> Mapping[str, Any]:
    """Read YAML with CloudFormation's tags; the same text once, so nobody may change what it says."""
    body: Mapping[str, Any] = yaml.load(text, _Loader)
    return body
