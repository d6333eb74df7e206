"""Scopes as they are written in WebhookScopes, and which events they stand for."""

from __future__ import annotations

import pytest

from storekey._settings import SettingsError
from storekey.webhooks._scopes import Scopes
from storekey.webhooks._settings import WebhookSettings


@pytest.mark.parametrize(
    ("wanted", "scope", "matches"),
    [
        ("store/order/created", "store/order/created", True),
        ("store/order/created", "store/order/createdx", False),
        ("store/order/created", "store/order/created/more", False),
        ("store/order/*", "store/order/created", True),
        ("store/order/*", "store/order/message/created", True),
        ("store/order/*", "store/order", False),
        ("store/order/*", "store/order/", False),
        ("store/order/*", "store/orders/created", False),
        ("store/order/*", "store/order/*", True),
        ("store/order/*", "store/product/*", False),
        ("store/order/*", "store/order/updated/", True),
        ("store/order/*", "store/metafield/created", True),
        ("store/order/created", "store/metafield/created", False),
        ("store/product/metafield/created", "store/metafield/created", True),
        ("store/product/metafield/created", "store/product/metafield/created", True),
        ("store/product/metafield/created", "store/product/created", False),
        ("store/channel/*/inventory/product/*", "store/channel/*/inventory/product/stock_changed", True),
        ("store/*/created", "store/order/created", True),
        ("store/*/created", "store/order/message/created", False),
        ("store/channel/*/inventory/product/*", "store/channel/1/inventory/product/stock_changed", True),
        ("store/channel/*/inventory/product/*", "store/channel/1/order/created", False),
        ("store/order/created,store/product/*", "store/product/updated", True),
    ],
)
def test_a_star_stands_for_a_part_and_at_the_end_for_all_that_follows(wanted: str, scope: str, matches: bool) -> None:
    assert Scopes.parse(wanted).match(scope) is matches


def test_each_scope_is_wanted_once_in_its_order() -> None:
    assert Scopes.parse(" store/b/x ,store/a/*,,store/b/x").wanted == ("store/b/x", "store/a/*")


@pytest.mark.parametrize("text", ["", " , ", "order/created", "store/", "store/order/", "store/or der", "store/*x"])
def test_what_is_no_scope_is_named(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        WebhookSettings.from_environment(environ={"WEBHOOK_SCOPES": text})
    named = text.strip(" ,") or "nothing"
    remedy = "scopes are written as store/order/created or store/order/*"
    assert str(caught.value) == f"WEBHOOK_SCOPES holds {named}; {remedy}"


def test_everything_that_is_wrong_with_the_settings_is_named_at_once() -> None:
    environ = {"REQUIRE_SIGNATURE": "yes", "WEBHOOK_SCOPES": "x"}
    with pytest.raises(SettingsError) as raised:
        WebhookSettings.from_environment("WEBHOOK_URL", "EVENT_BUS", environ=environ)
    for name in ("WEBHOOK_URL", "EVENT_BUS", "REQUIRE_SIGNATURE", "WEBHOOK_SCOPES"):
        assert name in str(raised.value)
