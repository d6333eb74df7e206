"""A stack that CloudFormation knows, and the command on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from typer.testing import CliRunner, Result

from ops.cli import app
from sandbox.aws import Aws, Stack
from sandbox.console import register_stack
from sandbox.store import SandboxStore
from sandbox.template import Template
from tests.ops.exporting import Exporting
from tests.ops.operator import Run


@pytest.fixture
def aws_here(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """AWS, and an environment that leads the command to it."""
    for name, value in {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }.items():
        monkeypatch.setenv(name, value)
    return aws


@pytest.fixture
def stack(aws_here: Aws, sandbox_store: SandboxStore) -> Iterator[Stack]:
    aws = aws_here
    parameters = {"AllowedHosts": sandbox_store.host, "StoreCaBundle": sandbox_store.ca_pem, "StoreName": "retail"}
    with closing(aws.deploy(Template.load("template.yaml", parameters))) as deployed:
        register_stack(aws, deployed.outputs, parameters)
        yield deployed


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "")  # the command sets it, and other tests should not inherit that
    monkeypatch.delenv("POWERTOOLS_LOG_LEVEL")

    def invoke(*arguments: str, typed: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, arguments, input=typed)

    return invoke


@pytest.fixture
def exporting(aws: Aws, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Exporting:
    """The stack again, with exports that a test plays; followed without delay."""
    monkeypatch.setattr("ops.following._POLL_SECONDS", 0.05)
    played = Exporting(aws)
    register_stack(aws, stack.outputs | played.outputs, {"StoreName": "retail", "ExportResources": "orders,customers"})
    return played
