"""A deployed template: what an operator, a scheduler and CloudWatch do with it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from . import deployed, machines, schedules
from .alarms import Alarm, Alarms
from .buses import DEFAULT, Rule, rules_of
from .functions import Configuration, Function, Invocation
from .inbox import Inbox
from .machines import Execution
from .policies import Ask
from .pool import Pool
from .queues import Feed
from .resources import FUNCTION_URL, REGION, Resources
from .roles import Role, check_arn, role_named, roles_of
from .schedules import Schedule
from .template import Template, TemplateError, text_of

if TYPE_CHECKING:
    from .aws import Aws

NAMESPACE = "Storekey"


@dataclass(frozen=True, eq=False)
class Stack:
    """A deployed template: its outputs, its functions and state machines ready to run, and its alarms.

    ``time_scale`` is what the waits of its state machines and queues, and those before another attempt, are multiplied
    with. ``roles`` are the roles by their access keys.
    """

    aws: Aws
    template: Template
    names: Resources
    time_scale: float = 1.0
    roles: dict[str, Role] = field(default_factory=dict)
    _functions: list[Function] = field(default_factory=list)
    _pools: dict[str, Pool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pools = {each: Pool(partial(self.configuration, each)) for each in self.template.functions()}
        self._pools.update(pools)
        self.roles.update({role.key: role for role in roles_of(self.template, self.names)})
        if self.time_scale != 1.0:
            self._scale_queues()
        deployed.STACKS.append(self)

    @property
    def outputs(self) -> dict[str, Any]:
        """The template's outputs."""
        return self.template.outputs(self.names)

    @property
    def secret_id(self) -> str:
        """The ARN of the secret with the store's credentials; it has no value until one is put."""
        return str(self.outputs["CredentialsSecretArn"])

    @property
    def machines(self) -> dict[str, str]:
        """The logical ids of the state machines by their ARNs."""
        return {self.names[f"{each}.Arn"]: each for each in self.template.state_machines()}

    def function(self, logical_id: str, env: Mapping[str, str] | None = None) -> Function:
        """Return a new environment of a function; ``env`` overrides its variables. Ends with the AWS at the latest."""
        function = Function(self.configuration(logical_id, env or {}))
        self._functions.append(function)
        return function

    def configuration(self, logical_id: str, env: Mapping[str, str]) -> Configuration:
        """Return what a function of the template is started with, its references resolved."""
        unresolved = self.template.functions()[logical_id]
        kept = ("Handler", "CodeUri", "Timeout", "MemorySize", "Environment")
        properties = self.template.resolve({key: unresolved[key] for key in kept if key in unresolved}, self.names)
        variables = properties.get("Environment", {}).get("Variables", {})
        return Configuration(
            name=self.names[logical_id],
            arn=self.names[f"{logical_id}.Arn"],
            handler=properties["Handler"],
            code=self.template.folder / properties["CodeUri"],
            layers=self.template.layer_folders(unresolved),
            timeout=float(properties.get("Timeout", 3)),
            memory=int(properties.get("MemorySize", 128)),
            region=REGION,
            role=self._known_role_of(logical_id),
            variables={
                "AWS_ENDPOINT_URL": self.aws.endpoint,
                **{name: text_of(value) for name, value in variables.items()},
                **env,
            },
        )

    def pool(self, logical_id: str) -> Pool:
        """Return the environments of a function that state machines, schedules and Lambda's Invoke share."""
        return self._pools[logical_id]

    def named(self, function: str) -> Pool | None:
        """Return the environments of the function that AWS knows under a name."""
        return next((pool for each, pool in self._pools.items() if self.names[each] == function), None)

    def logs(self, logical_id: str) -> str:
        """Return all that a function's shared environments have printed so far; see Pool.logs."""
        return self.pool(logical_id).logs

    def _known_role_of(self, function: str) -> str:
        key = self.role_of(function)
        if key not in self.roles:
            raise TemplateError(f"the role of {function} is not in the template, so nobody knows what it may do")
        return key

    def role_of(self, function: str) -> str:
        """Return the access key of a function's role."""
        return role_named(self.template, self.names, self.template.functions()[function].get("Role"), function)

    @cached_property
    def rules(self) -> list[Rule]:
        """The rules on buses that invoke the stack's functions."""
        return list(rules_of(self))

    @property
    def queues(self) -> list[str]:
        """The URLs of the stack's queues."""
        return [self.names[each] for each in self.template.resources("AWS::SQS::Queue")]

    @property
    def url_ca_pem(self) -> str:
        """The certificates of the CAs that signed those of the functions' addresses."""
        for each in self.template.resources(FUNCTION_URL):
            assert self.names[f"{each}.FunctionUrl"]  # made when it is asked for first
        return "".join(url.ca_pem for url in self.names.urls)

    def feed(self, logical_id: str) -> Feed:
        """Return the way from a queue to the function that takes its messages; nothing is taken by itself."""
        return Feed(self, logical_id)

    def put_event(self, source: str, detail_type: str, detail: Mapping[str, Any], *resources: str) -> None:
        """Put an event on the default bus, as AWS's own services do."""
        entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail), "Resources": resources}
        self.aws.buses.put(DEFAULT, entry)

    def events(self) -> list[dict[str, Any]]:
        """Return what was put on the stack's own bus, in order."""
        return self.aws.buses.events(self.outputs["EventBusName"])

    def start_execution(self, logical_id: str, event: Mapping[str, Any] | None = None) -> Execution:
        """Start a state machine with an input."""
        machine = self.names[f"{logical_id}.Arn"]
        return Execution.start(self.aws.client("stepfunctions"), machine, event or {})

    def schedules(self) -> list[Schedule]:
        """Return the template's schedules; none fires by itself."""
        return schedules.found_in(self.template, self.names)

    def fire(self, schedule: Schedule) -> Execution | Invocation:
        """Start what a schedule starts: an execution, or a function whose end is awaited.

        Raises ValueError for a schedule that is disabled.
        """
        if not schedule.enabled:
            raise ValueError(f"the schedule {schedule.name} is disabled")
        self.allow(schedule)
        if schedule.target in self._pools:
            return self.pool(schedule.target).invoke(schedule.event)
        return self.start_execution(schedule.target, schedule.event)

    def allow(self, schedule: Schedule) -> None:
        """Raise Denied where the role of a schedule may not start what it names."""
        action = "lambda:InvokeFunction" if schedule.target in self._pools else "states:StartExecution"
        check_arn(schedule.role, Ask(action, self.names[f"{schedule.target}.Arn"]))

    def alarms(self, clock: Callable[[], float] = time.time) -> Alarms:
        """Return the template's alarms on the project's own metrics, new and not evaluated yet."""
        found = self.template.resources("AWS::CloudWatch::Alarm").values()
        resolved = [self.template.resolve(resource["Properties"], self.names) for resource in found]
        return Alarms([Alarm(each) for each in resolved if each.get("Namespace") == NAMESPACE], self._publish, clock)

    def subscribe_queue(self) -> Inbox:
        """Return a new queue on the topic of the alarms."""
        return Inbox(self.aws, self.outputs["AlarmTopicArn"])

    def close(self) -> None:
        """Stop what runs, and end the environments of the functions. The resources stay."""
        if self not in deployed.STACKS:
            return
        for machine in self.machines:
            for execution in machines.running(self.aws.client("stepfunctions"), machine):
                execution.stop()
        deployed.STACKS.remove(self)
        for function in self._functions:
            function.close()
        for pool in self._pools.values():
            pool.close()
        self.names.close()

    def _scale_queues(self) -> None:
        client = self.aws.client("sqs")
        for url in self.queues:
            found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds", "VisibilityTimeout"])
            delay, visibility = (float(value) * self.time_scale for _, value in sorted(found["Attributes"].items()))
            scaled = {"DelaySeconds": str(int(delay)), "VisibilityTimeout": str(max(2, int(visibility)))}
            client.set_queue_attributes(QueueUrl=url, Attributes=scaled)

    def _publish(self, topic: str, subject: str, message: str) -> None:
        self.aws.client("sns").publish(TopicArn=topic, Subject=subject, Message=message)
