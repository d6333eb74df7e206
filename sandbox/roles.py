"""The roles of a stack, enforced: what a role may not do is refused, and what it did is kept for who asks.

A caller signs with the name of its role as access key. Who signs with another key is the operator, who may do all.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from . import deployed
from .asks import asks_of, signer
from .policies import Ask, Grant, decide, grants_of
from .resources import arn
from .template import Names, Template

if TYPE_CHECKING:
    from .stack import Stack

_XML = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{}</Message></Error></ErrorResponse>"


class Denied(Exception):
    """A role may not do what it tried."""


class LogicalNames(dict[str, Any]):
    """Names that stand for themselves, as they do in every deployment of a template."""

    def __missing__(self, name: str) -> str:
        if "::" in name:
            raise KeyError(name)  # AWS's own, which a template knows
        return name


@dataclass(frozen=True)
class Role:
    """A role: ``key`` is its access key, ``name`` its logical id, ``grants`` what it may do, each with its name."""

    key: str
    name: str
    grants: Mapping[Grant, str]


class Records:
    """What roles used and were denied in this process, which has one AWS, as moto has one state."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._denied: list[str] = []
        self.used: set[tuple[str, str]] = set()

    def use(self, role: Role, grant: Grant) -> None:
        with self._lock:
            self.used.add((role.name, role.grants[grant]))

    def deny(self, told: str) -> None:
        with self._lock:
            self._denied.append(told)

    def denied(self) -> list[str]:
        """Return what was denied since this was asked last."""
        with self._lock:
            denied, self._denied = self._denied, []
        return denied


RECORDS = Records()


def roles_of(template: Template, names: Names) -> Iterator[Role]:
    """Return the roles of a template, among them those that SAM makes from a function's ``Policies``."""
    attached = _attached(template)
    for each, resource in template.resources("AWS::IAM::Role").items():
        policies = [*resource.get("Properties", {}).get("Policies", []), *attached.get(each, [])]
        yield _role(template, names, each, [policy["PolicyDocument"] for policy in policies])
    for each, function in template.functions().items():
        if "Role" not in function:
            policies = [*_listed(function.get("Policies", [])), *_of_sources(function)]
            yield _role(template, names, each, [_document(policy) for policy in policies])


def role_named(template: Template, names: Names, property_value: Any, otherwise: str) -> str:
    """Return the access key of the role that a property Role names, or of the one that SAM makes for a function."""
    arn = template.resolve(property_value, names) if property_value else names[otherwise]
    return str(arn).rpartition("/")[2]


def check_arn(role: str, *asks: Ask) -> None:
    """Keep what a role (its ARN) uses. Raises Denied where it may not, once that is kept too."""
    if found := _found(role.rpartition("/")[2]):
        _check(*found, asks)


def _found(key: str) -> tuple[Stack, Role] | None:
    return next(((stack, stack.roles[key]) for stack in deployed.STACKS if key in stack.roles), None)


def _check(stack: Stack, role: Role, asks: Sequence[Ask]) -> None:
    needed = [*asks, *(more for each in asks for more in _of_the_key(stack, each))]
    for ask in needed:
        grant = decide(role.grants, ask)
        if grant is None:
            told = f"{role.name} may not {ask.action} on {ask.resource}{f' with {ask.context}' if ask.context else ''}"
            RECORDS.deny(told)
            raise Denied(told)
        RECORDS.use(role, grant)


def refusal(environ: dict[str, Any]) -> Response | None:
    """Return the answer to a request that its signer may not send; None for one that goes on."""
    key, service = signer(environ)
    found = _found(key)
    if found is None:
        return None
    try:
        _check(*found, asks_of(environ))
    except (Denied, LookupError) as error:
        if isinstance(error, LookupError):
            RECORDS.deny(str(error))
        return _refusal(service, str(error))
    return None


def _refusal(service: str, told: str) -> Response:
    if service in ("s3", "sns"):
        return Response(_XML.format(escape(told)), status=403, content_type="text/xml")
    body = json.dumps({"__type": "AccessDeniedException", "message": told, "Message": told})
    headers = {"X-Amzn-ErrorType": "AccessDeniedException"}
    return Response(body, status=403 if service == "lambda" else 400, headers=headers, content_type="application/json")


def _of_the_key(stack: Stack, ask: Ask) -> Iterator[Ask]:
    """Who publishes to an encrypted topic needs its key as well."""
    if ask.action != "sns:Publish":
        return
    for each, topic in stack.template.resources("AWS::SNS::Topic").items():
        key = topic.get("Properties", {}).get("KmsMasterKeyId")
        if key and stack.names[each] == ask.resource:
            arn_of_key = arn("kms", f"key/{stack.template.resolve(key, stack.names)}")
            yield Ask("kms:GenerateDataKey", arn_of_key)
            yield Ask("kms:Decrypt", arn_of_key)


def _role(template: Template, names: Names, name: str, documents: Sequence[Mapping[str, Any]]) -> Role:
    def grants(these: Names) -> Iterator[Grant]:
        return grants_of(
            one for document in template.resolve(documents, these) for one in _listed(document["Statement"])
        )

    return Role(
        names[name], name, {here: str(named) for here, named in zip(grants(names), grants(LogicalNames()), strict=True)}
    )


def _attached(template: Template) -> dict[str, list[Mapping[str, Any]]]:
    """The policies that are resources of their own, by the role that they are attached to."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for resource in template.resources("AWS::IAM::Policy").values():
        for role in resource["Properties"]["Roles"]:
            found.setdefault(role["Ref"], []).append(resource["Properties"])
    return found


def _document(policy: Any) -> Mapping[str, Any]:
    """A policy of a function: a document, or a template of SAM's; what one of AWS's own grants is not known here."""
    if isinstance(policy, str):
        return {"Statement": []}
    if "Statement" in policy:
        document: Mapping[str, Any] = policy
        return document
    ((name, parameters),) = policy.items()
    converted: Mapping[str, Any] = _sam_policies().convert(name, parameters)
    return converted


def _of_sources(function: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What SAM adds for the pollers of a function that a queue feeds, as AWSLambdaSQSQueueExecutionRole has it."""
    if any(event["Type"] == "SQS" for event in function.get("Events", {}).values()):
        actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        yield {"Statement": {"Effect": "Allow", "Action": actions, "Resource": "*"}}


@cache
def _sam_policies() -> Any:
    # A fifth of a second, and few templates name one.
    from samtranslator.policy_template_processor.processor import PolicyTemplatesProcessor  # noqa: PLC0415

    return PolicyTemplatesProcessor(PolicyTemplatesProcessor.get_default_policy_templates_json())


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
