"""What gets through to the queue: our own store's events, proven, and nothing else; and nothing crashes it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekey._cache import Version
from storekey._credentials import Problem
from storekey.webhooks._accounts import Accounts
from storekey.webhooks._delivery import MAX_BYTES, Delivery, read_delivery
from storekey.webhooks._scopes import Scopes
from storekey.webhooks._settings import WebhookSettings
from storekey.webhooks.receiver import Queue, Receiver
from tests.support import points

from .deliveries import PAYLOAD, ours, payload, secret, signature, url_event, version, written

SCOPES = Scopes.parse("store/order/*,store/product/updated")
BODY = written(PAYLOAD)


class Kept(Queue):
    """A queue that keeps what it is sent, or refuses it."""

    def __init__(self) -> None:
        self.payloads: list[Any] = []
        self.error: Exception | None = None

    def send(self, delivery: Delivery) -> None:
        if self.error:
            raise self.error
        self.payloads.append(delivery.payload)


@dataclass
class Live:
    """A secret with a live version and one before it, and how often each was read."""

    current: Version | None = field(default_factory=lambda: version(secret("A")))
    before: Version | None = None
    readings: list[str] = field(default_factory=list)
    now: float = 1000.0

    def accounts(self) -> Accounts:
        return Accounts(self._live, self._previous, 300.0, clock=lambda: self.now)

    def _live(self) -> Version | None:
        self.readings.append("live")
        return self.current

    def _previous(self) -> Version | None:
        self.readings.append("previous")
        return self.before


@dataclass
class At:
    """A receiver with its queue and its secret."""

    live: Live
    queue: Kept
    receiver: Receiver

    def __call__(self, body: bytes | str, headers: dict[str, str], **how: Any) -> int:
        answer = self.receiver.receive(url_event(body, headers, **how))
        assert answer.keys() == {"statusCode", "body"}
        assert answer["body"] == ""
        status: int = answer["statusCode"]
        return status


def receiver(live: Live | None = None, *, require_signature: bool = False) -> At:
    live, queue = live or Live(), Kept()
    settings = WebhookSettings(SCOPES, queue="queue", require_signature=require_signature)
    return At(live, queue, Receiver(settings, "store", live.accounts(), queue))


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


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.none(), st.integers(), st.lists(st.text()))))
def test_no_event_crashes_it(event: dict[str, Any]) -> None:
    at = receiver()
    context = event.get("requestContext")
    assert at.receiver.receive({**event, "headers": {}, "requestContext": context if context is None else {}})[
        "statusCode"
    ] in (400, 401)


@given(st.binary(max_size=200), st.dictionaries(st.text(), st.text()))
def test_no_body_and_no_header_crashes_it(body: bytes, headers: dict[str, str]) -> None:
    at = receiver()
    assert at(body, headers | ours("A"), encoded=True) in (400, 401)
    assert at.queue.payloads == []


# ------------------------------------------------------------------------------------ a change of the account


def test_during_a_change_both_accounts_are_accepted_at_once() -> None:
    at = receiver()
    assert at(BODY, ours("A")) == 200
    at.live.current, at.live.before = version(secret("B"), "2"), version(secret("A"))
    assert at(BODY, ours("B") | signature(BODY, "B")) == 200, "the warm environment knew A alone"
    assert at(BODY, ours("A") | signature(BODY, "A")) == 200
    assert at(BODY, ours("A") | signature(BODY, "B")) == 401, "each signs for itself"
    assert at(BODY, ours("C")) == 401


def test_an_account_before_the_last_change_is_a_stranger() -> None:
    at = receiver(Live(version(secret("C"), "3"), version(secret("B"), "2")))
    assert at(BODY, ours("A") | signature(BODY, "A")) == 401


def test_a_previous_version_that_cannot_be_used_is_no_reason_to_forget_a_better_one() -> None:
    at = receiver()
    assert at(BODY, ours("A")) == 200
    at.live.current = Version("2", datetime.now(UTC), Problem("secret", "is not JSON"))
    at.live.before = version(secret("A"))
    at.live.now += 301
    assert at(BODY, ours("A")) == 200
    at.live.current, at.live.before = version(secret("C"), "3"), at.live.current
    at.live.now += 301
    assert [at(BODY, ours(name)) for name in "AC"] == [200, 200]


def test_strangers_have_the_secret_read_once_a_second_at_most() -> None:
    at = receiver()
    for _ in range(100):
        assert at(BODY, {"x-storekey-key": "f" * 64}) == 401
    assert at.live.readings == ["live", "live", "previous"]
    at.live.now += 1.0
    at(BODY, {"x-storekey-key": "f" * 64})
    assert at.live.readings == ["live", "live", "previous"] * 1 + ["live", "previous"]
    for _ in range(10):
        at(BODY, {})
    assert len(at.live.readings) == 5, "who sends no header has nothing read"


def test_the_secret_is_read_again_when_it_is_old() -> None:
    at = receiver()
    assert at(BODY, ours("A")) == 200
    at.live.now += 299
    assert at(BODY, ours("A")) == 200
    at.live.now += 2
    assert at(BODY, ours("A")) == 200
    assert at.live.readings == ["live", "live"]
    at.live.now -= 5000
    assert at(BODY, ours("A")) == 200
    assert at.live.readings == ["live"] * 3, "a clock that jumped back proves nothing"


def test_another_store_in_the_secret_makes_the_old_stores_events_strangers() -> None:
    at = receiver(Live(version(secret("B", "xyz789"), "2"), version(secret("A"))))
    assert at(BODY, ours("A")) == 400
    assert at(written(payload(producer="stores/xyz789")), ours("B")) == 200


BASIC = {"api_path": "https://store-abc.mybigcommerce.com/api/v2/", "username": "u", "api_token": "t" * 32}


@pytest.mark.parametrize("before", [None, secret("A")])
def test_basic_credentials_say_so_and_take_nothing(
    before: dict[str, str] | None, caplog: pytest.LogCaptureFixture
) -> None:
    at = receiver(Live(version(BASIC, "2"), version(before) if before else None))
    assert at(BODY, ours("A")) == 401
    assert at.queue.payloads == []
    (told,) = caplog.records
    assert told.reason == "secret: holds a Basic account, and webhooks need a token account"  # type: ignore[attr-defined]


@pytest.mark.parametrize("lacking", ["client_id", "client_secret"])
def test_a_token_without_what_webhooks_need_says_what(lacking: str, caplog: pytest.LogCaptureFixture) -> None:
    fields = secret("A")
    del fields[lacking]
    assert receiver(Live(version(fields)))(BODY, ours("A")) == 401
    assert caplog.records[0].reason.startswith(f"{lacking}: is missing")  # type: ignore[attr-defined]


@pytest.mark.parametrize("broken", [None, Version("2", datetime.now(UTC), Problem("secret", "is not JSON"))])
def test_while_the_live_secret_is_broken_the_one_before_is_good_enough(broken: Version | None) -> None:
    at = receiver(Live(broken, version(secret("A"))))
    assert at(BODY, ours("A")) == 200


# ----------------------------------------------------------------------------------------------- our own faults


@pytest.mark.parametrize("headers", [{}, ours("A")])
def test_a_secret_that_cannot_be_read_asks_for_another_delivery(headers: dict[str, str]) -> None:
    at = receiver()

    def broken() -> Version | None:
        raise ConnectionError("of a secret nature")

    at.receiver.accounts.live = broken
    assert at(BODY, headers) == 503


def test_a_queue_that_refuses_asks_for_another_delivery(capsys: pytest.CaptureFixture[str]) -> None:
    at = receiver()
    at.queue.error = RuntimeError("nothing to be told")
    assert at(BODY, ours("A")) == 503
    told = capsys.readouterr().out
    assert "nothing to be told" not in told
    assert points(told, "DeliveriesRefused") == [1.0]


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        (ours("A"), [0.0]),
        (ours("A") | {"webhook-id": "1"}, [1.0]),
        (ours("A") | {"x-odd": "1"}, [0.0]),
        ({"x-storekey-key": "f" * 64}, []),
        ({}, []),
    ],
)
def test_only_what_bears_our_header_is_told_of(
    headers: dict[str, str], told: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    receiver()(BODY, headers)
    assert points(capsys.readouterr().out, "DeliveriesRefused") == told


@pytest.mark.parametrize("unwanted", [{"scope": "store/cart/created"}, {"producer": "stores/other1"}])
def test_what_was_wanted_before_is_refused_and_rings_nothing(
    unwanted: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert receiver()(written(payload(**unwanted)), ours("A")) == 400
    assert points(capsys.readouterr().out, "DeliveriesRefused") == []


def test_a_strangers_header_rings_nothing_even_if_aws_is_down(capsys: pytest.CaptureFixture[str]) -> None:
    at = receiver()
    assert at(BODY, ours("A")) == 200
    capsys.readouterr()

    def broken() -> Version | None:
        raise ConnectionError

    at.receiver.accounts.live = broken
    assert at(BODY, {"x-storekey-key": "f" * 64}) == 503
    assert points(capsys.readouterr().out, "DeliveriesRefused") == []


def test_nothing_secret_and_nothing_of_the_body_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    body = written(payload(data={"type": "order", "id": 250, "email": "jane@example.com"}))
    at = receiver()
    for headers in (ours("A"), ours("A") | signature(body, "B"), {"x-storekey-key": "f" * 64}):
        at(body, headers)
    at(body[:-1], ours("A"))
    told = capsys.readouterr().out
    for hidden in ("secret-of-A", ours("A")["x-storekey-key"], "f" * 64, "jane@example.com", "v1,"):
        assert hidden not in told
    assert "secret-of-A" not in repr(at.receiver)
    assert ours("A")["x-storekey-key"] not in repr(at.receiver)
