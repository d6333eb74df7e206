"""The body of a delivery: what is read of it, and why some are refused."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from storekey.webhooks._delivery import MAX_BYTES, Refused, Unwanted, raw_body, read_delivery
from storekey.webhooks._scopes import Scopes

from .deliveries import payload, written

PRODUCER = "stores/abc123"
SCOPES = Scopes.parse("store/order/*")
TOO_LONG = f"the body has more than {MAX_BYTES} bytes"
NO_TEXT = "the body is not base64, as its mark says, or no text"


def base64(body: bytes) -> dict[str, Any]:
    return {"body": b64encode(body).decode(), "isBase64Encoded": True}


@pytest.mark.parametrize(
    ("event", "body"),
    [
        ({"body": "Zoë"}, "Zoë".encode()),
        (base64(b"\xff"), b"\xff"),
        ({"body": None}, b""),
        ({}, b""),
        ({"body": "x" * MAX_BYTES}, b"x" * MAX_BYTES),
        (base64(b"x" * MAX_BYTES), b"x" * MAX_BYTES),
    ],
)
def test_the_bytes_that_were_sent(event: dict[str, Any], body: bytes) -> None:
    assert raw_body(event) == body


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"body": 7}, TOO_LONG),
        ({"body": "x" * (MAX_BYTES + 1)}, TOO_LONG),
        ({"body": "ë" * MAX_BYTES}, TOO_LONG),
        (base64(b"x" * (MAX_BYTES + 1)), TOO_LONG),
        ({"body": "%%%", "isBase64Encoded": True}, NO_TEXT),
        ({"body": "eyJ9\n", "isBase64Encoded": True}, NO_TEXT),
        ({"body": "\ud800"}, NO_TEXT),
    ],
)
def test_a_body_that_cannot_be_read(event: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused) as caught:
        raw_body(event)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("begin", "part", "end"), [("[1", ",1e15", "]"), ('"', "\N{GRINNING FACE}", '"'), ('"', "ë", '"')]
)
def test_the_longest_body_written_anew_fits_into_an_event(begin: str, part: str, end: str) -> None:
    rest = written(payload()).decode().removesuffix("}") + f',"more":{begin}'
    times = (MAX_BYTES - len(rest) - len(end) - 1) // len(part.encode())
    body = f"{rest}{part * times}{end}}}".encode()
    assert MAX_BYTES - 10 < len(body) <= MAX_BYTES
    assert len(json.dumps(read_delivery(body, PRODUCER).payload)) < 240 * 1024


@pytest.mark.parametrize("scope", ["store/order/created", "store/order/created/", "store/order/" + "x" * 116])
def test_an_event_bears_its_scope_without_a_last_slash(scope: str) -> None:
    found = read_delivery(written(payload(scope=scope, hash="h" * 128)), PRODUCER, SCOPES)
    assert found.scope == scope.removesuffix("/")
    assert (found.payload["scope"], found.payload["hash"]) == (scope, "h" * 128)
    assert read_delivery(written(payload(hash="h", scope="s")), PRODUCER).scope == "s"
    assert read_delivery(written(payload(created_at=1561479335.5)), PRODUCER).created == 1561479335.5


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        (b"\xff", Refused, "the body is not JSON"),
        (b'{"a": NaN}', Refused, "the body is not JSON"),
        (b'{"a": 1e999}', Refused, "the body is not JSON"),
        (b"[]", Refused, "the body is no JSON object"),
        (written(payload(scope=None)), Refused, "scope is no text"),
        (written(payload(scope="")), Refused, "scope is no text"),
        (written(payload(scope="s" * 129)), Refused, "scope is no text"),
        (written(payload(data="x")), Refused, "data is no object"),
        (written(payload(hash="")), Refused, "hash is no text"),
        (written(payload(hash="h" * 129)), Refused, "hash is no text"),
        (written(payload(created_at=[])), Refused, "created_at is no time"),
        (written(payload(scope="store/cart/created")), Unwanted, "scope is none of WebhookScopes"),
        (written(payload(producer="stores/other1")), Unwanted, "producer is not our store"),
    ],
)
def test_a_refusal_says_why_without_the_content(body: bytes, kind: type[Refused], reason: str) -> None:
    with pytest.raises(Refused) as caught:
        read_delivery(body, PRODUCER, SCOPES)
    assert (type(caught.value), str(caught.value)) == (kind, reason)
