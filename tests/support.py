"""A secret in memory, an invocation without Lambda, and the metrics that it wrote."""

from __future__ import annotations

import itertools
import json
import time
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from moto.secretsmanager.models import secretsmanager_backends

from sandbox.aws import ACCOUNT, REGION, Stack
from sandbox.store import BasicAccount, SandboxStore
from storekey import Settings, Store, lambda_handler
from storekey._cache import Version
from storekey._credentials import parse_secret
from storekey._hidden import Hidden
from storekey._hosts import AllowedHosts

_numbers = itertools.count(1)


def new_account(sandbox_store: SandboxStore) -> BasicAccount:
    """A Basic account with a user name of its own."""
    return sandbox_store.create_account(f"orders-export {next(_numbers)}")


def until(what: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for what comes true by itself."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"it has not happened in {seconds:g} s"
        time.sleep(0.01)


def secret_forms(fields: Mapping[str, str]) -> list[str]:
    """Every form in which a value of the secret that nobody may see could come out."""
    tokens = [fields[name] for name in ("api_token", "access_token", "client_secret") if name in fields]
    if "api_token" in fields:
        tokens.append(b64encode(f"{fields['username']}:{fields['api_token']}".encode()).decode())
    return [
        form
        for token in tokens
        for form in (token, quote(token, safe=""), b64encode(token.encode()).decode().rstrip("="))
    ]


def begin_rotation(stack: Stack, token: str = "") -> str:
    """Register a version AWSPENDING without a value, as Secrets Manager does before the first step; no API can."""
    token = token or str(uuid.uuid4())
    secret = secretsmanager_backends[ACCOUNT][REGION].secrets[stack.secret_id]
    secret.versions[token] = {"version_stages": ["AWSPENDING"], "version_id": token, "createdate": 1_800_000_000}
    return token


class Secret:
    """A secret in memory whose versions a test puts, and which counts its readings; empty at first."""

    def __init__(self, host: str, ca_pem: str = "") -> None:
        self.hosts = AllowedHosts.parse(host)
        self.readings = 0
        self._ca_pem = ca_pem
        self._versions: list[str] = []

    def put(self, fields: dict[str, Any] | str) -> None:
        self._versions.append(fields if isinstance(fields, str) else json.dumps(fields))

    def __call__(self) -> Version | None:
        self.readings += 1
        if not self._versions:
            return None
        text = Hidden(self._versions[-1])
        return Version(f"v{len(self._versions)}", datetime.now(UTC), parse_secret(text, self.hosts))

    @contextmanager
    def store(self, **settings: Any) -> Iterator[Store]:
        """A Store that reads this secret and trusts the CA."""
        store = Store(Settings("secret", self.hosts, ca_bundle=self._ca_pem, **settings), self)
        try:
            yield store
        finally:
            store.close()


@contextmanager
def store_at(port: int, ca_bundle: str = "") -> Iterator[Store]:
    """A Store whose credentials lead to a port of this machine."""
    secret = Secret(f"localhost:{port}", ca_bundle)
    secret.put({"api_path": f"https://localhost:{port}/api/v2/", "username": "u", "api_token": "planted"})
    with secret.store() as store:
        yield store


class Context:
    """Lambda's context object, as far as functions look at it."""

    def __init__(self, seconds: float) -> None:
        self.aws_request_id = "00000000-0000-0000-0000-000000000000"
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


def invoke(function: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Run a function as the body of a Lambda handler that has so many seconds left."""
    return lambda_handler(lambda event, context: function())({}, Context(seconds))


def emf(output: str) -> list[dict[str, Any]]:
    """The documents in embedded metric format among a function's lines."""
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return [line for line in lines if "_aws" in line]


def points(output: str, metric: str) -> list[float]:
    """All points of a metric, in the order in which they were written."""
    return [value for document in emf(output) for value in document.get(metric, [])]
