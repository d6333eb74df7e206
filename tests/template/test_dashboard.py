"""The dashboard: every alarm, every metric of the project, nothing that is not there, and no widget on another."""

from __future__ import annotations

import ast
import itertools
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from sandbox.aws import Aws
from storekey._client import _METRICS

from .source import ALARMS, DEFAULT, FUNCTIONS, ROOT, of_type, resolved

WEBHOOKS = pytest.mark.parametrize("webhooks", ["true", "false"])
# A function that somebody adds as the README says, with Policies in place of a role, may do without graphs.
OWN = {name: function for name, function in FUNCTIONS.items() if "Role" in function}
# AWS's own metrics by namespace: the dimension, and of what type the resource is that it names.
OF_AWS = {
    "AWS/Lambda": ("FunctionName", "AWS::Serverless::Function", {"Errors", "Throttles", "Duration"}),
    "AWS/States": ("StateMachineArn", "AWS::Serverless::StateMachine", {"ExecutionsFailed"}),
    "AWS/SQS": (
        "QueueName",
        "AWS::SQS::Queue",
        {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
    ),
}


@cache
def body(webhooks: str = "true", exports: str = "true") -> dict[str, Any]:
    text = resolved("Dashboard", WebhooksEnabled=webhooks, ExportEnabled=exports)["DashboardBody"]
    found: dict[str, Any] = json.loads(text)
    return found


def widgets(kind: str, webhooks: str = "true") -> list[dict[str, Any]]:
    found = [widget["properties"] for widget in body(webhooks)["widgets"] if widget["type"] == kind]
    assert found
    return found


def shown(webhooks: str = "true") -> Iterator[tuple[str, str, dict[str, str]]]:
    """Namespace, name and dimensions of every metric that is shown."""
    for widget in widgets("metric", webhooks):
        for namespace, name, *rest in widget["metrics"]:
            pairs = [one for one in rest if isinstance(one, str)]
            yield namespace, name, dict(zip(pairs[::2], pairs[1::2], strict=True))


def written() -> set[tuple[str, frozenset[str]]]:
    """The names of the metrics that the layer writes, each with the names of its dimensions."""
    found = {(name, frozenset({"store"})) for name in (*_METRICS.values(), "CredentialsRefused")}
    for path in (ROOT / "layers/storekey/storekey").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "count" and len(call.args) > 1:
                further = {one.arg for one in call.keywords if one.arg and one.arg != "later"}
                texts = [one.value for one in ast.walk(call.args[1]) if isinstance(one, ast.Constant)]
                found |= {(str(text), frozenset({"store", *further})) for text in texts}
    return found


def test_every_metric_of_the_project_is_shown_and_with_the_dimensions_that_it_is_written_with() -> None:
    own = [(name, frozenset(dimensions)) for namespace, name, dimensions in shown() if namespace == "Storekey"]
    assert set(own) == written()
    assert len(written()) > 20, "what is looked for in the code is not found there"


def test_the_metrics_are_of_this_store_and_of_every_resource() -> None:
    own = [dimensions for namespace, _, dimensions in shown() if namespace == "Storekey"]
    assert {dimensions["store"] for dimensions in own} == {"store"}
    lags = {each["resource"] for _, name, each in shown() if name == "ExportLagSeconds"}
    rows = {each["resource"] for _, name, each in shown() if name == "ExportedRows"}
    assert lags == rows == set(DEFAULT.parameters["ExportResources"].split(","))


@WEBHOOKS
def test_aws_own_metrics_are_of_what_the_stack_has(webhooks: str) -> None:
    template = DEFAULT.with_parameters({"WebhooksEnabled": webhooks})
    found = [each for each in shown(webhooks) if each[0] != "Storekey"]
    for namespace, name, dimensions in found:
        dimension, kind, names = OF_AWS[namespace]
        assert name in names and dimensions.keys() == {dimension}
        assert dimensions[dimension].partition(".")[0] in template.resources(kind)
    for dimension, kind, names in OF_AWS.values():
        seen = {(name, each[dimension].partition(".")[0]) for _, name, each in found if dimension in each}
        there = [name for name in template.resources(kind) if name in OWN or kind != "AWS::Serverless::Function"]
        assert {one for _, one in seen} == set(there), f"each {kind} is looked at"
        if kind == "AWS::Serverless::Function":
            assert seen == set(itertools.product(names, there))


@pytest.mark.parametrize("exports", ["true", "false"])
@WEBHOOKS
def test_the_first_row_shows_every_alarm_that_the_stack_has(webhooks: str, exports: str) -> None:
    template = DEFAULT.with_parameters({"WebhooksEnabled": webhooks, "ExportEnabled": exports})
    (widget,) = [each for each in body(webhooks, exports)["widgets"] if each["type"] == "alarm"]
    alarms = [f"{name}.Arn" for name in template.resources("AWS::CloudWatch::Alarm")]
    assert sorted(widget["properties"]["alarms"]) == sorted(alarms)
    assert widget["y"] == 0
    assert len(ALARMS) == len(body()["widgets"][1]["properties"]["alarms"])


@WEBHOOKS
def test_widgets_fit_in_24_columns_and_none_lies_on_another(webhooks: str) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in body(webhooks)["widgets"]:
        columns = range(widget["x"], widget["x"] + widget["width"])
        cells = set(itertools.product(columns, range(widget["y"], widget["y"] + widget["height"])))
        assert columns.start >= 0 and columns.stop <= 24
        assert not cells & taken, widget
        taken |= cells
    height = 1 + max(y for _, y in taken)
    assert len(taken) == 24 * height, "there is a hole"


@WEBHOOKS
def test_every_graph_says_what_it_shows_of_which_region_by_what_statistic(webhooks: str) -> None:
    titles = [widget["title"] for widget in widgets("metric", webhooks)]
    assert len(set(titles)) == len(titles)
    for widget in widgets("metric", webhooks):
        assert widget["region"] == "us-east-1" and widget["stat"] and widget["period"] % 60 == 0
        labels = [metric[-1]["label"] for metric in widget["metrics"]]
        assert len(set(labels)) == len(labels)


def test_the_limits_are_those_of_the_parameters() -> None:
    limits = {"MaxCredentialsAgeDays": "30", "QuotaReserve": "35"}
    drawn = json.loads(resolved("Dashboard", **limits)["DashboardBody"])["widgets"]
    lines = [line for each in drawn for line in each["properties"].get("annotations", {}).get("horizontal", [])]
    assert [line["value"] for line in lines] == [30, 35]


def test_a_function_is_labelled_as_its_folder_is() -> None:
    labels = {
        metric[3]: metric[-1]["label"]
        for widget in widgets("metric")
        for metric in widget["metrics"]
        if metric[0] == "AWS/Lambda"
    }
    assert labels == {name: function["CodeUri"].removeprefix("functions/") for name, function in OWN.items()}


def test_the_text_says_where_to_read_on() -> None:
    (text,) = widgets("text")
    assert "description" in text["markdown"] and "`docs/runbooks/`" in text["markdown"]


def test_two_regions_of_an_account_may_have_a_stack_of_one_name() -> None:
    """Dashboards are global: a second one of the same name would replace the first."""
    (dashboard,) = of_type("AWS::CloudWatch::Dashboard").values()
    assert dashboard["DashboardName"] == {"Fn::Sub": "${AWS::StackName}-${AWS::Region}"}


def test_the_output_leads_to_it_and_cloudwatch_takes_it(aws: Aws) -> None:
    stack = aws.deploy(DEFAULT.with_parameters({"WebhooksEnabled": "true"}), "shop")
    console = "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#dashboards/dashboard/"
    assert stack.outputs["DashboardUrl"] == f"{console}shop-us-east-1"
    kept = json.loads(aws.client("cloudwatch").get_dashboard(DashboardName="shop-us-east-1")["DashboardBody"])
    (alarms,) = [widget["properties"]["alarms"] for widget in kept["widgets"] if widget["type"] == "alarm"]
    assert len(alarms) == len(ALARMS)
    assert all(arn.startswith("arn:aws:cloudwatch:us-east-1:123456789012:alarm:shop-") for arn in alarms)
