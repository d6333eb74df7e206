"""Lets CloudFormation and CloudWatch know of a stack, for whoever looks at it by AWS's API: moto makes neither."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .alarms import Alarm
from .metrics import Point
from .moto_resources import import_cloudformation

if TYPE_CHECKING:
    from .aws import Aws

_ALARM = ("AlarmName", "AlarmDescription", "AlarmActions", "Namespace", "MetricName", "Statistic", "ComparisonOperator")
_NUMBERS = ("Period", "EvaluationPeriods", "Threshold")
# CloudWatch takes a thousand a request.
_MOST_POINTS = 1000


def register_stack(aws: Aws, outputs: Mapping[str, str], parameters: Mapping[str, str], name: str = "storekey") -> None:
    """Let CloudFormation know of the stack, its outputs and parameters; moto makes nothing of a SAM template."""
    template = {
        "Parameters": {each: {"Type": "String"} for each in parameters},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {each: {"Value": value} for each, value in outputs.items()},
    }
    import_cloudformation()
    cloudformation = aws.client("cloudformation")
    cloudformation.delete_stack(StackName=name)
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": each, "ParameterValue": value} for each, value in parameters.items()],
    )


def show_alarm(aws: Aws, alarm: Alarm, state: str) -> None:
    """Put an alarm into CloudWatch, in the place of another stack's of that name, and its state."""
    client, properties = aws.client("cloudwatch"), alarm.properties
    found = client.describe_alarms(AlarmNames=[alarm.name])["MetricAlarms"]
    if not found or found[0]["AlarmActions"] != properties.get("AlarmActions", []):
        numbers = {each: int(properties[each]) for each in _NUMBERS}
        client.put_metric_alarm(**{each: properties[each] for each in _ALARM if each in properties}, **numbers)
    client.set_alarm_state(AlarmName=alarm.name, StateValue=state, StateReason="as the sandbox's CloudWatch says")


def show_points(aws: Aws, points: Sequence[Point], seconds: float, now: float) -> None:
    """Put points into CloudWatch, their times spread evenly over so many seconds before now (Unix seconds)."""
    times = [point.timestamp for point in points]
    newest = max(times)
    stretch = seconds / max(1.0, newest - min(times))
    data: dict[str, list[dict[str, Any]]] = {}
    for point in points:
        dimensions = [{"Name": name, "Value": value} for name, value in point.dimensions.items()]
        moment = now - (newest - point.timestamp) * stretch
        data.setdefault(point.namespace, []).extend(
            {
                "MetricName": point.metric,
                "Dimensions": dimensions,
                "Timestamp": moment,
                "Unit": point.unit,
                "Value": value,
            }
            for value in point.values
        )
    for namespace, found in data.items():
        for begin in range(0, len(found), _MOST_POINTS):
            chunk = found[begin : begin + _MOST_POINTS]
            aws.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=chunk)
