"""The resolver, on small values and on the whole of template.yaml."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from sandbox.template import Template, TemplateError, parsed

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
SMALL = """
Parameters:
  Size: {Type: Number, Default: 3, MinValue: 1, MaxValue: 5}
  Kind: {Type: String, Default: cold, AllowedValues: [cold, warm]}
  Word: {Type: String, Default: abc, AllowedPattern: "[a-z]+", MaxLength: 5}
  Resources: {Type: String, Default: "orders,customers"}
  Several: {Type: CommaDelimitedList, Default: "a, b"}
Mappings:
  Sizes: {us-east-1: {cold: "10", warm: "20"}}
Conditions:
  Warm: !Equals [!Ref Kind, warm]
  NotWarm: !Not [!Condition Warm]
  Both: !And [!Condition NotWarm, !Equals [!Ref Size, 3]]
  WantsOrders: !Not [!Equals [!Join ["", !Split ["orders", !Ref Resources]], !Ref Resources]]
  Either: !Or [!Condition Warm, !Equals [a, a]]
Globals:
  Function:
    Timeout: 5
    Environment: {Variables: {SHARED: all, OWN: no}}
    Layers: [!Ref Layer]
  StateMachine: {Tags: {team: shop}}
Resources:
  Machine: {Type: "AWS::Serverless::StateMachine", Properties: {Tags: {kind: export}}}
  Layer: {Type: "AWS::Serverless::LayerVersion", Properties: {ContentUri: layer}}
  Work:
    Type: AWS::Serverless::Function
    Properties: {Timeout: 9, CodeUri: code, Environment: {Variables: {OWN: yes it is}}, Layers: ["arn:of:another"]}
  Sometimes: {Type: "AWS::SNS::Topic", Condition: Warm}
"""
NAMES = {"Topic": "arn:topic", "Topic.TopicName": "topic", "Nested.Outputs.Url": "http://there"}
CASES = [
    ({"Ref": "Size"}, "3"),
    ({"Ref": "Several"}, ["a", "b"]),
    ({"Ref": "Topic"}, "arn:topic"),
    ({"Ref": "AWS::Region"}, "us-east-1"),
    ({"Fn::GetAtt": ["Topic", "TopicName"]}, "topic"),
    ({"Fn::GetAtt": "Nested.Outputs.Url"}, "http://there"),
    ({"Fn::Sub": "${Topic.TopicName}/${Size}/${!Literal}/${AWS::StackName}"}, "topic/3/${Literal}/storekey"),
    ({"Fn::Sub": ["${own} ${Topic}", {"own": {"Ref": "Kind"}}]}, "cold arn:topic"),
    ({"Fn::If": ["Warm", {"Ref": "Nowhere"}, "else"]}, "else"),
    ({"Fn::If": ["Both", "then", {"Ref": "Nowhere"}]}, "then"),
    ({"Fn::If": ["Either", 1, 2]}, 1),
    ({"a": {"Fn::If": ["Warm", 1, {"Ref": "AWS::NoValue"}]}, "b": 2}, {"b": 2}),
    ([1, {"Ref": "AWS::NoValue"}, 2], [1, 2]),
    ({"Fn::Join": ["-", ["a", {"Ref": "Size"}, True]]}, "a-3-true"),
    ({"Fn::Select": ["1", {"Fn::Split": [":", {"Ref": "Topic"}]}]}, "topic"),
    ({"Fn::Select": [1, {"Fn::Split": [",", {"Ref": "Resources"}]}]}, "customers"),
    ({"Fn::Base64": {"Fn::Sub": "${Kind} ä"}}, "Y29sZCDDpA=="),
    ({"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, {"Ref": "Kind"}]}, "10"),
    ({"Statement": {"Condition": {"Bool": {"x": False}}}}, {"Statement": {"Condition": {"Bool": {"x": False}}}}),
]
ERRORS = [
    ({"Ref": "Nowhere"}, "Nowhere"),
    ({"Fn::GetAtt": ["Topic", "Colour"]}, r"Topic\.Colour"),
    ({"Fn::Sub": "a ${Nowhere.Arn}"}, r"Nowhere\.Arn"),
    ({"Fn::Sub": "a ${Several}"}, "Several"),
    ({"Fn::Sub": "a ${AWS::NoValue}"}, "AWS::NoValue"),
    ({"Fn::If": ["Nowhere", 1, 2]}, "Nowhere"),
    ({"Fn::ImportValue": "other"}, "Fn::ImportValue"),
    ({"Fn::Select": [2, ["a", "b"]]}, "item 2"),
    ({"Fn::FindInMap": ["Sizes", "us-east-1", "hot"]}, "Sizes / us-east-1 / hot"),
]
WRONG_PARAMETERS = [
    ({"Size": 6}, "Size"),
    ({"Size": "many"}, "Size"),
    ({"Size": "nan"}, "Size"),
    ({"Kind": "hot"}, "Kind"),
    ({"Word": "abC"}, "Word"),
    ({"Word": "abcdef"}, "Word"),
    ({"Nothing": 1}, "Nothing"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "template.yaml"
    path.write_text(SMALL)
    return path


@pytest.mark.parametrize(("value", "expected"), CASES)
def test_values_resolve(path: Path, value: Any, expected: Any) -> None:
    assert Template.load(path).resolve(value, NAMES) == expected


@pytest.mark.parametrize(("value", "culprit"), ERRORS)
def test_what_cannot_be_resolved_is_named(path: Path, value: Any, culprit: str) -> None:
    with pytest.raises(TemplateError, match=culprit):
        Template.load(path).resolve(value, NAMES)


@pytest.mark.parametrize(("parameters", "culprit"), WRONG_PARAMETERS)
def test_a_wrong_parameter_is_named(path: Path, parameters: dict[str, Any], culprit: str) -> None:
    with pytest.raises(TemplateError, match=culprit):
        Template.load(path, parameters)


def test_a_template_is_read_as_sam_reads_it() -> None:
    assert parsed(SMALL) == yaml_parse(SMALL)


def test_parameters_decide_conditions_and_resources(path: Path) -> None:
    cold, warm = Template.load(path), Template.load(path).with_parameters({"Kind": "warm"})
    assert "Sometimes" not in cold.resources() and "Sometimes" in warm.resources("AWS::SNS::Topic")
    assert cold.holds("WantsOrders") and not cold.with_parameters({"Resources": "products"}).holds("WantsOrders")
    assert not cold.holds("Warm") and warm.holds("Warm")


def test_functions_and_state_machines_get_the_globals(path: Path) -> None:
    template = Template.load(path)
    work = template.functions()["Work"]
    assert work["Timeout"] == 9
    assert work["Environment"]["Variables"] == {"SHARED": "all", "OWN": "yes it is"}
    assert work["Layers"] == [{"Ref": "Layer"}, "arn:of:another"]
    assert template.state_machines()["Machine"]["Tags"] == {"team": "shop", "kind": "export"}
    assert template.layer_folders(work) == [path.parent / "layer"]


@pytest.mark.parametrize("schedule", ["rate(1 minute)", "rate(5 minutes)", "rate(15 minutes)", "rate(1 hour)"])
@pytest.mark.parametrize("email", ["", "someone@example.com"])
def test_the_projects_template_resolves_completely(schedule: str, email: str) -> None:
    template = Template.load(TEMPLATE, {"CheckSchedule": schedule, "AlarmEmail": email})
    names: defaultdict[str, str] = defaultdict(lambda: "a-name")
    everything = [template.resolve(each, names) for each in (template.resources(), template.functions())]
    left = json.dumps([*everything, template.outputs(names)])
    assert "Fn::" not in left and '"Ref"' not in left and "${" not in left and "AWS::NoValue" not in left
    assert ("AlarmSubscription" in template.resources()) == bool(email)
