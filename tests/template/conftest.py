"""The template as CloudFormation gets it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from samtranslator.translator.transform import transform

from sandbox.template import parsed

from .source import TEXT


@pytest.fixture(scope="session")
def transformed() -> dict[str, Any]:
    """The template after SAM's transform."""

    class NoManagedPolicies:
        def load(self) -> dict[str, str]:
            return {}

    source: Any = deepcopy(parsed(TEXT))
    source["Resources"]["StorekeyLayer"]["Properties"]["ContentUri"] = "s3://bucket/layer.zip"
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/code.zip"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        made: dict[str, Any] = transform(source, {}, NoManagedPolicies())
    return made


@pytest.fixture
def deployed(transformed: dict[str, Any]) -> dict[str, Any]:
    """The resources after SAM's transform."""
    resources: dict[str, Any] = transformed["Resources"]
    return resources
