"""What gets through to the queue: our own store's events, proven, and nothing else; and nothing crashes it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekey.webhooks._delivery import MAX_BYTES, read_delivery

from .deliveries import PAYLOAD, ours, payload, signature, url_event, written
from .receiving import BODY, receiver


@pytest.mark.parametrize("require", [False, True])
@pytest.mark.parametrize("encoded", [False, True])
def test_a_signed_delivery_with_our_header_is_kept(require: bool, encoded: bool) -> None:
    at = receiver(require_signature=require)
    assert at(BODY, ours("A") | signature(BODY, "A"), encoded=encoded) == 200
    assert at.queue.payloads == [PAYLOAD]
    assert at.live.readings == ["live"]


def test_without_a_signature_our_header_is_enough_unless_one_is_required() -> None:
    at = receiver()
    assert at(BODY, ours("A")) == 200
    strict = receiver(require_signature=True)
    assert strict(BODY, ours("A")) == 401
    assert strict.queue.payloads == []


def changed(name: str, value: str | None) -> Callable[[], dict[str, str]]:
    def headers() -> dict[str, str]:
        found = ours("A") | signature(BODY, "A") | {name: value or ""}
        return {key: text for key, text in found.items() if key != name or value is not None}

    return headers


def aged(seconds: float) -> Callable[[], dict[str, str]]:
    return lambda: ours("A") | signature(BODY, "A", time.time() + seconds)


UNPROVEN: dict[str, Callable[[], dict[str, str]]] = {
    "no header of ours": lambda: signature(BODY, "A"),
    "an empty one": changed("x-storekey-key", ""),
    "a wrong one": changed("x-storekey-key", "0" * 64),
    "one of other letters": changed("x-storekey-key", "é" * 64),
    "one cut off": lambda: {"x-storekey-key": ours("A")["x-storekey-key"][:-1]},
    "twice the right one": lambda: {"x-storekey-key": ",".join(2 * [ours("A")["x-storekey-key"]])},
    "another account's": lambda: ours("stranger") | signature(BODY, "stranger"),
    "the client_secret itself": lambda: {"x-storekey-key": "secret-of-A"},
    "signed by another": lambda: ours("A") | signature(BODY, "stranger"),
    "no signature beside its id": lambda: ours("A") | {"webhook-id": "msg_1"},
    "no id": changed("webhook-id", None),
    "another id": changed("webhook-id", "msg_2"),
    "no timestamp": changed("webhook-timestamp", None),
    "a timestamp that is none": changed("webhook-timestamp", "soon"),
    "a negative one": changed("webhook-timestamp", "-5"),
    "one in other digits": changed("webhook-timestamp", "\N{ARABIC-INDIC DIGIT ONE}" * 10),
    "an endless one": changed("webhook-timestamp", "9" * 400),
    "another timestamp": changed("webhook-timestamp", str(int(time.time()) - 60)),
    "an old one": aged(-301),
    "one to come": aged(302),
    "an empty signature": changed("webhook-signature", ""),
    "a signature that is none": changed("webhook-signature", "v1,"),
    "one of another version": changed("webhook-signature", "v2," + signature(BODY, "A")["webhook-signature"][3:]),
    "one without version": changed("webhook-signature", signature(BODY, "A")["webhook-signature"][3:]),
    "one with a surrogate": changed("webhook-signature", "v1,\ud800"),
    "many wrong ones": changed("webhook-signature", " ".join(["v1,AAAA"] * 5000)),
}


@pytest.mark.parametrize("headers", UNPROVEN.values(), ids=UNPROVEN)
def test_what_is_not_proven_is_refused(headers: Callable[[], dict[str, str]]) -> None:
    at = receiver()
    assert at(BODY, headers()) == 401
    assert at.queue.payloads == []


def test_a_right_signature_may_stand_among_others() -> None:
    at = receiver()
    right = signature(BODY, "A")
    several = f"v1,AAAA v1a,BBBB {right['webhook-signature']}"
    assert at(BODY, ours("A") | right | {"webhook-signature": several}) == 200


@pytest.mark.parametrize(
    "tampered",
    [
        BODY + b" ",
        BODY.replace(b"250", b"251"),
        written({**PAYLOAD, "scope": "store/order/archived"}),
        json.dumps(PAYLOAD, indent=1).encode(),
        b"",
    ],
)
def test_a_body_that_was_not_signed_is_refused(tampered: bytes) -> None:
    at = receiver()
    assert at(tampered, ours("A") | signature(BODY, "A")) == 401
    assert at.queue.payloads == []


SHAPES: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"scope=store/order/created",
    "cut off": BODY[:-1],
    "a list": b"[]",
    "a list of deliveries": written([PAYLOAD]),
    "a text": b'"store/order/created"',
    "null": b"null",
    "NaN": BODY.replace(b"1561479335", b"NaN"),
    "a number without end": BODY.replace(b"1561479335", b"1" * 5000),
    "deeper than Python": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "no scope": written(payload(scope=None)),
    "a scope that is no text": written(payload(scope=7)),
    "an unknown scope": written(payload(scope="store/cart/created")),
    "a pattern that was not asked for": written(payload(scope="store/cart/*")),
    "a metafield's without its name": written(payload(scope="store/metafield/")),
    "a scope with a path": written(payload(scope="store/order/../product/updated")),
    "a scope of a megabyte's part": written(payload(scope="store/order/" + "x" * 60_000)),
    "no producer": written(payload(producer=None)),
    "another store's producer": written(payload(producer="stores/other1")),
    "a longer producer": written(payload(producer="stores/abc1234")),
    "no data": written(payload(data=None)),
    "data that is a number": written(payload(data=1)),
    "no hash": written(payload(hash=None)),
    "an empty hash": written(payload(hash="")),
    "a hash that is a number": written(payload(hash=7)),
    "a hash without end": written(payload(hash="a" * 300)),
    "a time that is an object": written(payload(created_at={"at": 1})),
    "an infinite time": BODY.replace(b"1561479335", b"1e999"),
    "an infinite number": written(payload(data={"id": 1})).replace(b'{"id": 1}', b'{"id": 1e999}'),
    "more than is read": written(payload(padding="x" * MAX_BYTES)),
    "a megabyte": written(payload(padding="x" * 1_048_576)),
}


@pytest.mark.parametrize("body", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("encoded", [False, True])
def test_what_is_no_event_of_our_store_is_refused_even_if_it_is_signed(body: bytes, encoded: bool) -> None:
    at = receiver()
    assert at(body, ours("A") | signature(body, "A"), encoded=encoded) == 400
    assert at.queue.payloads == []


def test_bytes_that_are_no_text_are_refused() -> None:
    at = receiver()
    assert at(b"\xff\xfe{}", ours("A"), encoded=True) == 400
    assert receiver().receiver.receive({**url_event("{}", ours("A")), "body": "%%%", "isBase64Encoded": True}) == {
        "statusCode": 400,
        "body": "",
    }


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", ""])
def test_only_posts_are_deliveries(method: str) -> None:
    at = receiver()
    assert at(BODY, ours("A"), method=method) == 400
    assert at.queue.payloads == []


@pytest.mark.parametrize(
    ("created_at", "known"),
    [
        (1561479335, 1561479335.0),
        (1561479335.5, 1561479335.5),
        *((odd, None) for odd in (None, "2026-11-27T10:00:00Z", True, -1, 1561479335000, 10**400)),
    ],
)
def test_the_time_of_an_event_may_be_missing_or_odd(created_at: Any, known: float | None) -> None:
    at = receiver()
    body = written(payload(created_at=created_at))
    assert at(body, ours("A") | signature(body, "A")) == 200
    assert read_delivery(body, "stores/abc123").created == known


@pytest.mark.parametrize(
    ("scope", "data"),
    [
        ("store/order/*", {"type": "order", "id": 250}),
        ("store/order/updated/", {"type": "order", "id": 250}),
        ("store/metafield/created", {"type": "metafield", "metafield_id": 1, "resource_id": "250"}),
        ("store/order/updated", [{"id": 250}]),
    ],
)
def test_shapes_that_only_bigcommerces_examples_show_are_kept(scope: str, data: Any) -> None:
    at = receiver()
    assert at(written(payload(scope=scope, data=data)), ours("A")) == 200


def test_a_replay_is_taken_while_its_signature_is_good_for_its_answer_may_have_been_lost() -> None:
    at = receiver()
    headers = ours("A") | signature(BODY, "A")
    assert [at(BODY, headers), at(BODY, headers)] == [200, 200]
    assert at.queue.payloads == [PAYLOAD, PAYLOAD]


_ODD = st.one_of(st.text(), st.none(), st.integers(), st.booleans(), st.lists(st.text()))
_POSTED = st.just({"http": {"method": "POST"}})


@given(
    st.dictionaries(st.text(), _ODD),
    st.fixed_dictionaries(
        {},
        optional={"body": st.one_of(_ODD, st.just(BODY.decode())), "isBase64Encoded": _ODD, "requestContext": _POSTED},
    ),
    st.dictionaries(st.text(), _ODD),
)
def test_no_event_crashes_it(odd: dict[str, Any], event: dict[str, Any], headers: dict[str, Any]) -> None:
    at = receiver()
    status = at.receiver.receive({**odd, **event, "headers": {**headers, **ours("A")}})["statusCode"]
    assert status in (200, 400, 401)
    assert (status == 200) == (at.queue.payloads == [PAYLOAD])


@given(st.binary(max_size=200), st.dictionaries(st.text(), st.text()))
def test_no_body_and_no_header_crashes_it(body: bytes, headers: dict[str, str]) -> None:
    at = receiver()
    assert at(body, headers | ours("A"), encoded=True) in (400, 401)
    assert at.queue.payloads == []
