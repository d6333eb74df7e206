"""Makes customers and products, in the shape of v2 and in that of v3, and what orders share with them."""

from __future__ import annotations

from dataclasses import dataclass

from .dates import iso_8601, parse_date, rfc_2822
from .rows import Json

# 2024-01-01T00:00:00Z, and a year and a half of trade: all data lie in the past, whatever the clock says.
EPOCH = 1_704_067_200
SPAN = 550 * 86_400
# Deliberately not the host that serves: whoever follows a link with its credentials is caught.
LINK_HOST = "store-abc123.mybigcommerce.com"


def scatter(seed: int, number: int) -> int:
    """Spread a number over 32 bits; the same for the same seed, and far cheaper than a random generator."""
    mixed = (number * 0x9E3779B1 + seed * 0x85EBCA6B + 0x27D4EB2F) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 15)) * 0x2C1B3C6D) & 0xFFFFFFFF
    return mixed ^ (mixed >> 13)


def money(cents: int) -> str:
    """Write an amount as v2 does, a string with four decimals."""
    return f"{cents // 100}.{cents % 100:02}00"


def taxed(name: str, cents: int) -> dict[str, str]:
    """An amount before, after and of the tax, which is a tenth."""
    tax = cents // 10
    return {f"{name}_ex_tax": money(cents), f"{name}_inc_tax": money(cents + tax), f"{name}_tax": money(tax)}


def price_of(product_id: int) -> int:
    """The price of a product in cents."""
    return 199 + scatter(0, product_id) % 15_000


def link(path: str) -> Json:
    """A sub-resource as v2 names it."""
    return {"url": f"https://{LINK_HOST}/api/v2/{path}.json", "resource": f"/{path}"}


@dataclass(frozen=True)
class _Spread:
    seed: int
    first: int
    count: int

    def created(self, row_id: int) -> float:
        """Unix seconds, rising with the id."""
        return EPOCH + (row_id - self.first) * SPAN // max(1, self.count)

    def modified(self, row_id: int) -> float:
        """Unix seconds, up to thirty days after the creation."""
        return self.created(row_id) + scatter(self.seed, row_id) % (30 * 86_400)


class CustomerMaker(_Spread):
    """Makes customers: "Customer 17" is customer17@example.com."""

    def make(self, row_id: int) -> Json:
        """One customer as ``GET /v2/customers/{id}`` gives it."""
        return {
            "id": row_id,
            "company": "",
            "first_name": "Customer",
            "last_name": str(row_id),
            "email": f"customer{row_id}@example.com",
            "phone": "",
            "form_fields": None,
            "date_created": rfc_2822(self.created(row_id)),
            "date_modified": rfc_2822(self.modified(row_id)),
            "store_credit": "0.0000",
            "registration_ip_address": f"192.0.2.{row_id % 256}",
            "customer_group_id": row_id % 3,
            "notes": "",
            "tax_exempt_category": "",
            "reset_pass_on_login": False,
            "accepts_marketing": False,
            "addresses": link(f"customers/{row_id}/addresses"),
        }


class ProductMaker(_Spread):
    """Makes products of the stock that orders buy from."""

    def make(self, row_id: int) -> Json:
        """One product as ``GET /v2/products/{id}`` gives it."""
        price = money(price_of(row_id))
        return {
            "id": row_id,
            "name": f"Product {row_id}",
            "type": "physical",
            "sku": f"SKU-{row_id}",
            "description": f"<p>Product {row_id}</p>",
            "availability": "available",
            "condition": "New",
            "price": price,
            "cost_price": "0.0000",
            "retail_price": "0.0000",
            "sale_price": "0.0000",
            "calculated_price": price,
            "weight": "0.5000",
            "is_visible": True,
            "is_featured": False,
            "inventory_tracking": "simple",
            "inventory_level": scatter(self.seed, row_id) % 500,
            "inventory_warning_level": 5,
            "total_sold": scatter(self.seed + 1, row_id) % 900,
            "date_created": rfc_2822(self.created(row_id)),
            "date_modified": rfc_2822(self.modified(row_id)),
            "brand_id": 0,
            "categories": [1 + row_id % 7],
            "custom_url": f"/product-{row_id}/",
            "brand": link(f"brands/{row_id}"),
            "images": link(f"products/{row_id}/images"),
            "skus": link(f"products/{row_id}/skus"),
        }


def customer_v3(data: Json) -> Json:
    """A customer as ``GET /v3/customers`` gives it: ISO dates, no links, no form fields."""
    return {**{name: value for name, value in data.items() if name not in _ONLY_V2}, **_dates_v3(data)}


def product_v3(data: Json) -> Json:
    """A product as ``GET /v3/catalog/products`` gives it: numbers as numbers, ISO dates, no links."""
    return {
        **{name: value for name, value in data.items() if name not in _ONLY_V2},
        **{name: float(data[name]) for name in _AMOUNTS},
        "custom_url": {"url": data["custom_url"], "is_customized": False},
        **_dates_v3(data),
    }


def variant_v3(data: Json) -> Json:
    """A product's one variant, the base variant; it has the id of the product."""
    amounts = {name: float(data[name]) for name in _AMOUNTS}
    kept = {name: data[name] for name in ("sku", "inventory_level", "inventory_warning_level")}
    plain = {"purchasing_disabled": False, "option_values": []}
    return {"id": data["id"], "product_id": data["id"], "sku_id": None, **kept, **amounts, **plain}


_ONLY_V2 = frozenset(
    {
        *("addresses", "form_fields", "store_credit", "reset_pass_on_login", "accepts_marketing"),
        *("brand", "images", "skus"),
    }
)
_AMOUNTS = ("price", "cost_price", "retail_price", "sale_price", "calculated_price", "weight")


def _dates_v3(data: Json) -> Json:
    return {name: iso_8601(parse_date(data[name]) or 0.0) for name in ("date_created", "date_modified")}
