"""A deployed stack whose functions run as Lambda runs them, and what an operator does with its secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from sandbox.aws import Aws, Stack
from sandbox.store import BasicAccount, SandboxStore
from sandbox.template import Template
from tests.support import new_account


@pytest.fixture
def stack(aws: Aws, sandbox_store: SandboxStore) -> Iterator[Stack]:
    parameters = {"AllowedHosts": sandbox_store.host, "StoreCaBundle": sandbox_store.ca_pem, "StoreName": "wholesale"}
    with closing(aws.deploy(Template.load("template.yaml", parameters))) as deployed:
        yield deployed


@pytest.fixture
def put(aws: Aws, stack: Stack) -> Callable[..., str]:
    """Update the secret as an operator does, live or under a label; returns the new version's id."""

    def update(fields: Any, label: str = "AWSCURRENT") -> str:
        text = fields if isinstance(fields, str) else json.dumps(fields)
        answer = aws.client("secretsmanager").put_secret_value(
            SecretId=stack.secret_id, SecretString=text, VersionStages=[label]
        )
        version: str = answer["VersionId"]
        return version

    return update


@pytest.fixture
def account(sandbox_store: SandboxStore) -> BasicAccount:
    return new_account(sandbox_store)
