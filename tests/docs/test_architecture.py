"""The page on the architecture: its picture is the template's, and it knows every decision."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from tests.template.source import ALARMS, TEMPLATE

from .__main__ import PAGE, written
from .pages import ROOT
from .picture import ALARM, GROUPS, SHAPES, Edge, Picture

PICTURE = Picture(TEMPLATE)
# What neither runs nor holds anything that flows, or is drawn as an arrow: roles, policies, rules, names of others.
UNDRAWN = {
    *("AWS::Athena::WorkGroup", "AWS::CloudWatch::Dashboard", "AWS::Events::Rule", "AWS::Glue::Database"),
    *("AWS::Glue::Table", "AWS::IAM::Policy", "AWS::IAM::Role", "AWS::KMS::Key", "AWS::Lambda::Permission"),
    *("AWS::Logs::LogGroup", "AWS::S3::BucketPolicy", "AWS::SNS::Subscription", "AWS::SNS::TopicPolicy"),
    *("AWS::SQS::QueuePolicy", "AWS::Serverless::LayerVersion"),
}


def changed() -> tuple[dict[str, Any], dict[str, Any]]:
    """A copy of the template that a test may change, and its resources."""
    template = copy.deepcopy(dict(TEMPLATE))
    return template, template["Resources"]


def test_the_picture_is_that_of_the_template() -> None:
    page = PAGE.read_text()
    assert page == written(page), "draw it again: .venv/bin/python -m tests.docs --write"


def test_everything_is_drawn_once_or_left_out_for_a_reason() -> None:
    kinds = {resource["Type"] for resource in TEMPLATE["Resources"].values()}
    assert kinds - UNDRAWN - SHAPES.keys() == {ALARM}
    drawn = " ".join(GROUPS.values()).split()
    assert len(drawn) == len(set(drawn)) <= 30
    lines = [line.strip() for line in str(PICTURE).splitlines()]
    assert [node for node in PICTURE.nodes.values() if lines.count(node) != 1] == []
    assert f"{len(ALARMS)} alarms" in str(PICTURE)


def test_what_the_picture_must_say() -> None:
    """Some of what is known without reading the template as the drawing does."""
    assert {
        Edge("ExportStateMachine", "ExportFunction", starts=True),
        Edge("BackfillStateMachine", "ExportFunction", starts=True),
        Edge("CredentialsSecret", "PromoteFunction", starts=True, label="CANDIDATE"),
        Edge("WebhookQueue", "ProcessFunction", starts=True),
        Edge("ExportFunction", "ExportBucket"),
        Edge("webhooks", "CredentialsSecret"),
        Edge("exports", "DeadLetterQueue"),
        Edge("Alarms", "AlarmTopic"),
    } <= PICTURE.edges
    ends = {end for edge in PICTURE.edges for end in (edge.source, edge.target)}
    assert ends <= PICTURE.nodes.keys() | GROUPS.keys()
    assert PICTURE.nodes.keys() <= ends, "nothing stands alone"


def test_what_is_new_in_the_template_must_be_given_a_place() -> None:
    template, resources = changed()
    resources["NewQueue"] = {"Type": "AWS::SQS::Queue", "Properties": {}}
    with pytest.raises(ValueError, match="NewQueue"):
        Picture(template)


def test_what_is_gone_from_the_template_must_go() -> None:
    template, resources = changed()
    del resources["WebhookTable"]
    with pytest.raises(ValueError, match="WebhookTable"):
        Picture(template)


def test_a_new_permission_and_a_new_event_are_drawn() -> None:
    template, resources = changed()
    (policy,) = resources["SyncRole"]["Properties"]["Policies"]
    bucket = {"Fn::Sub": "${ExportBucket.Arn}/hooks/*"}
    policy["PolicyDocument"]["Statement"].append({"Effect": "Allow", "Action": "s3:PutObject", "Resource": [bucket]})
    queue = {"Type": "SQS", "Properties": {"Queue": {"Fn::GetAtt": "DeadLetterQueue.Arn"}}}
    resources["SyncFunction"]["Properties"]["Events"]["Queue"] = queue
    new = {Edge("SyncFunction", "ExportBucket"), Edge("DeadLetterQueue", "SyncFunction", starts=True)}
    assert Picture(template).edges - PICTURE.edges == new


def test_a_function_that_somebody_adds_is_theirs_to_draw() -> None:
    template, resources = changed()
    resources["RecentOrdersFunction"] = {"Type": "AWS::Serverless::Function", "Properties": {"Policies": []}}
    assert str(Picture(template)) == str(PICTURE)


def test_every_decision_is_listed_in_order_with_its_title() -> None:
    titles = [path.read_text().splitlines()[0] for path in sorted((ROOT / "docs/decisions").glob("*.md"))]
    listed = re.findall(r"^(\d+\. )\[(.+)\]\(decisions/(\d+)-", PAGE.read_text(), re.MULTILINE)
    assert [f"# {number}{title}" for number, title, _ in listed] == titles
    assert [int(number) for _, _, number in listed] == list(range(1, len(titles) + 1))
