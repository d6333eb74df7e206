"""What the views make of the values, each column of a row in the shape of either API."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests import athena

from .written import Exports

AT = "20261124T080000Z"
FOUR = Decimal("0.0001")
EXPORTED: dict[str, Any] = {"run": f"{AT}-incremental", "exported_at": datetime(2026, 11, 24, 8, 0, 0, 250_000)}
CREATED, MODIFIED = datetime(2018, 1, 10, 21, 5, 30), datetime(2026, 11, 24, 7, 58, 1)
V2_DATES = {"date_created": "Wed, 10 Jan 2018 21:05:30 +0000", "date_modified": "Tue, 24 Nov 2026 07:58:01 +0000"}
V3_DATES = {"date_created": "2018-01-10T22:05:30+01:00", "date_modified": "2026-11-24T07:58:01Z"}
DATES = {"date_created": CREATED, "date_modified": MODIFIED}
MONEY = [
    f"{name}_{side}"
    for name in ("subtotal", "shipping_cost", "handling_cost", "wrapping_cost", "total")
    for side in ("ex_tax", "inc_tax", "tax")
] + ["discount_amount", "coupon_discount", "refunded_amount", "store_credit_amount", "gift_certificate_amount"]
AMOUNTS = {name: f"{361 + place}.95{place:02}" for place, name in enumerate(MONEY)}
TEXTS = {
    name: f"the {name}"
    for name in (
        *("status", "custom_status", "payment_method", "payment_status", "currency_code", "default_currency_code"),
        *("order_source", "external_source", "external_id", "external_order_id", "external_merchant_id", "cart_id"),
        *("ip_address", "geoip_country", "geoip_country_iso2", "customer_locale", "staff_notes", "customer_message"),
    )
}
NUMBERS = {"id": 100, "customer_id": 0, "status_id": 11, "channel_id": 1, "items_total": 8, "items_shipped": 3}
FLAGS = {"is_deleted": False, "is_tax_inclusive_pricing": True, "order_is_digital": False}
ADDRESS = {"first_name": "Zoë", "street_1": 'Rue "A"', "form_fields": [{"name": "a", "value": None}]}
LINES = [{"id": 1, "quantity": 2, "base_price": "1.0000", "product_options": []}, {"id": 2, "quantity": 6}]


def only_row(tmp_path: Path, resource: str, row: dict[str, Any], api: str = "v2") -> dict[str, Any]:
    exports = Exports(tmp_path)
    exports.run(resource, AT, [row], api=api)
    (found,) = athena.latest(exports.folder, resource)
    return found


def test_every_column_of_an_order(tmp_path: Path) -> None:
    rest = {"currency_exchange_rate": "1.0987654321", "date_shipped": "Thu, 01 Jan 2026 00:00:00 +0000"}
    row = {**NUMBERS, **TEXTS, **AMOUNTS, **FLAGS, **V2_DATES, **rest, "billing_address": ADDRESS, "_lines": LINES}
    found = only_row(tmp_path, "orders", {**row, "a_field_of_next_year": {"a": 1}})
    lines, address = json.loads(found.pop("lines")), json.loads(found.pop("billing_address"))
    assert (lines, address) == (LINES, ADDRESS)
    money = {name: found.pop(name) for name in MONEY}
    assert money == {name: Decimal(amount) for name, amount in AMOUNTS.items()}
    assert all(amount.as_tuple().exponent == -4 for amount in money.values())
    assert found == {
        **NUMBERS,
        **TEXTS,
        **FLAGS,
        **DATES,
        **EXPORTED,
        "date_shipped": datetime(2026, 1, 1),
        "currency_exchange_rate": Decimal("1.0987654321"),
        "api": "v2",
    }


PRODUCT: dict[str, Any] = {
    **{"id": 77, "name": "Tea", "type": "physical", "sku": "T-1", "upc": "", "description": "<p>Tea</p>"},
    **{"inventory_level": -2, "inventory_warning_level": 5, "inventory_tracking": "simple", "brand_id": 0},
    **{"availability": "available", "condition": "New", "total_sold": 656},
    **{"is_visible": True, "is_featured": False, "is_free_shipping": False},
}
PRICES = ("price", "cost_price", "retail_price", "sale_price", "calculated_price", "weight")


@pytest.mark.parametrize(
    ("api", "prices", "dates"),
    [
        ("v2", ["25.0000", "0.0000", "1234567.8900", "19.9900", "19.9900", "0.5000"], V2_DATES),
        ("v3", [25, 0, 1234567.89, 19.99, 19.99, 0.5], V3_DATES),
    ],
)
def test_every_column_of_a_product_in_either_shape(
    tmp_path: Path, api: str, prices: list[Any], dates: dict[str, str]
) -> None:
    row = {**PRODUCT, **dict(zip(PRICES, prices, strict=True)), **dates, "categories": [2, 23], "images": []}
    found = only_row(tmp_path, "products", row, api)
    amounts = [Decimal(amount).quantize(FOUR) for amount in ("25", "0", "1234567.89", "19.99", "19.99", "0.5")]
    expected = {**PRODUCT, **DATES, **EXPORTED, **dict(zip(PRICES, amounts, strict=True)), "api": api}
    assert found == {**expected, "categories": "[2,23]"}


CUSTOMER = {
    **{"id": 7, "email": "zoë@example.com", "first_name": "Zoë", "last_name": "", "company": "", "phone": "+49 1"},
    **{"customer_group_id": 2, "notes": "a\nb", "tax_exempt_category": "", "registration_ip_address": "192.0.2.7"},
}


def test_every_column_of_a_customer_of_v2(tmp_path: Path) -> None:
    row = {**CUSTOMER, **V2_DATES, "store_credit": "12.5000", "accepts_marketing": True, "addresses": {"url": "u"}}
    found = only_row(tmp_path, "customers", row)
    credit = {"store_credit": Decimal("12.5000"), "accepts_marketing": True}
    elsewhere = {"origin_channel_id": None, "channel_ids": None}
    assert found == {**CUSTOMER, **DATES, **EXPORTED, **credit, **elsewhere, "api": "v2"}


def test_every_column_of_a_customer_of_v3(tmp_path: Path) -> None:
    row = {**CUSTOMER, **V3_DATES, "origin_channel_id": 1, "channel_ids": [1, 2], "authentication": {"a": False}}
    found = only_row(tmp_path, "customers", row, "v3")
    elsewhere = {"store_credit": None, "accepts_marketing": None}
    channels = {"origin_channel_id": 1, "channel_ids": "[1,2]"}
    assert found == {**CUSTOMER, **DATES, **EXPORTED, **channels, **elsewhere, "api": "v3"}


def test_a_customer_who_moved_from_v2_to_v3_is_one_customer(tmp_path: Path) -> None:
    exports = Exports(tmp_path)
    exports.run("customers", AT, [{**CUSTOMER, **V2_DATES}])
    exports.run("customers", "20261124T081500Z", [{**CUSTOMER, **V3_DATES, "notes": "moved"}], api="v3")
    (found,) = athena.latest(tmp_path, "customers")
    assert (found["notes"], found["api"], found["date_created"]) == ("moved", "v3", CREATED)


@pytest.mark.parametrize("value", ["", None, "0000-00-00", "soon", 0, {"a": 1}])
def test_what_is_no_date_is_null_and_hides_no_row(tmp_path: Path, value: Any) -> None:
    found = only_row(tmp_path, "orders", {"id": 100, **V2_DATES, "date_shipped": value})
    assert (found["id"], found["date_shipped"], found["date_created"]) == (100, None, CREATED)


def test_what_is_no_number_or_truth_is_null_and_hides_no_row(tmp_path: Path) -> None:
    odd: dict[str, Any] = {
        "total_inc_tax": "",
        "total_tax": "n/a",
        "customer_id": [],
        "is_deleted": "perhaps",
        "items_total": None,
    }
    found = only_row(tmp_path, "orders", {"id": 100, **odd, "subtotal_tax": "-0.00005", "total_ex_tax": "1E+3"})
    assert {name: found[name] for name in odd} == dict.fromkeys(odd)
    assert (found["subtotal_tax"], found["total_ex_tax"]) == (Decimal("-0.0001"), Decimal("1000.0000"))


def test_the_summer_of_another_zone_moves_no_date(tmp_path: Path) -> None:
    found = only_row(tmp_path, "products", {"id": 1, "date_created": "2026-07-01T00:30:00+02:00"}, "v3")
    assert found["date_created"] == datetime(2026, 6, 30, 22, 30)
