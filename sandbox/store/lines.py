"""Makes the lines of orders, as objects and as the same JSON for much less."""

from __future__ import annotations

from functools import lru_cache

from .catalog import money, price_of, taxed
from .rows import Json, to_json

_CONSTANT: Json = {
    "order_pickup_method_id": 0, "type": "physical", "base_wrapping_cost": "0.0000", "wrapping_cost_ex_tax": "0.0000",
    "wrapping_cost_inc_tax": "0.0000", "wrapping_cost_tax": "0.0000", "wrapping_id": 0, "wrapping_name": "",
    "wrapping_message": "", "weight": "0.5000", "width": "0.0000", "height": "0.0000", "depth": "0.0000",
    "cost_price_inc_tax": "0.0000", "cost_price_ex_tax": "0.0000", "cost_price_tax": "0.0000", "is_refunded": False,
    "quantity_refunded": 0, "refund_amount": "0.0000", "return_id": 0, "fixed_shipping_cost": "0.0000",
    "ebay_item_id": "", "ebay_transaction_id": "", "option_set_id": None, "parent_order_product_id": None,
    "is_bundled_product": False, "bin_picking_number": "", "external_id": None, "fulfillment_source": "", "brand": "",
    "gift_certificate_id": None, "variant_id": 0,
}  # fmt: skip


def first_line_id(order_id: int) -> int:
    """The id of an order's first line; the others follow it."""
    return order_id * 100


def line(order_id: int, line_id: int, product_id: int, quantity: int) -> Json:
    """One line of an order as ``GET /v2/orders/{id}/products`` gives it."""
    place = {"id": line_id, "order_id": order_id, "order_address_id": order_id}
    return {**place, **_goods(product_id, quantity)}


def line_json(order_id: int, line_id: int, product_id: int, quantity: int) -> str:
    """The same line as JSON."""
    return f'{{"id":{line_id},"order_id":{order_id},"order_address_id":{order_id},{_goods_json(product_id, quantity)}'


def given_lines(order_id: int, given: list[Json]) -> list[Json]:
    """Whole lines from what somebody says of them. One with an ``id`` keeps it, the others get the next free ones."""
    taken = {entry["id"] for entry in given if "id" in entry}
    free = max([first_line_id(order_id) - 1, *taken]) + 1
    lines = []
    for entry in given:
        line_id = entry.get("id", free)
        free += line_id == free
        lines.append({**line(order_id, line_id, entry.get("product_id", 0), entry.get("quantity", 1)), **entry})
    return sorted(lines, key=lambda made: int(made["id"]))


def _goods(product_id: int, quantity: int) -> Json:
    price = price_of(product_id)
    return {
        "product_id": product_id,
        "name": f"Product {product_id}",
        "name_customer": f"Product {product_id}",
        "name_merchant": f"Product {product_id}",
        "sku": f"SKU-{product_id}",
        "upc": "",
        "quantity": quantity,
        "quantity_shipped": 0,
        **_CONSTANT,
        "base_price": money(price),
        **taxed("price", price),
        "base_total": money(price * quantity),
        **taxed("total", price * quantity),
        "applied_discounts": [],
        "product_options": [],
        "configurable_fields": [],
    }


@lru_cache(maxsize=4096)
def _goods_json(product_id: int, quantity: int) -> str:
    return to_json(_goods(product_id, quantity)).removeprefix("{")
