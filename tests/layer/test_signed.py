"""The signed reading of the secret: where it asks, that it signs as boto3 does, and when it leaves all to boto3."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3.session
import pytest
import trustme
from botocore.config import Config

from sandbox.aws import Aws
from storekey import AllowedHosts, Credentials
from storekey._secret import Secret
from storekey._signed import SECRETS_MANAGER, SQS, Service, Signed, endpoint
from storekey._sockets import _public_context
from tests.peers import peer, server_context
from tests.support import store_at

LAMBDA = {
    "AWS_LAMBDA_FUNCTION_NAME": "check",
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "session-token",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
}
ASKED = {"SecretId": "arn:secret", "VersionStage": "AWSCURRENT"}
ANSWER = {"SecretString": "{}", "VersionId": "v1", "CreatedDate": 1_795_500_000.25}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "https://secretsmanager.eu-central-1.amazonaws.com/"),
        ({"AWS_REGION": "us-gov-west-1", "AWS_DEFAULT_REGION": ""}, None),
        (
            {"AWS_REGION": "us-gov-west-1", "AWS_DEFAULT_REGION": "us-gov-west-1"},
            "https://secretsmanager.us-gov-west-1.amazonaws.com/",
        ),
        (
            {"AWS_REGION": "cn-north-1", "AWS_DEFAULT_REGION": "cn-north-1"},
            "https://secretsmanager.cn-north-1.amazonaws.com.cn/",
        ),
        ({"AWS_REGION": "us-iso-east-1", "AWS_DEFAULT_REGION": "us-iso-east-1"}, None),
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, None),
        (
            {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"},
            "https://secretsmanager-fips.us-east-1.amazonaws.com/",
        ),
        ({"AWS_ENDPOINT_URL": "http://localhost:4566"}, "http://localhost:4566/"),
        ({"AWS_ENDPOINT_URL": "http://a/", "AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://b/"}, "http://b/"),
        (
            {"AWS_ENDPOINT_URL": "http://a/", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
            "https://secretsmanager.eu-central-1.amazonaws.com/",
        ),
        ({"AWS_LAMBDA_FUNCTION_NAME": ""}, None),
        ({"AWS_ACCESS_KEY_ID": ""}, None),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, None),
        ({"AWS_PROFILE": "other"}, None),
        ({"AWS_CA_BUNDLE": "/tmp/ca.pem"}, None),
        ({"HTTPS_PROXY": "http://proxy"}, None),
        ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, None),
    ],
)
def test_the_endpoint_is_botocores_or_left_to_it(changes: dict[str, str], expected: str | None) -> None:
    assert endpoint(SECRETS_MANAGER, {**LAMBDA, **changes}) == expected


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-2", "ap-southeast-4", "cn-north-1", "us-gov-east-1"])
@pytest.mark.parametrize("fips", [False, True])
@pytest.mark.parametrize("service", [SECRETS_MANAGER, SQS])
def test_botocore_knows_the_same_endpoints(region: str, fips: bool, service: Service) -> None:
    named = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region, "AWS_USE_FIPS_ENDPOINT": f"{fips}"}
    ours = endpoint(service, {**LAMBDA, **named})
    config = Config(use_fips_endpoint=fips)
    new: Any = boto3.session.Session(region_name=region).client
    client = new(service.name, config=config, aws_access_key_id="a", aws_secret_access_key="b")
    assert ours in (None, f"{client.meta.endpoint_url}/")


class _Asked(HTTPServer):
    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = status, body
        self.requests: list[tuple[dict[str, str], bytes]] = []


class _Handler(BaseHTTPRequestHandler):
    server: _Asked

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
        status, answer = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def answering(status: int, body: bytes) -> Iterator[tuple[_Asked, dict[str, str]]]:
    with _Asked(status, body) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server, {**LAMBDA, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}"}
        server.shutdown()
        thread.join()


def boto3_client(service: str, environ: dict[str, str]) -> Any:
    new: Any = boto3.session.Session(region_name="eu-central-1").client
    return new(
        service,
        endpoint_url=environ["AWS_ENDPOINT_URL"],
        aws_access_key_id=LAMBDA["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=LAMBDA["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=LAMBDA["AWS_SESSION_TOKEN"],
        config=Config(proxies={}),
    )


def test_what_is_sent_is_what_boto3_sends() -> None:
    with answering(200, json.dumps(ANSWER).encode()) as (server, environ):
        found = Signed(SECRETS_MANAGER, environ).ask("GetSecretValue", ASKED)
        theirs = boto3_client("secretsmanager", environ).get_secret_value(**ASKED)
    ours, boto = same_requests(server)
    if ours["x-amz-date"] == boto["x-amz-date"]:
        assert ours["authorization"] == boto["authorization"]
    assert found
    assert {name: found[name] for name in ANSWER} == {name: dict(theirs)[name] for name in ANSWER}


def test_a_message_is_sent_as_boto3_sends_it() -> None:
    sent = {"QueueUrl": "https://sqs.eu-central-1.amazonaws.com/123456789012/queue", "MessageBody": '{"a": "\u00e4"}'}
    with answering(200, b'{"MessageId": "1", "MD5OfMessageBody": "09f2b60d8fd2d49f5d8d19b4e9c3ca28"}') as (
        server,
        environ,
    ):
        found = Signed(SQS, environ).ask("SendMessage", sent)
        with suppress(Exception):  # of the body's sum, which is no matter here
            boto3_client("sqs", environ).send_message(**sent)
    same_requests(server)
    assert found
    assert found["MessageId"] == "1"


def same_requests(server: _Asked) -> tuple[dict[str, str], dict[str, str]]:
    (ours, body), (boto, boto_body) = server.requests
    assert json.loads(body) == json.loads(boto_body)
    for header in ("x-amz-target", "content-type", "x-amz-security-token", "host"):
        assert ours[header] == boto[header]
    scopes = [header["authorization"].split(", ")[0] for header in (ours, boto)]
    assert scopes[0] == scopes[1]
    return ours, boto


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b'{"__type": "ResourceNotFoundException"}'),
        (500, b""),
        (302, b""),
        (200, b"no json"),
        (200, b"[]"),
    ],
)
def test_whatever_is_no_plain_answer_is_left_to_boto3(status: int, body: bytes) -> None:
    with answering(status, body) as (server, environ):
        assert Signed(SECRETS_MANAGER, environ).ask("GetSecretValue", ASKED) is None
        assert len(server.requests) == 1


def test_an_endpoint_that_does_not_answer_is_left_to_boto3() -> None:
    environ = {**LAMBDA, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    assert Signed(SECRETS_MANAGER, environ).ask("GetSecretValue", ASKED) is None


def test_the_ca_of_the_store_is_not_trusted_for_aws() -> None:
    ca = trustme.CA()
    with (
        peer(server_context(ca.issue_cert("localhost"))) as impostor,
        store_at(impostor.port, ca.cert_pem.bytes().decode()) as store,
    ):
        assert store.get("time") == {"time": 1}, "the store may have it"
        heard = impostor.heard
        environ = {**LAMBDA, "AWS_ENDPOINT_URL": f"https://localhost:{impostor.port}"}
        assert Signed(SECRETS_MANAGER, environ).ask("GetSecretValue", ASKED) is None
        assert impostor.connections == 2
        assert impostor.heard == heard


def test_aws_is_asked_over_tls_and_the_list_of_cas_is_read_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ca, readings = trustme.CA(), []
    ca.cert_pem.write_to_path(str(tmp_path / "list.pem"))

    def where() -> str:
        readings.append(1)
        return str(tmp_path / "list.pem")

    monkeypatch.setattr("storekey._sockets.certifi.where", where)
    monkeypatch.setattr("storekey._sockets._public_context", functools.cache(_public_context.__wrapped__))
    with peer(server_context(ca.issue_cert("localhost"))) as aws, store_at(aws.port) as store:
        environ = {**LAMBDA, "AWS_ENDPOINT_URL": f"https://localhost:{aws.port}"}
        assert Signed(SECRETS_MANAGER, environ).ask("GetSecretValue", ASKED) == {"time": 1}
        assert store.get("time") == {"time": 1}
    assert b"X-Amz-Security-Token: session-token" in aws.heard
    assert readings == [1]


@pytest.mark.parametrize("in_lambda", [True, False])
def test_the_secret_reads_the_same_either_way(aws: Aws, monkeypatch: pytest.MonkeyPatch, in_lambda: bool) -> None:
    fields: dict[str, Any] = {
        "api_path": "https://store-abc.mybigcommerce.com/api/v2/",
        "username": "u",
        "api_token": "t",
    }
    made = aws.client("secretsmanager").create_secret(Name=f"either-way-{in_lambda}", SecretString=json.dumps(fields))
    environ = {**LAMBDA, "AWS_ENDPOINT_URL": aws.endpoint, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    if not in_lambda:
        monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME")
    secret = Secret(made["ARN"], AllowedHosts.parse("*.mybigcommerce.com"))
    version = secret.live()
    assert version
    assert version.id == made["VersionId"]
    assert isinstance(version.holds, Credentials)
    assert secret.labels() == {"AWSCURRENT": version.id}
    assert abs((secret.changed() - version.created).total_seconds()) < 5
    assert version.created.tzinfo
    assert (secret._made is None) is in_lambda, "boto3's client is made where it is needed alone"
