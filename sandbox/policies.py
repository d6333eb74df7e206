"""What a role may do: IAM's rules for policies, as far as templates here use them.

Source: "Policy evaluation logic" and "IAM JSON policy elements" in AWS's IAM user guide. What is not known here is
refused with TemplateError when the policy is read, never passed over.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from .parameters import TemplateError, text_of

_KNOWN = {"Sid", "Effect", "Action", "Resource", "Condition"}


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """``*`` is any text, ``?`` any character."""
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringLike": lambda wanted, value: bool(_pattern(wanted).fullmatch(value)),
}


@dataclass(frozen=True)
class Ask:
    """A call as IAM sees it: an action (``sqs:SendMessage``) on a resource (its ARN), and the call's condition keys."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Grant:
    """The smallest piece of a statement: one action, one resource, and one value of each of its conditions.

    ``conditions`` holds (operator, key, value). A statement allows what one of its grants allows.
    """

    effect: str
    action: str
    resource: str
    conditions: tuple[tuple[str, str, str], ...] = ()

    def __str__(self) -> str:
        conditions = "".join(f" where {key} is {value}" for _, key, value in self.conditions)
        return f"{self.effect} {self.action} on {self.resource}{conditions}"

    def matches(self, ask: Ask) -> bool:
        """Tell whether it speaks of a call; a condition key that the call lacks never does."""
        return (
            bool(_pattern(self.action.lower()).fullmatch(ask.action.lower()))
            and bool(_pattern(self.resource).fullmatch(ask.resource))
            and all(
                key in ask.context and _OPERATORS[operator](value, ask.context[key])
                for operator, key, value in self.conditions
            )
        )


def grants_of(statements: Iterable[Mapping[str, Any]]) -> Iterator[Grant]:
    """Take resolved statements apart. Raises TemplateError for an element or operator that is not known here."""
    for statement in statements:
        if unknown := statement.keys() - _KNOWN:
            raise TemplateError(f"a policy has {', '.join(sorted(unknown))}, which is not known here")
        conditions = [
            [(operator, key, text_of(value)) for value in _listed(values)]
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in _of(operator, keys)
        ]
        for action, resource, *where in itertools.product(
            _listed(statement["Action"]), _listed(statement["Resource"]), *conditions
        ):
            yield Grant(statement["Effect"], action, resource, tuple(where))


def decide(grants: Iterable[Grant], ask: Ask) -> Grant | None:
    """Return the grant that allows a call; None where there is none, or where another denies it."""
    speaking = [grant for grant in grants if grant.matches(ask)]
    if any(grant.effect == "Deny" for grant in speaking):
        return None
    return next(iter(speaking), None)


def _of(operator: str, keys: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    if operator not in _OPERATORS:
        raise TemplateError(f"a policy has the condition {operator}, which is not known here")
    return keys.items()


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
