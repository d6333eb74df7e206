"""The store's routes: v2 for both kinds of accounts, v3 for token accounts."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from aiohttp import web

from .accounts import STORE_HASH
from .catalog import LINK_HOST, customer_v3, product_v3
from .query import CUSTOMERS, ORDERS, PRODUCTS, BadParameterError, Listing, TooManyError, paging, select
from .replies import error_reply, json_reply, list_reply, not_found, page_reply, raw_reply
from .rows import Json, Row, Table, encode
from .shop import Shop
from .statuses import STATUSES

_Handler = Callable[[web.Request], Coroutine[Any, Any, web.Response]]
_V2 = ("/api/v2", "/stores/{hash}/v2")
_V3 = "/stores/{hash}/v3"


def routes(shop: Shop) -> list[web.RouteDef]:
    """All routes. There is none that deletes a whole collection."""
    orders, lists = _Orders(shop), _Lists(shop)
    v2 = [route for prefix in _V2 for route in [*_order_routes(prefix, orders), *_list_routes(prefix, lists)]]
    return [
        *v2,
        web.get(f"{_V3}/catalog/products", lists.envelope(shop.products, product_v3)),
        web.get(f"{_V3}/customers", lists.envelope(shop.customers, customer_v3)),
    ]


def answer_errors(request: web.Request, error: Exception) -> web.Response:
    """The answer to what a request's parameters or address did wrong; any other error is raised again."""
    match error:
        case BadParameterError():
            return error_reply(request.path, 400, str(error))
        case TooManyError():
            return error_reply(request.path, 413, str(error))
        case web.HTTPNotFound():
            return not_found(request.path)
        case web.HTTPException():
            answer = error_reply(request.path, error.status, error.reason)
            answer.headers.update({name: value for name, value in error.headers.items() if name == "Allow"})
            return answer
    raise error


def _order_routes(prefix: str, orders: _Orders) -> list[web.RouteDef]:
    one = rf"{prefix}/orders/{{id:\d+}}"
    return [
        web.get(f"{prefix}/orders", orders.list),
        web.post(f"{prefix}/orders", orders.create),
        web.get(f"{prefix}/orders/count", orders.count),
        web.get(one, orders.get),
        web.put(one, orders.change),
        web.delete(one, orders.archive),
        web.get(f"{one}/products", orders.lines),
        web.get(f"{prefix}/order_statuses", orders.statuses),
    ]


def _list_routes(prefix: str, lists: _Lists) -> list[web.RouteDef]:
    shop = lists.shop
    found = [web.get(f"{prefix}/time", lists.time), web.get(f"{prefix}/store", lists.store)]
    for name, table, listing in (("customers", shop.customers, CUSTOMERS), ("products", shop.products, PRODUCTS)):
        found += [
            web.get(f"{prefix}/{name}", lists.rows(table, listing)),
            web.get(f"{prefix}/{name}/count", lists.count(table)),
            web.get(rf"{prefix}/{name}/{{id:\d+}}", lists.row(table)),
        ]
    return found


class _Orders:
    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def list(self, request: web.Request) -> web.Response:
        """GET orders."""
        include = _include(request)
        with self._shop.lock:
            found = select(self._shop.orders, ORDERS, request.query, self._shop.settings.inclusive, self._listed())
            return list_reply([self._shop.encoded(row, include) for row in found])

    async def count(self, request: web.Request) -> web.Response:
        """GET orders/count, which knows no filters."""
        with self._shop.lock:
            return json_reply(200, self._shop.order_count())

    async def get(self, request: web.Request) -> web.Response:
        """GET orders/{id}."""
        with self._shop.lock:
            row = self._row(request)
            return raw_reply(200, self._shop.encoded(row, _include(request)))

    async def create(self, request: web.Request) -> web.Response:
        """POST orders."""
        fields = await _fields(request)
        with self._shop.lock:
            return json_reply(201, self._shop.add_order(fields))

    async def change(self, request: web.Request) -> web.Response:
        """PUT orders/{id}."""
        fields = await _fields(request)
        with self._shop.lock:
            if "products" in fields:
                # A silent 200 would be a lie: lines change only by add_order here.
                raise BadParameterError("products")
            return json_reply(200, self._shop.change_order(self._row(request).id, fields))

    async def archive(self, request: web.Request) -> web.Response:
        """DELETE orders/{id}."""
        with self._shop.lock:
            self._shop.archive_order(self._row(request).id)
        return web.Response(status=204)

    async def lines(self, request: web.Request) -> web.Response:
        """GET orders/{id}/products."""
        page, limit = paging(request.query)
        with self._shop.lock:
            lines = self._shop.lines(self._row(request).id)
            return list_reply([encode(line) for line in lines[(page - 1) * limit : page * limit]])

    async def statuses(self, request: web.Request) -> web.Response:
        """GET order_statuses."""
        return list_reply([encode({**status, "order": status["id"]}) for status in STATUSES])

    def _row(self, request: web.Request) -> Row:
        return _row(self._shop.orders, request)

    def _listed(self) -> Callable[[Row], bool] | None:
        # Only a row that was changed can have been archived, so the others need not be made for this.
        return None if self._shop.settings.list_archived else lambda row: not (row.live and row.live["is_deleted"])


class _Lists:
    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    async def time(self, request: web.Request) -> web.Response:
        """GET time."""
        return json_reply(200, {"time": int(self.shop.now())})

    async def store(self, request: web.Request) -> web.Response:
        """GET store."""
        return json_reply(200, _STORE)

    def rows(self, table: Table, listing: Listing) -> _Handler:
        """GET of a v2 list."""

        async def handler(request: web.Request) -> web.Response:
            with self.shop.lock:
                found = select(table, listing, request.query, self.shop.settings.inclusive)
                return list_reply([row.encoded() for row in found])

        return handler

    def row(self, table: Table) -> _Handler:
        """GET of one row."""

        async def handler(request: web.Request) -> web.Response:
            with self.shop.lock:
                return raw_reply(200, _row(table, request).encoded())

        return handler

    def count(self, table: Table) -> _Handler:
        """GET of a v2 count."""

        async def handler(request: web.Request) -> web.Response:
            return json_reply(200, {"count": len(table)})

        return handler

    def envelope(self, table: Table, shape: Callable[[Row], Json]) -> _Handler:
        """GET of a v3 list."""

        async def handler(request: web.Request) -> web.Response:
            page, limit = paging(request.query)
            with self.shop.lock:
                rows = [shape(row) for row in select(table, _V3_LISTING, request.query, inclusive=True)]
                return page_reply(rows, page, limit, len(table))

        return handler


_V3_LISTING = Listing(bounds={}, equals={}, sorts={})
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


def _row(table: Table, request: web.Request) -> Row:
    row = table.row(int(request.match_info["id"]))
    if row is None:
        raise web.HTTPNotFound
    return row


def _include(request: web.Request) -> set[str]:
    if request.query.get("consignment_structure") != "object":
        return set()
    return {name for value in request.query.getall("include", []) for name in value.split(",")}


async def _fields(request: web.Request) -> Json:
    try:
        fields = json.loads(await request.read())
    except ValueError:
        raise BadParameterError("body") from None
    if not isinstance(fields, dict):
        raise BadParameterError("body")
    if fields.get("status_id", 0) not in range(len(STATUSES)):
        raise BadParameterError("status_id")
    return fields
