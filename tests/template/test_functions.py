"""What holds for every function of the stack, and for the layer below them."""

from __future__ import annotations

import pytest

from .source import FUNCTIONS, RESOURCES, ROOT, of_type


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_bounded_observed_and_there(name: str) -> None:
    function = FUNCTIONS[name]
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    assert function["Timeout"] <= 900
    assert function["MemorySize"] >= 128
    assert function["Tracing"] == "Active"
    assert function["Handler"] == "app.handler"
    handler = ROOT / function["CodeUri"] / "app.py"
    assert handler.is_file(), f"{name} names the folder {handler.parent}, which holds no app.py"
    assert function["Description"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_logs_to_a_group_of_its_own_that_forgets(name: str) -> None:
    assert "LoggingConfig" in FUNCTIONS[name], f"{name} has no LoggingConfig with a log group of its own"
    group = FUNCTIONS[name]["LoggingConfig"]["LogGroup"]["Ref"]
    assert of_type("AWS::Logs::LogGroup")[group]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert [function.get("LoggingConfig") for function in FUNCTIONS.values()].count({"LogGroup": {"Ref": group}}) == 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_failed_invocation_is_lost(name: str) -> None:
    invoke = FUNCTIONS[name]["EventInvokeConfig"]
    assert invoke["MaximumRetryAttempts"] <= 2
    assert invoke["DestinationConfig"]["OnFailure"]["Type"] == "SQS"


def test_the_export_has_all_the_time_there_is_and_knows_where_to_write() -> None:
    function = FUNCTIONS["ExportFunction"]
    assert (function["Timeout"], function["MemorySize"]) == (900, 512)
    assert function["Environment"]["Variables"] == {
        "EXPORT_TABLE": {"Ref": "ExportStateTable"},
        "EXPORT_BUCKET": {"Ref": "ExportBucket"},
        "EXPORT_RESOURCES": {"Ref": "ExportResources"},
        "INCLUDE_ORDER_LINES": {"Ref": "IncludeOrderLines"},
    }


def test_the_layer_is_built_for_what_it_says() -> None:
    layer = RESOURCES["StorekeyLayer"]
    assert layer["Metadata"] == {"BuildMethod": "makefile", "BuildArchitecture": "arm64"}
    assert layer["Properties"]["CompatibleArchitectures"] == ["arm64"]
