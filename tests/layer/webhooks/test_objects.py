"""Which object each event is about, and how it is read."""

from __future__ import annotations

from typing import Any

import pytest

from storekey import BadAnswer, NotFound
from storekey.webhooks._objects import Route, read, route_of

CART = "09346904-4175-44fd-be53-f7e598531b6c"


@pytest.mark.parametrize(
    ("scope", "data", "version", "path"),
    [
        ("store/order/created", {"type": "order", "id": 250}, "v2", "orders/250"),
        ("store/order/statusUpdated", {"id": 250, "status": {"new_status_id": 2}}, "v2", "orders/250"),
        ("store/order/message/created", {"id": 250, "message": {"order_message_id": 3}}, "v2", "orders/250"),
        ("store/order/refund/created", {"type": "order", "id": 250, "refund": {"refund_id": 1}}, "v2", "orders/250"),
        ("store/channel/7/order/created", {"id": 250}, "v2", "orders/250"),
        ("store/channel/7/order/created", {"order_id": 250, "channel_id": 7}, "v2", "orders/250"),
        ("store/order/transaction/created", {"id": 4, "order_id": 250}, "v2", "orders/250"),
        ("store/order/metafield/created", {"type": "metafield", "id": 9, "resource_id": 250}, "v2", "orders/250"),
        ("store/channel/7/product/assigned", {"product_id": 8, "channel_id": 7}, "v3", "catalog/products/8"),
        ("store/cart/lineItem/created", {"type": "cart_line_item", "id": "l-1", "cartId": CART}, "v3", f"carts/{CART}"),
        ("store/shipment/created", {"type": "shipment", "id": 12, "orderId": 251}, "v2", "orders/251/shipments/12"),
        ("store/shipment/created", {"id": 12, "order_id": 251}, "v2", "orders/251/shipments/12"),
        ("store/product/updated", {"type": "product", "id": 205}, "v3", "catalog/products/205"),
        (
            "store/product/inventory/updated",
            {"id": 167, "inventory": {"product_id": 167}},
            "v3",
            "catalog/products/167",
        ),
        (
            "store/sku/created",
            {"id": 461, "sku": {"product_id": 205, "variant_id": 509}},
            "v3",
            "catalog/products/205/variants/509",
        ),
        (
            "store/sku/inventory/updated",
            {"id": 461, "inventory": {"product_id": 206, "variant_id": 509}},
            "v3",
            "catalog/products/206/variants/509",
        ),
        (
            "store/channel/1/inventory/product/stock_changed",
            {"variant_id": 9, "product_id": 8, "location_id": 1},
            "v3",
            "catalog/products/8/variants/9",
        ),
        ("store/brand/updated", {"id": 3}, "v3", "catalog/brands/3"),
        ("store/subscriber/created", {"id": 5}, "v3", "customers/subscribers/5"),
        ("store/cart/updated", {"id": CART}, "v3", f"carts/{CART}"),
        ("store/information/updated", {}, "v2", "store"),
    ],
)
def test_an_events_object_is_read_by_its_id(scope: str, data: dict[str, Any], version: str, path: str) -> None:
    route = route_of(scope, data)
    assert route
    assert (route.version, route.path, route.filters) == (version, path, ())


@pytest.mark.parametrize(
    ("scope", "data", "route"),
    [
        ("store/customer/created", {"id": 32}, Route("v3", "customers", (("id:in", "32"),))),
        (
            "store/customer/address/created",
            {"type": "customer", "id": 60, "address": {"customer_id": 32}},
            Route("v3", "customers", (("id:in", "32"),)),
        ),
        (
            "store/customer/channel/login/access/updated",
            {"customer_id": 5},
            Route("v3", "customers", (("id:in", "5"),)),
        ),
        ("store/category/created", {"id": 6}, Route("v3", "catalog/trees/categories", (("category_id:in", "6"),))),
    ],
)
def test_where_no_route_gives_one_object_a_list_of_one_does(scope: str, data: dict[str, Any], route: Route) -> None:
    assert route_of(scope, data) == route


@pytest.mark.parametrize(
    ("scope", "data"),
    [
        ("store/app/uninstalled", {"type": "app", "id": 1}),
        ("store/pricelist/created", {"id": 1}),
        ("store/order/created", {}),
        ("store/order/created", [{"id": 1}]),
        ("store/metafield/created", {"metafield_id": 1, "resource_id": "250"}),
        ("store/product/variant/metafield/created", {"metafield_id": 12, "resource_id": "118"}),
        ("store/product/metafield/created", {"resource_type": "variant", "resource_id": "118"}),
        ("store/customer/address/deleted", {"id": 60, "address": {}}),
        ("store/order/created", {"id": True}),
        ("store/order/created", {"id": None}),
        ("store/order/created", {"id": "../store"}),
        ("store/order/created", {"id": "count"}),
        ("store/order/created", {"id": -1}),
        ("store/order/created", {"id": "1?x=1"}),
        ("store/order/created", {"id": [1]}),
        ("store/order/created", {"id": 1.5}),
        ("store/order/created", {"id": "9" * 65}),
        ("store/shipment/created", {"id": 1}),
        ("store/sku/created", {"id": 1, "sku": 7}),
        ("store", {"id": 1}),
        ("", {"id": 1}),
    ],
)
def test_what_names_no_object_reads_nothing(scope: str, data: Any) -> None:
    assert route_of(scope, data) is None


class Answers:
    """A store that gives one answer to everything."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.v3 = self

    def get(self, path: str, params: dict[str, str]) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("version", "answer", "found"),
    [
        ("v2", {"id": 1, "data": {"own": 1}}, {"id": 1, "data": {"own": 1}}),
        ("v2", NotFound("gone"), None),
        ("v3", {"data": {"id": 1}, "meta": {}}, {"id": 1}),
        ("v3", {"id": 1}, {"id": 1}),
        ("v3", NotFound("gone"), None),
    ],
)
def test_an_object_is_taken_out_of_its_envelope_or_gone(version: Any, answer: Any, found: Any) -> None:
    store: Any = Answers(answer)
    assert read(store, Route(version, "orders/1")) == found


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ({"data": [{"id": 1}], "meta": {}}, {"id": 1}),
        ({"data": [{"id": 2}, {"id": "1"}], "meta": {}}, {"id": "1"}),
        ([{"id": 1}], {"id": 1}),
        ({"data": [], "meta": {}}, None),
        ([], None),
        (NotFound("gone"), None),
    ],
)
def test_an_object_is_the_one_of_its_id_in_a_list_or_gone(answer: Any, found: Any) -> None:
    store: Any = Answers(answer)
    assert read(store, Route("v3", "customers", (("id:in", "1"),))) == found


@pytest.mark.parametrize("answer", [None, [], [{"id": 1}], {"data": None}, {"data": []}, {"data": [{"id": 1}]}, "1"])
def test_what_is_neither_the_object_nor_404_calls_nothing_gone(answer: Any) -> None:
    store: Any = Answers(answer)
    with pytest.raises(BadAnswer, match=r"GET catalog/products/1: the answer is not the object that was asked for"):
        read(store, Route("v3", "catalog/products/1"))


@pytest.mark.parametrize("answer", [None, {"data": None}, {"data": [{"id": 2}]}, {"data": {"id": 1}}, {"data": [7]}])
def test_a_list_that_ignores_its_filter_calls_nothing_gone_and_gives_nobody_elses_object(answer: Any) -> None:
    store: Any = Answers(answer)
    with pytest.raises(BadAnswer):
        read(store, Route("v3", "customers", (("id:in", "1"),)))
