"""Our own faults ask for another delivery; what is told of refusals, and what never is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.template import Template
from storekey import _secret, _signed
from storekey._cache import Version
from storekey.webhooks import receiver as receiver_module
from tests.support import points

from .deliveries import ours, payload, signature, written
from .receiving import BODY, receiver


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


@pytest.mark.parametrize("make", [receiver_module._client.__wrapped__, _secret._make_client])
def test_while_aws_hangs_there_is_time_left_to_answer(make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    config = make().meta.config
    patience = config.retries["total_max_attempts"] * (config.connect_timeout + config.read_timeout)
    function = Template.load("template.yaml", {"WebhooksEnabled": "true"}).functions()["ReceiveFunction"]
    importing_and_backing_off = 6
    assert _signed._SECONDS + patience + importing_and_backing_off < function["Timeout"]
