"""Which object an event is about, and how it is read: by its id, as it is now.

An event tells little, may be late, and may come before an older one. What ``data`` holds of each scope: BigCommerce,
"Webhook Events".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from storekey._errors import BadAnswer, NotFound
from storekey._store import Store

_ID = re.compile(r"[0-9]{1,20}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")  # those of carts are UUIDs
_CHANNEL = re.compile(r"store/channel/[^/]+/")


@dataclass(frozen=True)
class Route:
    """Where an object is read. ``filters`` are those of a list that stands in for a route of one object."""

    version: Literal["v2", "v3"]
    path: str
    filters: tuple[tuple[str, str], ...] = ()


class _Data:
    """The ids in an event's ``data``; LookupError where one is missing or none."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data

    def id(self, *names: str) -> str:
        """Return the first of these ids that there is; a dot leads into an object, as in ``sku.product_id``."""
        found = next((value for name in names if (value := self._at(name)) is not None), None)
        if isinstance(found, bool) or not isinstance(found, int | str) or not _ID.fullmatch(str(found)):
            raise LookupError(names[0])
        return str(found)

    def has(self, name: str) -> bool:
        """Tell whether there is such a field."""
        return name in self._data

    def _at(self, name: str) -> Any:
        value: Any = self._data
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value


def _variant(data: _Data) -> Route:
    product = data.id("sku.product_id", "inventory.product_id", "product_id")
    variant = data.id("sku.variant_id", "inventory.variant_id", "variant_id")
    return Route("v3", f"catalog/products/{product}/variants/{variant}")


def _id_of(kind: str, data: _Data) -> str:
    return data.id(f"{kind}_id", "resource_id", "id")


def _customer(data: _Data) -> str:
    return data.id("address.customer_id") if data.has("address") else _id_of("customer", data)


def _shipment(data: _Data) -> Route:
    return Route("v2", f"orders/{data.id('orderId', 'order_id')}/shipments/{data.id('id')}")


# By what follows store/ (or store/channel/<id>/) in the scope.
# Where an event is about a part of an object - a line, a metafield, a transaction - ``id`` is the part's, and another
# name leads to the object.
_ROUTES: Mapping[str, Callable[[_Data], Route]] = {
    "order": lambda data: Route("v2", f"orders/{_id_of('order', data)}"),
    "shipment": _shipment,
    "product": lambda data: Route("v3", f"catalog/products/{_id_of('product', data)}"),
    "sku": _variant,
    "inventory": _variant,
    "category": lambda data: Route("v3", "catalog/trees/categories", (("category_id:in", _id_of("category", data)),)),
    "brand": lambda data: Route("v3", f"catalog/brands/{_id_of('brand', data)}"),
    "customer": lambda data: Route("v3", "customers", (("id:in", _customer(data)),)),
    "subscriber": lambda data: Route("v3", f"customers/subscribers/{data.id('id')}"),
    "cart": lambda data: Route("v3", f"carts/{data.id('cartId', 'cart_id', 'id')}"),
    "information": lambda data: Route("v2", "store"),
}


def route_of(scope: str, data: Any) -> Route | None:
    """Return where an event's object is read; None for a scope or ``data`` that names no object we know how to read."""
    _, family, *event = [*_CHANNEL.sub("store/", scope).split("/"), ""]
    make = _ROUTES.get(family)
    if not isinstance(data, Mapping) or event[:1] == ["variant"] or data.get("resource_type", family) != family:
        return None  # a part's metafield names the part alone
    try:
        return make(_Data(data)) if make else None
    except LookupError:
        return None


def read(store: Store, route: Route) -> dict[str, Any] | None:
    """Return the object as the store has it now, or None where it is gone: 404, or a list that ends without it.

    Raises kinds of StoreError. An answer that is neither the object nor that is BadAnswer: somebody may delete what an
    event calls gone.
    """
    api = store if route.version == "v2" else store.v3
    try:
        answer = api.get(route.path, dict(route.filters))
    except NotFound:
        return None
    found = answer.get("data", answer) if isinstance(answer, dict) and route.version == "v3" else answer
    if not route.filters and isinstance(found, dict):
        return found
    if route.filters and isinstance(found, list):
        rows = [row for row in found if _passes(row, route.filters)]
        if rows or not found:
            return rows[0] if rows else None
    raise BadAnswer("the answer is not the object that was asked for", method="GET", path=route.path, status=200)


def _passes(row: Any, filters: tuple[tuple[str, str], ...]) -> bool:
    return isinstance(row, dict) and all(str(row.get(name.removesuffix(":in"))) == value for name, value in filters)
