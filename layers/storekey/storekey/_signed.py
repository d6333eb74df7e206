"""Asks an AWS service by one signed HTTPS request: what boto3's client does, without half of a cold start for it.

Only in a plain Lambda environment, and only a plain 200 counts. For all else - another status, a proxy, a partition
that is not known here - the answer is None, and the caller asks boto3.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from ._exchange import Answer, Request
from ._observability import hush
from ._transport import Transport

_SUFFIXES = {"cn": "amazonaws.com.cn", "us-gov": "amazonaws.com"}
_REGION = re.compile(r"(us-gov|cn|[a-z]{2})-[a-z]+-\d")
# What boto3 minds and this does not.
_BOTO3_ALONE = (
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_CA_BUNDLE",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
)
_SECONDS = 4.0
_MAX_BODY = 1024 * 1024  # a secret holds 64 KiB at most, which JSON may spell six times as long


@dataclass(frozen=True)
class Service:
    """A service that speaks JSON: its name in addresses, that of its API, and the variable that names an endpoint.

    ``fips`` begins the regions whose FIPS endpoint is named as all are.
    """

    name: str
    api: str
    content: str
    variable: str
    fips: tuple[str, ...] = ()


SECRETS_MANAGER = Service(
    "secretsmanager",
    "secretsmanager",
    "application/x-amz-json-1.1",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    fips=("us-", "ca-"),
)
SQS = Service("sqs", "AmazonSQS", "application/x-amz-json-1.0", "AWS_ENDPOINT_URL_SQS")


class Signed:
    """A service, asked over a connection of its own, which trusts certifi's list and no ``STORE_CA_BUNDLE``."""

    def __init__(self, service: Service, environ: Mapping[str, str] = os.environ) -> None:
        self._service = service
        self._environ = environ
        self._transport = Transport()

    def ask(self, operation: str, parameters: Mapping[str, str]) -> dict[str, Any] | None:
        """Return what an operation that may be repeated answers, its dates in UTC, or None where boto3 has to ask."""
        url = endpoint(self._service, self._environ)
        if url is None:
            return None
        body = json.dumps(parameters).encode()
        headers = _signed(self._service, operation, url, body, self._environ)
        request = Request("POST", url, headers, body, _MAX_BODY)
        answer = self._transport.send(request, time.monotonic() + _SECONDS)
        return _read(answer) if isinstance(answer, Answer) and answer.status == 200 else None


def _read(answer: Answer) -> dict[str, Any] | None:
    try:
        found = json.loads(answer.body)
    except ValueError:
        return None
    return {name: _value(name, value) for name, value in found.items()} if isinstance(found, dict) else None


def _value(name: str, value: Any) -> Any:
    return datetime.fromtimestamp(value, UTC) if name.endswith("Date") and isinstance(value, int | float) else value


def endpoint(service: Service, environ: Mapping[str, str]) -> str | None:
    """Return where a service is, as botocore would find it, or None where that is not sure.

    Variables: AWS SDKs and Tools Reference Guide, "Service-specific endpoints" and "Dual-stack and FIPS endpoints".
    """
    keys = ("AWS_LAMBDA_FUNCTION_NAME", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
    if not all(environ.get(name) for name in keys) or any(environ.get(name) for name in _BOTO3_ALONE):
        return None
    if environ.get("AWS_DEFAULT_REGION", environ["AWS_REGION"]) != environ["AWS_REGION"]:
        return None
    given = environ.get(service.variable) or environ.get("AWS_ENDPOINT_URL")
    if given and environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        return f"{given.rstrip('/')}/"
    return _regional(service, environ["AWS_REGION"], environ.get("AWS_USE_FIPS_ENDPOINT", "").lower() == "true")


def _regional(service: Service, region: str, fips: bool) -> str | None:
    found = _REGION.fullmatch(region)
    if not found or (fips and not region.startswith(service.fips)):
        return None
    return f"https://{service.name}{'-fips' if fips else ''}.{region}.{_SUFFIXES.get(found[1], 'amazonaws.com')}/"


def _signed(service: Service, operation: str, url: str, body: bytes, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of the request, signed by botocore's own signer."""
    hush("botocore.auth")  # it tells the headers, with the session token, at DEBUG
    headers = {"Content-Type": service.content, "X-Amz-Target": f"{service.api}.{operation}"}
    request = AWSRequest(method="POST", url=url, data=body, headers=headers)
    keys: Any = SimpleNamespace(
        access_key=environ["AWS_ACCESS_KEY_ID"],
        secret_key=environ["AWS_SECRET_ACCESS_KEY"],
        token=environ.get("AWS_SESSION_TOKEN"),
    )
    SigV4Auth(keys, service.name, environ["AWS_REGION"]).add_auth(request)
    return dict(request.headers)
