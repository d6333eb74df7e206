"""The routes of v3, for token accounts: lists in an envelope, with pages and, for customers, cursors."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left, bisect_right

from .calls import Call, NotFoundError, Routes
from .catalog import customer_v3, product_v3, variant_v3
from .parameters import BadParameterError, Params, included, paging, parsed
from .query_v3 import CUSTOMERS_V3, PRODUCTS_V3
from .replies import Reply, json_reply, page_reply, pagination
from .rows import Json, encode
from .shop import Shop

_WITH_OPTIONS_CAP = 10


def v3_routes(shop: Shop) -> Routes:
    """All routes of v3."""
    lists = _Lists(shop)
    return {
        "v3/customers": {"GET": lists.customers},
        "v3/catalog/products": {"GET": lists.products},
        "v3/catalog/products/{id}": {"GET": lists.product},
        "v3/catalog/products/{id}/variants/{id}": {"GET": lists.variant},
    }


class _Lists:
    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def customers(self, call: Call) -> Reply:
        """GET customers. The first page says both how to go on by page and how to go on by cursor."""
        shop, params = self._shop, call.params
        page, limit = paging(params, shop.settings.page_cap)
        ids = CUSTOMERS_V3.select(shop.customers, params, shop.now())
        turned = CUSTOMERS_V3.sorted(params)
        if "after" in params or "before" in params:
            if turned:
                # A cursor is a position among the ids, and nobody documents what it is in another order.
                raise BadParameterError("sort")
            start, stop = _cut(ids, params, limit)
            return self._customers(ids[start:stop], {"cursor_pagination": _cursors(ids, start, stop, limit)})
        start, stop = (page - 1) * limit, min(page * limit, len(ids))
        meta = {"pagination": pagination(len(ids), page, limit)}
        if page == 1 and not turned:
            meta["cursor_pagination"] = _cursors(ids, start, stop, limit)
        return self._customers(ids[start:stop], meta)

    def products(self, call: Call) -> Reply:
        """GET catalog/products. Asking for options or modifiers makes the pages small."""
        shop, params = self._shop, call.params
        options = not included(params).isdisjoint({"options", "modifiers"})
        page, limit = paging(params, shop.settings.page_cap, _WITH_OPTIONS_CAP if options else None)
        ids = PRODUCTS_V3.select(shop.products, params, shop.now())
        rows = [shop.products.row(row_id).written(_product) for row_id in ids[(page - 1) * limit : page * limit]]
        return page_reply(rows, {"pagination": pagination(len(ids), page, limit)})

    def product(self, call: Call) -> Reply:
        """GET catalog/products/{id}."""
        return json_reply(200, {"data": product_v3(self._product(call.id)), "meta": {}})

    def variant(self, call: Call) -> Reply:
        """GET catalog/products/{id}/variants/{id}."""
        product = self._product(call.id)
        if call.sub_id != call.id:
            raise NotFoundError
        return json_reply(200, {"data": variant_v3(product), "meta": {}})

    def _product(self, row_id: int) -> Json:
        try:
            return self._shop.products.row(row_id).data
        except KeyError:
            raise NotFoundError from None

    def _customers(self, ids: list[int], meta: Json) -> Reply:
        return page_reply([self._shop.customers.row(row_id).written(_customer) for row_id in ids], meta)


def _cut(ids: list[int], params: Params, limit: int) -> tuple[int, int]:
    """Where the page begins and ends that lies after one cursor or before another."""
    if "after" in params and "before" in params:
        raise BadParameterError("before")
    if "after" in params:
        start = bisect_right(ids, parsed(params, "after", _position))
        return start, min(start + limit, len(ids))
    stop = bisect_left(ids, parsed(params, "before", _position))
    return max(0, stop - limit), stop


def _cursors(ids: list[int], start: int, stop: int, limit: int) -> Json:
    rows = ids[start:stop]
    first, last = (_cursor(rows[0]), _cursor(rows[-1])) if rows else (None, None)
    links = {}
    if rows and start > 0:
        links["previous"] = f"?limit={limit}&before={first}"
    if rows and stop < len(ids):
        links["next"] = f"?limit={limit}&after={last}"
    return {"count": len(rows), "per_page": limit, "start_cursor": first, "end_cursor": last, "links": links}


def _cursor(row_id: int) -> str:
    return base64.urlsafe_b64encode(b"id:%d" % row_id).decode()


def _position(cursor: str) -> int:
    try:
        name, _, number = base64.b64decode(cursor, b"-_", validate=True).partition(b":")
    except binascii.Error:
        raise ValueError(cursor) from None
    if name != b"id":
        raise ValueError(cursor)
    return int(number)


def _customer(data: Json) -> bytes:
    return encode(customer_v3(data))


def _product(data: Json) -> bytes:
    return encode(product_v3(data))
