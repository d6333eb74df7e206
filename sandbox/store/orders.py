"""Makes orders and their lines: every documented field, the same values for the same seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .catalog import EPOCH, SPAN, link, money, price_of, scatter
from .dates import rfc_2822
from .rows import Json
from .statuses import STATUSES

_DAY = 86_400
_COUNTRIES = (("Germany", "DE"), ("France", "FR"), ("United States", "US"), ("Türkiye", "TR"))
_METHODS = ("Credit Card", "PayPal", "Bank Deposit", "Cash on Delivery")
_SHIPPED = frozenset({2, 4, 10, 14})
# Mostly finished orders, some of each other status.
_STATUS_IDS = (10, 10, 10, 10, 10, 10, 2, 2, 11, 11, 9, 7, *range(15))
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
    "credit_card_type": None, "backorder_shipping_expectation_message": None,
}  # fmt: skip
_LINE_CONSTANT: Json = {
    "order_pickup_method_id": 0, "type": "physical", "base_wrapping_cost": "0.0000", "wrapping_cost_ex_tax": "0.0000",
    "wrapping_cost_inc_tax": "0.0000", "wrapping_cost_tax": "0.0000", "wrapping_id": 0, "wrapping_name": "",
    "wrapping_message": "", "weight": "0.5000", "width": "0.0000", "height": "0.0000", "depth": "0.0000",
    "cost_price_inc_tax": "0.0000", "cost_price_ex_tax": "0.0000", "cost_price_tax": "0.0000", "is_refunded": False,
    "quantity_refunded": 0, "refund_amount": "0.0000", "return_id": 0, "fixed_shipping_cost": "0.0000",
    "ebay_item_id": "", "ebay_transaction_id": "", "option_set_id": None, "parent_order_product_id": None,
    "is_bundled_product": False, "bin_picking_number": "", "external_id": None, "fulfillment_source": "", "brand": "",
    "gift_certificate_id": None, "variant_id": 0,
}  # fmt: skip


@dataclass(frozen=True)
class OrderMaker:
    """Makes ``count`` orders from ``first`` on, spread evenly over the months after ``EPOCH``."""

    seed: int
    first: int
    count: int
    customers: range
    products: range

    def created(self, row_id: int) -> float:
        """Unix seconds, rising with the id."""
        return EPOCH + (row_id - self.first) * SPAN // max(1, self.count)

    def modified(self, row_id: int) -> float:
        """Unix seconds, up to six days after the creation; one order in eight by a nightly job, so in one second."""
        noise = scatter(self.seed, row_id)
        at = self.created(row_id) + noise % (5 * _DAY)
        return at if noise % 8 else (at // _DAY + 1) * _DAY

    def status_id(self, row_id: int) -> int:
        """The status, without the order."""
        return int(_STATUS_IDS[scatter(self.seed + 2, row_id) % len(_STATUS_IDS)])

    def make(self, row_id: int) -> Json:
        """One order as ``GET /v2/orders/{id}`` gives it."""
        noise = scatter(self.seed + 2, row_id)
        status = STATUSES[self.status_id(row_id)]
        picks = self._picks(row_id)
        items = sum(quantity for _, quantity in picks)
        shipped = status["id"] in _SHIPPED
        return {
            "id": row_id,
            **_CONSTANT,
            **self._customer(row_id, noise >> 8),
            **_totals(picks),
            "date_created": rfc_2822(self.created(row_id)),
            "date_modified": rfc_2822(self.modified(row_id)),
            "date_shipped": rfc_2822(self.modified(row_id)) if shipped else "",
            "status_id": status["id"],
            "status": status["name"],
            "custom_status": status["custom_label"],
            "items_total": items,
            "items_shipped": items if shipped else 0,
            "shipping_address_count": 1,
            "payment_method": _METHODS[noise % 4],
            "payment_status": "captured" if shipped else "",
            "cart_id": f"{noise:08x}{row_id:024x}",
            "fees": [],
            **{name: link(f"orders/{row_id}/{name}") for name in ("products", "coupons")},
            # The link spells it in one word, the route with an underscore.
            "shipping_addresses": link(f"orders/{row_id}/shippingaddresses"),
        }

    def lines(self, row_id: int) -> list[Json]:
        """All lines of an order as ``GET /v2/orders/{id}/products`` gives them."""
        return [self.line(row_id, place, *pick) for place, pick in enumerate(self._picks(row_id))]

    def line(self, order_id: int, place: int, product_id: int, quantity: int) -> Json:
        """One line of an order."""
        price = price_of(product_id)
        return {
            "id": order_id * 100 + place,
            "order_id": order_id,
            "product_id": product_id,
            "order_address_id": order_id,
            "name": f"Product {product_id}",
            "name_customer": f"Product {product_id}",
            "name_merchant": f"Product {product_id}",
            "sku": f"SKU-{product_id}",
            "upc": "",
            "quantity": quantity,
            "quantity_shipped": 0,
            **_LINE_CONSTANT,
            **_taxed("price", price),
            **_taxed("total", price * quantity),
            "applied_discounts": [],
            "product_options": [],
            "configurable_fields": [],
        }

    def _picks(self, row_id: int) -> list[tuple[int, int]]:
        noise = scatter(self.seed + 1, row_id)
        # One order in forty has more lines than fit on a default page.
        count = 60 if noise % 40 == 0 else 1 + noise % 4
        step = noise // 64
        return [
            (self.products.start + (step + 7 * place) % max(1, len(self.products)), 1 + (step + place) % 3)
            for place in range(count)
        ]

    def _customer(self, row_id: int, noise: int) -> Json:
        guest = not self.customers or noise % 8 == 0
        number = 0 if guest else self.customers[noise % len(self.customers)]
        country, iso2 = _COUNTRIES[noise % len(_COUNTRIES)]
        address: Json = {
            "first_name": "Guest" if guest else "Customer",
            "last_name": str(row_id if guest else number),
            "company": "",
            "street_1": f"Street {1 + row_id % 90}",
            "street_2": "",
            "city": "Zürich" if row_id % 50 == 0 else "City",
            "state": "",
            "zip": f"{10_000 + row_id % 80_000}",
            "country": country,
            "country_iso2": iso2,
            "phone": "",
            "email": f"guest{row_id}@example.com" if guest else f"customer{number}@example.com",
            "form_fields": [],
        }
        places: dict[str, Any] = {"geoip_country": country, "geoip_country_iso2": iso2}
        return {"customer_id": number, "billing_address": address, "ip_address": f"192.0.2.{row_id % 256}", **places}


def consignments(order: Json, lines: list[Json], with_lines: bool) -> Json:
    """The ``consignments`` object that ``include`` with ``consignment_structure=object`` adds to an order.

    Its lines are the objects themselves, or a link if only the consignments were asked for.
    """
    path = f"orders/{order['id']}/consignments/shipping/{order['id']}/line_items"
    shipping = {
        "id": order["id"],
        **{name: value for name, value in order["billing_address"].items() if name != "form_fields"},
        "items_total": order["items_total"],
        "items_shipped": order["items_shipped"],
        "shipping_method": "Fixed",
        "base_cost": order["base_shipping_cost"],
        **{f"cost_{side}": order[f"shipping_cost_{side}"] for side in ("ex_tax", "inc_tax", "tax")},
        "line_items": lines if with_lines else link(path),
    }
    return {"pickups": [], "shipping": [shipping], "downloads": [], "email": {"gift_certificates": []}}


def _totals(picks: list[tuple[int, int]]) -> Json:
    subtotal = sum(price_of(product_id) * quantity for product_id, quantity in picks)
    shipping = 500 if subtotal < 10_000 else 0
    return {
        **_taxed("subtotal", subtotal, base=False),
        "base_shipping_cost": money(shipping),
        **_taxed("shipping_cost", shipping, base=False),
        **_taxed("total", subtotal + shipping, base=False),
    }


def _taxed(name: str, cents: int, base: bool = True) -> Json:
    tax = cents // 10
    sides = {f"{name}_ex_tax": money(cents), f"{name}_inc_tax": money(cents + tax), f"{name}_tax": money(tax)}
    return {f"base_{name}": money(cents), **sides} if base else sides
