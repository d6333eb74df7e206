"""A token and a person are planted, everything is made to go wrong, and all that comes out is searched for them."""

from __future__ import annotations

import io
import json
import logging
import traceback
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import pytest
import trustme

from sandbox.aws import Aws
from sandbox.store import (
    Answer,
    BadGzip,
    BasicAccount,
    Bomb,
    Drip,
    Redirect,
    Reset,
    SandboxStore,
    TokenAccount,
    Truncate,
)
from sandbox.template import Template
from storekey import Store, check
from tests.peers import peer, server_context
from tests.planted import PERSON, found
from tests.support import Secret, invoke, new_account, secret_forms, store_at

FAULTS: list[Any] = [
    None,
    Answer(401, "ECHO"),
    Answer(403, "ECHO"),
    Answer(404, "ECHO"),
    Answer(422, "ECHO"),
    Answer(429, "ECHO"),
    Answer(500, "ECHO"),
    Answer(509, "ECHO"),
    Answer(200, "ECHO"),
    Redirect("https://elsewhere.example/ECHO?ECHO"),
    Reset("request"),
    Reset("body"),
    Truncate(),
    BadGzip(),
    Bomb(65 * 1024 * 1024),
    Drip(0.2, headers=True),
]


def forms(account: BasicAccount | TokenAccount) -> list[str]:
    """Every form in which a secret value could come out."""
    return secret_forms(account.secret())


def echoing(fault: Any, text: str, person: str = "") -> Any:
    """A hostile store sends back what it was sent, and a person; the path of a redirect is told, and names nobody."""
    both = f"{text} {person}"
    if isinstance(fault, Answer):
        return Answer(fault.status, f"<p>{both}</p>".encode(), {"X-Echo": quote(both)})
    if isinstance(fault, Redirect):
        path, _, query = fault.location.replace("ECHO", quote(text, safe="")).partition("?")
        return Redirect(f"{path}?{query}{quote(person)}")
    return fault


def told(error: BaseException) -> str:
    """All that an error can show: text, repr, facts, and its traceback with the locals of all frames but the tests'."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in shown.stack if "/tests/" not in frame.filename]
    assert frames
    lines = "".join(traceback.StackSummary.from_list(frames).format())
    return f"{error} {error!r} {vars(error)} {error.__cause__} {error.__context__} {lines}"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storekey._policy._FIRST_BACKOFF", 0.01)


@pytest.fixture
def everything_logged() -> Iterator[io.StringIO]:
    """The root logger at DEBUG, as a person sets it who looks for a fault."""
    root, lines = logging.getLogger(), io.StringIO()
    handler, level = logging.StreamHandler(lines), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lines
    root.setLevel(level)
    root.removeHandler(handler)


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
@pytest.mark.parametrize("kind", ["Basic", "token"])
def test_no_call_shows_it(
    kind: str,
    fault: Any,
    sandbox_store: SandboxStore,
    everything_logged: io.StringIO,
    capfd: pytest.CaptureFixture[str],
) -> None:
    account: BasicAccount | TokenAccount = (
        new_account(sandbox_store) if kind == "Basic" else sandbox_store.create_token_account("export")
    )
    secret, shown, explained = Secret(sandbox_store.host, sandbox_store.ca_pem), [], ""
    secret.put(account.secret())
    header = (
        b64encode(f"{account.username}:{account.api_token}".encode()).decode()
        if isinstance(account, BasicAccount)
        else ""
    )
    if fault:
        sandbox_store.fault(echoing(fault, " ".join([*forms(account), header]), json.dumps(PERSON)), times=None)
    with secret.store() as store:
        calls = [lambda: check(store), lambda: store.get("orders"), lambda: store.post("orders", {"status_id": 1})]
        for call in calls:
            try:
                shown.append(repr(invoke(call, seconds=2)))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is searched
                shown.append(told(error))
                explained += getattr(error, "explain", str)()
        shown.append(f"{store!r} {vars(store)} {store.last_read()} {secret.hosts} {store.settings}")
    output = capfd.readouterr()
    shown += [output.out, output.err, everything_logged.getvalue()]
    assert output.out, "nothing was written: the search would prove nothing"
    assert [seen for seen in sandbox_store.requests if any(form in str(seen.headers) for form in forms(account))]
    assert [form for form in forms(account) if form in "\n".join([*shown, explained])] == []
    assert found(PERSON.values(), "\n".join(shown)) == [], "explain() alone says what the store said"


def test_no_broken_header_shows_it(everything_logged: io.StringIO, capfd: pytest.CaptureFixture[str]) -> None:
    """urllib3 warns of such a header with what it holds, and with the whole address."""
    ca, echo = trustme.CA(), b64encode(b"u:planted")
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nbroken line " + echo + b"\r\nContent-Length: 2\r\n\r\n[]"
    with (
        peer(server_context(ca.issue_cert("localhost")), answer) as running,
        store_at(running.port, ca.cert_pem.bytes().decode()) as store,
    ):
        store.get("customers", {"email": "person@example.com"})
        assert echo in running.heard
    output = capfd.readouterr()
    shown = "\n".join([output.out, output.err, everything_logged.getvalue()])
    assert echo.decode() not in shown
    assert "person" not in shown


@pytest.mark.parametrize(
    "broken",
    [
        '{"api_token": "PLANTED"',
        '["PLANTED"]',
        '{"api_path": "https://PLANTED/v2", "username": "u", "api_token": "PLANTED"}',
        '{"api_path": "https://a:PLANTED@x.example/v2", "username": "u", "api_token": "t"}',
        '{"api_path": "https://x.example/v2?PLANTED", "username": "a:PLANTED", "api_token": "PLANTED PLANTED"}',
        '{"api_path": "https://x.example/v2", "access_token": "PLANTED\\u0000", "client_secret": "PLANTED"}',
        '{"username": "PLANTED", "access_token": "PLANTED"}',
        '{"PLANTED": "PLANTED"}',
    ],
)
def test_no_broken_secret_shows_it(
    broken: str,
    aws: Aws,
    everything_logged: io.StringIO,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the real reader, so that botocore's own logging is searched too."""
    client = aws.client("secretsmanager")
    arn = client.create_secret(Name=f"planted-{abs(hash(broken))}")["ARN"]
    client.put_secret_value(SecretId=arn, SecretString=broken)
    everything_logged.truncate(0)
    for name, value in {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "CREDENTIALS_SECRET_ARN": arn,
    }.items():
        monkeypatch.setenv(name, value)
    shown = []
    store = Store.from_environment()
    for call in (lambda: check(store), lambda: store.get("orders")):
        try:
            shown.append(repr(invoke(call)))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is searched
            shown.append(told(error))
    Store.forget()
    output = capfd.readouterr()
    assert "botocore" in "".join(logging.root.manager.loggerDict)
    assert "Making request" not in everything_logged.getvalue()
    assert "GetSecretValue" in everything_logged.getvalue(), "botocore logged nothing: the search would prove nothing"
    assert "PLANTED" not in "\n".join([*shown, output.out, output.err, everything_logged.getvalue()])


def test_no_function_shows_it(aws: Aws, sandbox_store: SandboxStore) -> None:
    account = new_account(sandbox_store)
    parameters = {"AllowedHosts": sandbox_store.host, "StoreCaBundle": sandbox_store.ca_pem}
    shown = []
    with (
        closing(aws.deploy(Template.load("template.yaml", parameters))) as stack,
        stack.function(
            "CheckFunction", env={"POWERTOOLS_LOG_LEVEL": "DEBUG", "AWS_LAMBDA_LOG_LEVEL": "DEBUG"}
        ) as function,
    ):
        client = aws.client("secretsmanager")
        for fields in (account.secret(), sandbox_store.regenerate(account).secret(), {"api_token": account.api_token}):
            client.put_secret_value(SecretId=stack.secret_id, SecretString=json.dumps(fields))
            invocation = function.invoke({})
            shown += [invocation.logs, json.dumps([invocation.result, invocation.error])]
    assert [form for form in forms(account) if form in "\n".join(shown)] == []
