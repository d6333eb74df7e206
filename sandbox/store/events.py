"""Which events the store knows, by the names that webhooks are made for: BigCommerce, "Webhook Events".

Also those of one channel ("Channel Webhooks") and of inventory. Of ``store/hook/deliveryException`` the name alone is
known: it is never sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

_CRUD = "created|updated|deleted"
_ORDER = "created|updated|archived|statusUpdated message/created refund/created"
_CART = "created|updated|deleted|couponApplied|abandoned|converted"
# Below store/, and a word for each event, or more with a bar between them.
_STORE = {
    "app": "uninstalled",
    "brand": f"metafield/{_CRUD}",
    "cart": f"{_CART} metafield/{_CRUD} lineItem/{_CRUD}",
    "category": f"{_CRUD} metafield/{_CRUD}",
    "channel": f"created|updated metafield/{_CRUD}",
    "customer": f"{_CRUD} address/{_CRUD} payment/instrument/default/updated channel/login/access/updated",
    "hook": "deliveryException",
    "information": "updated",
    "inventory": f"location/created|updated location/metafield/{_CRUD}",
    "metafield": _CRUD,
    "modifier": "updated",
    "option": "updated",
    "order": f"{_ORDER} transaction/created|updated metafield/{_CRUD}",
    "priceList": f"{_CRUD}|activated|deactivated record/{_CRUD} records/{_CRUD} assignment/updated|deleted",
    "priceLists": "deleted",
    "product": f"{_CRUD} inventory/updated inventory/order/updated metafield/{_CRUD} variant/metafield/{_CRUD}",
    "shipment": _CRUD,
    "sku": f"{_CRUD} inventory/updated inventory/order/updated",
    "subscriber": _CRUD,
}
# Below store/channel/<id>/.
_CHANNEL = {
    "cart": f"{_CART} lineItem/{_CRUD}",
    "category": f"{_CRUD} product/assigned|unassigned",
    "categoryTree": "updated",
    "email": "templates/updated|deleted",
    "notifications": "abandonedCart/updated inventory/updated",
    "order": _ORDER,
    "page": "created|updated",
    "product": "assigned|unassigned",
    "script": "created|updated",
    "settings": "emailStatus/updated|deleted route/updated currency/updated profile/updated logo/updated"
    " locale/added|updated|deleted logo/image/updated favicon/image/updated checkout/updated SEO/updated"
    " robots/updated category/updated product/updated catalog/updated security/updated searchContextFilters/updated"
    " defaultCustomerGroup/updated customerPrivacy/updated site/updated site/checkoutUrl/updated|deleted",
    "socialMediaLinks": "updated",
    "theme": "configuration/created|activated",
}
# Below store/channel/*/, for the stock belongs to all channels together.
_ALL_CHANNELS = {"inventory": "product/stock_changed|low_stock_reached|out_of_stock_reached|settings_changed"}
_ONE_CHANNEL = re.compile(r"store/channel/[0-9]+/")


def is_known(scope: str) -> bool:
    """Whether a webhook may be made for a scope: an event, or the beginning of some with ``/*`` after it."""
    return _ONE_CHANNEL.sub("store/channel/0/", scope) in _known()


def hears(scope: str, event: str) -> bool:
    """Whether a webhook for a scope is sent an event."""
    return _pattern(scope).fullmatch(event) is not None


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    roots = {"store": _STORE, "store/channel/0": _CHANNEL, "store/channel/*": _ALL_CHANNELS}
    return frozenset(
        name for root, families in roots.items() for event in _events(families) for name in _with_wildcards(root, event)
    )


def _events(families: dict[str, str]) -> Iterator[str]:
    for family, texts in families.items():
        for text in texts.split():
            way, _, last = text.rpartition("/")
            yield from ("/".join(filter(None, (family, way, name))) for name in last.split("|"))


def _with_wildcards(root: str, event: str) -> Iterator[str]:
    yield f"{root}/{event}"
    parts = event.split("/")
    yield from (f"{root}/{'/'.join(parts[:count])}/*" for count in range(1, len(parts)))


@lru_cache(maxsize=1024)
def _pattern(scope: str) -> re.Pattern[str]:
    parts = ["[^/]+" if part == "*" else re.escape(part) for part in scope.removesuffix("/*").split("/")]
    return re.compile("/".join(parts) + ("/.+" if scope.endswith("/*") else ""))
