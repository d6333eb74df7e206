"""A template's resources: those that the functions need to be there are made, the others get their names."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from . import machines
from .template import PSEUDO_PARAMETERS, Template, TemplateError, text_of
from .urls import FunctionUrl

if TYPE_CHECKING:
    from .aws import Aws

REGION = PSEUDO_PARAMETERS["AWS::Region"]
ACCOUNT = PSEUDO_PARAMETERS["AWS::AccountId"]
STATE_MACHINE = "AWS::Serverless::StateMachine"
FUNCTION_URL = "AWS::Lambda::Url"
# What names may have at most; a bucket's are the shortest but for functions, which CloudFormation shortens alike.
_NAME_LENGTH = 63

Maker = Callable[["Aws", str, Mapping[str, Any]], dict[str, Any]]
"""Makes a resource of a physical name from its properties; returns its attributes, its Ref under an empty name."""


def arn(service: str, resource: str, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{region}:{account}:{resource}"


def _kept(properties: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: properties[name] for name in names if name in properties}


def _make_secret(aws: Aws, name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    kept = _kept(properties, "Description", "KmsKeyId", "Tags")
    made = aws.client("secretsmanager").create_secret(Name=properties.get("Name", name), **kept)
    return {"": made["ARN"], "Id": made["ARN"]}


def _make_topic(aws: Aws, name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    attributes = _kept(properties, "DisplayName", "KmsMasterKeyId")
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
    return {"": url, "QueueUrl": url, "QueueName": name, "Arn": arn("sqs", name)}


def _make_table(aws: Aws, name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    name = properties.get("TableName", name)
    kept = _kept(properties, "KeySchema", "AttributeDefinitions", "BillingMode", "ProvisionedThroughput")
    indexes = _kept(properties, "GlobalSecondaryIndexes", "LocalSecondaryIndexes")
    made = aws.client("dynamodb").create_table(TableName=name, **kept, **indexes)["TableDescription"]
    if expiry := properties.get("TimeToLiveSpecification"):
        aws.client("dynamodb").update_time_to_live(TableName=name, TimeToLiveSpecification=expiry)
    return {"": name, "Arn": made["TableArn"]}


def _make_bus(aws: Aws, name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    client, name = aws.client("events"), properties.get("Name", name)
    if name not in [bus["Name"] for bus in client.list_event_buses(NamePrefix=name)["EventBuses"]]:
        client.create_event_bus(Name=name)  # else that of a stack before, for a name is all that a bus has
    return {"": name, "Name": name, "Arn": arn("events", f"event-bus/{name}")}


def _make_bucket(aws: Aws, name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    client, name = aws.client("s3"), properties.get("BucketName", name)
    if name in [bucket["Name"] for bucket in client.list_buckets(Prefix=name)["Buckets"]]:
        raise TemplateError(f"there is a bucket {name} already")
    client.create_bucket(Bucket=name)
    if versioning := properties.get("VersioningConfiguration"):
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)
    return {
        "": name,
        "Arn": arn("s3", name, region="", account=""),
        "DomainName": f"{name}.s3.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.{REGION}.amazonaws.com",
    }


def _make_dashboard(aws: Aws, name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    name = properties.get("DashboardName", name)
    aws.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=properties["DashboardBody"])
    return {"": name}


MADE: Mapping[str, Maker] = {
    "AWS::CloudWatch::Dashboard": _make_dashboard,
    "AWS::DynamoDB::Table": _make_table,
    "AWS::Events::EventBus": _make_bus,
    "AWS::S3::Bucket": _make_bucket,
    "AWS::SecretsManager::Secret": _make_secret,
    "AWS::SNS::Topic": _make_topic,
    "AWS::SQS::Queue": _make_queue,
}


def _named(name: str) -> dict[str, Any]:
    return {"": name}


# Nothing is made of these, others only refer to them: the property that names one, and its attributes.
NAMED: Mapping[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "AWS::Athena::NamedQuery": ("", lambda name: {"": name, "NamedQueryId": name}),
    "AWS::Athena::WorkGroup": ("Name", _named),
    "AWS::CloudWatch::Alarm": ("AlarmName", lambda name: {"": name, "Arn": arn("cloudwatch", f"alarm:{name}")}),
    "AWS::Events::Rule": ("Name", lambda name: {"": name, "Arn": arn("events", f"rule/{name}")}),
    "AWS::Glue::Database": ("DatabaseInput.Name", _named),
    "AWS::Glue::Table": ("TableInput.Name", _named),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", lambda name: {"": arn("iam", f"policy/{name}", region="")}),
    "AWS::IAM::Policy": ("PolicyName", _named),
    "AWS::IAM::Role": ("RoleName", lambda name: {"": name, "Arn": arn("iam", f"role/{name}", region="")}),
    "AWS::KMS::Key": ("", lambda name: {"": name, "KeyId": name, "Arn": arn("kms", f"key/{name}")}),
    "AWS::Logs::LogGroup": ("LogGroupName", lambda name: {"": name, "Arn": arn("logs", f"log-group:{name}:*")}),
    "AWS::S3::BucketPolicy": ("Bucket", _named),
    "AWS::Scheduler::Schedule": ("Name", lambda name: {"": name, "Arn": arn("scheduler", f"schedule/default/{name}")}),
    "AWS::Serverless::Function": ("FunctionName", lambda name: {"": name, "Arn": arn("lambda", f"function:{name}")}),
    "AWS::Serverless::LayerVersion": ("LayerName", lambda name: {"": arn("lambda", f"layer:{name}:1")}),
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
        self.urls: list[FunctionUrl] = []
        for logical_id in template.resources(*MADE, STATE_MACHINE):
            self._make(logical_id)

    def __missing__(self, name: str) -> Any:
        self._make(name.partition(".")[0])
        if name not in self:
            raise KeyError(name)
        return self[name]

    def close(self) -> None:
        """Stop listening at the addresses of functions."""
        for url in self.urls:
            url.close()

    def _make(self, logical_id: str) -> None:
        if logical_id not in self._resources or logical_id in self._begun:
            return
        self._begun.add(logical_id)
        resource = self._resources[logical_id]
        attributes = self._attributes(resource["Type"], logical_id, resource.get("Properties", {}))
        self.update({f"{logical_id}.{key}" if key else logical_id: value for key, value in attributes.items()})

    def _url_of(self, function: str, auth_type: str) -> dict[str, Any]:
        self.urls.append(FunctionUrl(function, auth_type))
        return {"FunctionUrl": self.urls[-1].url}

    def _attributes(self, kind: str, logical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        name = self._name(kind, logical_id)
        if kind == FUNCTION_URL:
            resolved = self._template.resolve(properties, self)
            return self._url_of(resolved["TargetFunctionArn"].rpartition(":")[2], resolved["AuthType"])
        if kind == STATE_MACHINE:
            return machines.make(name, self._template.state_machine(logical_id, self), self._template.folder)
        if kind in MADE:
            return MADE[kind](self._aws, name, self._template.resolve(properties, self))
        if kind in NAMED:
            path, attributes = NAMED[kind]
            given: Any = properties
            for key in path.split("."):
                given = given.get(key, {})
            return attributes(self._template.resolve(given or name, self))
        raise TemplateError(f"{logical_id} is of the type {kind}, which is not made here")

    def _name(self, kind: str, logical_id: str) -> str:
        """A name like CloudFormation's: cut to its length, and in lower case where S3 and Glue want it so."""
        name = f"{self['AWS::StackName']}-{logical_id}"[: _NAME_LENGTH - len(self._suffix) - 1] + f"-{self._suffix}"
        return name.lower() if kind.startswith(("AWS::S3::", "AWS::Glue::")) else name
