"""The shape of orders: every documented field, around the few values in which orders differ."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from .catalog import link
from .holes import Holes, fill, quoted, template
from .rows import Json, encode, to_json

_SIDES = ("ex_tax", "inc_tax", "tax")
_CONSTANT: Json = {
    "channel_id": 1, "currency_id": 1, "currency_code": "USD", "currency_exchange_rate": "1.0000000000",
    "default_currency_id": 1, "default_currency_code": "USD", "store_default_currency_code": "USD",
    "store_default_to_transactional_exchange_rate": "1.0000000000", "customer_locale": "en",
    "base_handling_cost": "0.0000", "handling_cost_ex_tax": "0.0000", "handling_cost_inc_tax": "0.0000",
    "handling_cost_tax": "0.0000", "handling_cost_tax_class_id": 2, "base_wrapping_cost": "0.0000",
    "wrapping_cost_ex_tax": "0.0000", "wrapping_cost_inc_tax": "0.0000", "wrapping_cost_tax": "0.0000",
    "wrapping_cost_tax_class_id": 3, "shipping_cost_tax_class_id": 2, "discount_amount": "0.0000",
    "coupon_discount": "0.0000", "refunded_amount": "0.0000", "store_credit_amount": "0.0000",
    "gift_certificate_amount": "0.0000", "order_is_digital": False, "is_deleted": False, "is_email_opt_in": False,
    "is_tax_inclusive_pricing": False, "ebay_order_id": "0", "order_source": "www", "external_source": None,
    "external_id": None, "external_order_id": "", "external_merchant_id": None, "tax_provider_id": "BasicTaxProvider",
    "staff_notes": "", "customer_message": "", "ip_address_v6": "", "payment_provider_id": None,
    "credit_card_type": None, "backorder_shipping_expectation_message": None, "shipping_address_count": 1,
}  # fmt: skip
_OWN = (
    "customer_id", "ip_address", "date_created", "date_modified", "date_shipped", "status_id", "status", "items_total",
    "items_shipped", "payment_method", "payment_status", "cart_id",
    *(f"{name}_{side}" for name in ("subtotal", "shipping_cost", "total") for side in _SIDES),
)  # fmt: skip
_ADDRESS = ("first_name", "last_name", "street_1", "city", "zip", "country", "country_iso2", "email")
_NO_ADDRESS = {"company": "", "street_2": "", "state": "", "phone": ""}


def order_of(values: Mapping[str, Any]) -> Json:
    """One order as ``GET /v2/orders/{id}`` gives it."""
    order_id = values["id"]
    return {
        "id": order_id,
        **_CONSTANT,
        **{name: values[name] for name in _OWN},
        "billing_address": {**{name: values[name] for name in _ADDRESS}, **_NO_ADDRESS, "form_fields": []},
        "geoip_country": values["country"],
        "geoip_country_iso2": values["country_iso2"],
        "base_shipping_cost": values["shipping_cost_ex_tax"],
        "custom_status": values["status"],
        "fees": [],
        **{name: link(f"orders/{order_id}/{name}") for name in ("products", "coupons")},
        # The link spells it in one word, the route with an underscore.
        "shipping_addresses": link(f"orders/{order_id}/shippingaddresses"),
    }


def order_json(values: Mapping[str, str | int], lines: str | None) -> bytes:
    """The same order as JSON, with consignments around the JSON of its lines if there is any."""
    return (_template(lines is not None) % {**quoted(values), "lines": lines}).encode()


def changed_json(order: Json, lines: str | None) -> bytes:
    """Any order as JSON, with consignments around the JSON of its lines if there is any."""
    return encode(order) if lines is None else fill(_consigned(order, Holes()["lines"]), "lines", lines)


def lines_link(order_id: int) -> str:
    """The JSON that stands for the lines where only the consignments were asked for."""
    return to_json(link(f"orders/{order_id}/consignments/shipping/{order_id}/line_items"))


@lru_cache
def _template(consigned: bool) -> str:
    order = order_of(Holes())
    return template(_consigned(order, Holes()["lines"]) if consigned else order)


def _consigned(order: Json, lines: Any) -> Json:
    """An order with what ``include`` and ``consignment_structure=object`` add to it."""
    shipping = {
        "id": order["id"],
        **{name: value for name, value in order["billing_address"].items() if name != "form_fields"},
        **{name: order[name] for name in ("items_total", "items_shipped")},
        "shipping_method": "Fixed",
        "base_cost": order["base_shipping_cost"],
        **{f"cost_{side}": order[f"shipping_cost_{side}"] for side in _SIDES},
        "line_items": lines,
    }
    parts = {"pickups": [], "shipping": [shipping], "downloads": [], "email": {"gift_certificates": []}}
    return {**order, "consignments": parts}
