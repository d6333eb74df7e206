"""What is wrong with a signature, and from which second on."""

from __future__ import annotations

from typing import Any

import pytest

from storekey import Hidden
from storekey.webhooks._signature import is_signed, wrong

from .deliveries import signature

BODY = b'{"id": 250}'
NOW = 1_795_521_600
HEADERS = signature(BODY, "A", at=NOW)
OFF = "webhook-timestamp is more than 300 seconds off"
FOREIGN = "no signature is that of the client_secret"


@pytest.mark.parametrize("now", [NOW - 300, NOW, NOW + 300])
def test_a_signature_is_good_for_five_minutes(now: float) -> None:
    assert wrong(HEADERS, BODY, Hidden("secret-of-A"), now) is None


@pytest.mark.parametrize(
    ("change", "now", "reason"),
    [
        ({}, NOW + 301, OFF),
        ({}, NOW - 301, OFF),
        ({"webhook-id": ""}, NOW, "the header webhook-id is missing"),
        ({"webhook-timestamp": ""}, NOW, "the header webhook-timestamp is missing"),
        ({"webhook-signature": ""}, NOW, "the header webhook-signature is missing"),
        ({"webhook-timestamp": "soon"}, NOW, "webhook-timestamp is no time"),
        ({"webhook-id": "\ud800"}, NOW, FOREIGN),
        ({"webhook-signature": "v1,AAAA\t" + HEADERS["webhook-signature"]}, NOW, FOREIGN),
        ({"webhook-signature": "v1,\ud800"}, NOW, FOREIGN),
        ({"webhook-signature": "v1,AAAA " * 10 + HEADERS["webhook-signature"]}, NOW, FOREIGN),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, Any], now: float, reason: str) -> None:
    assert wrong(HEADERS | change, BODY, Hidden("secret-of-A"), now) == reason
    assert is_signed(HEADERS | change)


def test_the_tenth_signature_counts() -> None:
    several = "v1,AAAA " * 9 + HEADERS["webhook-signature"]
    assert wrong(HEADERS | {"webhook-signature": several}, BODY, Hidden("secret-of-A"), NOW) is None
    assert not is_signed({"x-storekey-key": "1"})
