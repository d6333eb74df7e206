"""The routes of v2, for both kinds of accounts."""

from __future__ import annotations

import json
from collections.abc import Iterator

from .accounts import STORE_HASH
from .calls import Call, NotFoundError, Routes
from .catalog import LINK_HOST
from .parameters import BadParameterError, included, paging
from .query import CUSTOMERS, ORDERS, PRODUCTS, Listing, Select
from .replies import Reply, json_reply, list_reply
from .rows import Json, Row, Table, encode
from .shop import Shop
from .statuses import STATUSES


def v2_routes(shop: Shop) -> Routes:
    """All routes of v2. There is none that deletes a whole collection."""
    orders = _Orders(shop)
    return {
        "v2/time": {"GET": lambda call: json_reply(200, {"time": int(shop.now())})},
        "v2/store": {"GET": lambda call: json_reply(200, _STORE)},
        "v2/order_statuses": {"GET": lambda call: list_reply(_STATUSES)},
        "v2/orders": {"GET": orders.list, "POST": orders.create},
        "v2/orders/count": {"GET": orders.count},
        "v2/orders/{id}": {"GET": orders.get, "PUT": orders.change, "DELETE": orders.archive},
        "v2/orders/{id}/products": {"GET": orders.lines},
        "v2/orders/{id}/shipments": {"GET": orders.shipments},
        "v2/orders/{id}/shipments/{id}": {"GET": orders.shipment},
        **_list_routes("customers", shop, shop.customers, CUSTOMERS),
        **_list_routes("products", shop, shop.products, PRODUCTS),
    }


def _list_routes(name: str, shop: Shop, table: Table, listing: Listing) -> Routes:
    def rows(call: Call) -> Reply:
        select = Select(listing, call.params, shop.settings.inclusive)
        return list_reply([row.written(encode) for row in select.page(table, shop.settings.page_cap)])

    def count(call: Call) -> Reply:
        return json_reply(200, {"count": sum(1 for _ in _counted(shop, table, listing, call))})

    def one(call: Call) -> Reply:
        return Reply(200, _row(table, call).written(encode))

    return {f"v2/{name}": {"GET": rows}, f"v2/{name}/count": {"GET": count}, f"v2/{name}/{{id}}": {"GET": one}}


class _Orders:
    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def list(self, call: Call) -> Reply:
        """GET orders."""
        shop, settings, inline = self._shop, self._shop.settings, self._shop.inline(_include(call))
        select = Select(ORDERS, call.params, settings.inclusive, None if settings.list_archived else shop.listed)
        caps = settings.page_cap, settings.include_page_cap if inline else None
        return list_reply([shop.encoded(row, inline) for row in select.page(shop.orders, *caps)])

    def count(self, call: Call) -> Reply:
        """GET orders/count, with archived orders, whether they are listed or not."""
        return json_reply(200, self._shop.order_count(_counted(self._shop, self._shop.orders, ORDERS, call)))

    def get(self, call: Call) -> Reply:
        """GET orders/{id}."""
        return Reply(200, self._shop.encoded(self._row(call), self._shop.inline(_include(call))))

    def create(self, call: Call) -> Reply:
        """POST orders."""
        return json_reply(201, self._shop.add_order(_fields(call)))

    def change(self, call: Call) -> Reply:
        """PUT orders/{id}."""
        fields, row = _fields(call), self._row(call)
        if "products" in fields:
            # A silent 200 would be a lie: lines change only by set_lines here.
            raise BadParameterError("products")
        self._shop.change_orders([row.id], fields)
        return Reply(200, self._shop.encoded(row, None))

    def archive(self, call: Call) -> Reply:
        """DELETE orders/{id}."""
        self._shop.archive_order(self._row(call).id)
        return Reply(204)

    def lines(self, call: Call) -> Reply:
        """GET orders/{id}/products."""
        page, limit = paging(call.params, self._shop.settings.page_cap)
        lines = self._shop.lines_json(self._row(call).id)
        return list_reply([line.encode() for line in lines[(page - 1) * limit : page * limit]])

    def shipments(self, call: Call) -> Reply:
        """GET orders/{id}/shipments."""
        page, limit = paging(call.params, self._shop.settings.page_cap)
        shipments = list(self._shop.shipments.of(self._row(call).id).values())
        return list_reply([encode(shipment) for shipment in shipments[(page - 1) * limit : page * limit]])

    def shipment(self, call: Call) -> Reply:
        """GET orders/{id}/shipments/{id}."""
        shipment = self._shop.shipments.of(self._row(call).id).get(call.sub_id)
        if shipment is None:
            raise NotFoundError
        return json_reply(200, shipment)

    def _row(self, call: Call) -> Row:
        return _row(self._shop.orders, call)


def _row(table: Table, call: Call) -> Row:
    try:
        return table.row(call.id)
    except KeyError:
        raise NotFoundError from None


def _counted(shop: Shop, table: Table, listing: Listing, call: Call) -> Iterator[Row]:
    if not shop.settings.count_filters:
        return table.rows()
    return Select(listing, call.params, shop.settings.inclusive).all(table)


def _include(call: Call) -> set[str]:
    return included(call.params) if call.params.get("consignment_structure") == "object" else set()


def _fields(call: Call) -> Json:
    try:
        fields = json.loads(call.body)
    except ValueError:
        raise BadParameterError("body") from None
    if not isinstance(fields, dict):
        raise BadParameterError("body")
    if fields.get("status_id", 0) not in range(len(STATUSES)):
        raise BadParameterError("status_id")
    return fields


_STATUSES = [encode({**status, "order": status["id"]}) for status in STATUSES]
_STORE: Json = {
    "id": STORE_HASH,
    "store_id": 1025646,
    "domain": LINK_HOST,
    "secure_url": f"https://{LINK_HOST}",
    "control_panel_base_url": f"https://{LINK_HOST}",
    "status": "live",
    "name": "Sandbox",
    "first_name": "Store",
    "last_name": "Owner",
    "admin_email": "owner@example.com",
    "order_email": "orders@example.com",
    "timezone": {"name": "Etc/UTC", "raw_offset": 0, "dst_offset": 0, "dst_correction": False},
    "language": "en",
    "currency": "USD",
    "currency_symbol": "$",
    "decimal_separator": ".",
    "thousands_separator": ",",
    "decimal_places": "2",
    "weight_units": "KGS",
    "plan_name": "Plus",
    "plan_level": "Plus",
    "plan_is_trial": False,
    "logo": [],
    "features": {"stencil_enabled": True},
    "default_channel_id": 1,
    "infrastructure_region": "us-central1",
}
