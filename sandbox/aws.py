"""AWS on this machine: moto's server, and of a template's resources those that the functions need to be there."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import boto3.session
from botocore.config import Config
from moto.server import ThreadedMotoServer

from .alarms import Alarm, Alarms
from .functions import Configuration, Function
from .template import PSEUDO_PARAMETERS, Template, TemplateError, text_of

REGION = PSEUDO_PARAMETERS["AWS::Region"]
ACCOUNT = PSEUDO_PARAMETERS["AWS::AccountId"]
NAMESPACE = "Storekey"


class Aws:
    """AWS in a thread of this process, on a free port of the loopback interface.

    Use it as a context manager. moto keeps what was made for the life of the process, so stacks get names that do not
    clash, and a second Aws sees what the first has made.
    """

    def __init__(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self._clients: dict[str, Any] = {}
        self._stacks: list[Stack] = []

    def __enter__(self) -> Self:
        # moto's web server logs each request to standard error unless it is told not to.
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        return self

    def __exit__(self, *exception: object) -> None:
        for stack in self._stacks:
            stack.close()
        for client in self._clients.values():
            client.close()
        self._server.stop()

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service of this AWS."""
        if service not in self._clients:
            new: Any = boto3.session.Session(region_name=REGION).client
            self._clients[service] = new(
                service,
                endpoint_url=self.endpoint,
                aws_access_key_id="testing",
                aws_secret_access_key="testing",
                aws_session_token="testing",
                config=Config(proxies={}),
            )
        return self._clients[service]

    def deploy(
        self, template: Template, stack_name: str = "storekey", parameters: Mapping[str, Any] | None = None
    ) -> Stack:
        """Make the template's resources that moto can hold, with ``parameters`` in place of its own where given."""
        if parameters is not None:
            template = template.with_parameters(parameters)
        stack = Stack(self, template, Resources(self, template, stack_name))
        self._stacks.append(stack)
        return stack


Maker = Callable[[Aws, str, Mapping[str, Any]], dict[str, Any]]
"""Makes a resource of a physical name from its properties; returns its attributes, its Ref under an empty name."""


def _make_secret(aws: Aws, name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: properties[key] for key in ("Description", "KmsKeyId", "Tags") if key in properties}
    made = aws.client("secretsmanager").create_secret(Name=properties.get("Name", name), **kept)
    return {"": made["ARN"], "Id": made["ARN"]}


def _make_topic(aws: Aws, name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    attributes = {key: properties[key] for key in ("DisplayName", "KmsMasterKeyId") if key in properties}
    made = aws.client("sns").create_topic(Name=properties.get("TopicName", name), Attributes=attributes)
    return {"": made["TopicArn"], "TopicArn": made["TopicArn"], "TopicName": made["TopicArn"].split(":")[-1]}


def _make_queue(aws: Aws, name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    name = properties.get("QueueName", name)
    attributes = {
        key: json.dumps(value) if isinstance(value, dict) else text_of(value)
        for key, value in properties.items()
        if key not in ("QueueName", "Tags")
    }
    url = aws.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return {"": url, "QueueUrl": url, "QueueName": name, "Arn": _arn("sqs", name)}


MADE: Mapping[str, Maker] = {
    "AWS::SecretsManager::Secret": _make_secret,
    "AWS::SNS::Topic": _make_topic,
    "AWS::SQS::Queue": _make_queue,
}


def _arn(service: str, resource: str, region: str = REGION) -> str:
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"


# Nothing is made of these, others only refer to them: the property that names one, and its attributes.
NAMED: Mapping[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "AWS::CloudWatch::Alarm": ("AlarmName", lambda name: {"": name, "Arn": _arn("cloudwatch", f"alarm:{name}")}),
    "AWS::IAM::Role": ("RoleName", lambda name: {"": name, "Arn": _arn("iam", f"role/{name}", region="")}),
    "AWS::KMS::Key": ("", lambda name: {"": name, "KeyId": name, "Arn": _arn("kms", f"key/{name}")}),
    "AWS::Logs::LogGroup": ("LogGroupName", lambda name: {"": name, "Arn": _arn("logs", f"log-group:{name}:*")}),
    "AWS::Serverless::Function": ("FunctionName", lambda name: {"": name, "Arn": _arn("lambda", f"function:{name}")}),
    "AWS::Serverless::LayerVersion": ("LayerName", lambda name: {"": _arn("lambda", f"layer:{name}:1")}),
}


class Resources(dict[str, Any]):
    """The names of a stack. A resource is made when the first of its names is asked for, so the order finds itself."""

    def __init__(self, aws: Aws, template: Template, stack_name: str) -> None:
        super().__init__({"AWS::StackName": stack_name})
        self._aws = aws
        self._template = template
        self._resources = template.resources()
        self._suffix = uuid.uuid4().hex[:12]
        self._begun: set[str] = set()
        for logical_id in template.resources(*MADE):
            self._make(logical_id)

    def __missing__(self, name: str) -> Any:
        self._make(name.partition(".")[0])
        if name not in self:
            raise KeyError(name)
        return self[name]

    def _make(self, logical_id: str) -> None:
        if logical_id not in self._resources or logical_id in self._begun:
            return
        self._begun.add(logical_id)
        resource = self._resources[logical_id]
        attributes = self._attributes(resource["Type"], logical_id, resource.get("Properties", {}))
        self.update({f"{logical_id}.{key}" if key else logical_id: value for key, value in attributes.items()})

    def _attributes(self, kind: str, logical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        name = f"{self['AWS::StackName']}-{logical_id}-{self._suffix}"
        if kind in MADE:
            return MADE[kind](self._aws, name, self._template.resolve(properties, self))
        if kind in NAMED:
            key, attributes = NAMED[kind]
            return attributes(self._template.resolve(properties.get(key, name), self))
        raise TemplateError(f"{logical_id} is of the type {kind}, which is not made here")


class Inbox:
    """A queue on a topic: what a person who subscribed would get."""

    def __init__(self, aws: Aws, topic: str) -> None:
        self._client = aws.client("sqs")
        name = f"inbox-{uuid.uuid4().hex[:12]}"
        self.url: str = self._client.create_queue(QueueName=name)["QueueUrl"]
        aws.client("sns").subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=_arn("sqs", name), Attributes={"RawMessageDelivery": "true"}
        )

    def read(self) -> list[dict[str, Any]]:
        """Take the messages of the alarms, which are JSON, out of the queue."""
        return [json.loads(text) for text in self.texts()]

    def texts(self) -> list[str]:
        """Take the messages out of the queue, in the order in which they came."""
        taken: list[str] = []
        while received := self._client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in received:
                taken.append(message["Body"])
                self._client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return taken


@dataclass(frozen=True)
class Stack:
    """A deployed template: its outputs, its functions ready to run, and its alarms."""

    aws: Aws
    template: Template
    names: Resources
    _functions: list[Function] = field(default_factory=list)

    @property
    def outputs(self) -> dict[str, Any]:
        """The template's outputs."""
        return self.template.outputs(self.names)

    @property
    def secret_id(self) -> str:
        """The ARN of the secret with the store's credentials; it has no value until one is put."""
        return str(self.outputs["CredentialsSecretArn"])

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
            variables={
                "AWS_ENDPOINT_URL": self.aws.endpoint,
                **{name: text_of(value) for name, value in variables.items()},
                **env,
            },
        )

    def alarms(self, clock: Callable[[], float] = time.time) -> Alarms:
        """Return the template's alarms on the project's own metrics, new and not evaluated yet."""
        found = self.template.resources("AWS::CloudWatch::Alarm").values()
        resolved = [self.template.resolve(resource["Properties"], self.names) for resource in found]
        return Alarms([Alarm(each) for each in resolved if each.get("Namespace") == NAMESPACE], self._publish, clock)

    def subscribe_queue(self) -> Inbox:
        """Return a new queue on the topic of the alarms."""
        return Inbox(self.aws, self.outputs["AlarmTopicArn"])

    def close(self) -> None:
        """End the environments of the functions. The resources stay."""
        for function in self._functions:
            function.close()

    def _publish(self, topic: str, subject: str, message: str) -> None:
        self.aws.client("sns").publish(TopicArn=topic, Subject=subject, Message=message)
