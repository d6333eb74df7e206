"""Makes orders and their lines, the same ones for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .catalog import EPOCH, SPAN, price_of, scatter, taxed
from .dates import rfc_2822
from .lines import first_line_id, line, line_json
from .rows import Json
from .shapes import order_json, order_of
from .statuses import STATUSES

_DAY = 86_400
_COUNTRIES = (("Germany", "DE"), ("France", "FR"), ("United States", "US"), ("Türkiye", "TR"))
_METHODS = ("Credit Card", "PayPal", "Bank Deposit", "Cash on Delivery")
_SHIPPED = frozenset({2, 4, 10, 14})
# Mostly finished orders, some of each other status.
_STATUS_IDS = (10, 10, 10, 10, 10, 10, 2, 2, 11, 11, 9, 7, *range(15))


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
        return order_of(self._values(row_id))

    def written(self, row_id: int, lines: str | None) -> bytes:
        """The same order as JSON, with consignments around the JSON of its lines if there is any."""
        return order_json(self._values(row_id), lines)

    def lines(self, row_id: int) -> list[Json]:
        """All lines of an order as ``GET /v2/orders/{id}/products`` gives them."""
        return [line(row_id, *pick) for pick in self._lines(row_id)]

    def lines_json(self, row_id: int) -> list[str]:
        """The same lines as JSON."""
        return [line_json(row_id, *pick) for pick in self._lines(row_id)]

    def _lines(self, row_id: int) -> Iterator[tuple[int, int, int]]:
        first = first_line_id(row_id)
        return ((first + place, *pick) for place, pick in enumerate(self._picks(row_id)))

    def _picks(self, row_id: int) -> list[tuple[int, int]]:
        noise = scatter(self.seed + 1, row_id)
        # One order in forty has more lines than fit on a default page.
        count = 60 if noise % 40 == 0 else 1 + noise % 4
        step = noise // 64
        return [
            (self.products.start + (step + 7 * place) % max(1, len(self.products)), 1 + (step + place) % 3)
            for place in range(count)
        ]

    def _values(self, row_id: int) -> dict[str, str | int]:
        noise = scatter(self.seed + 2, row_id)
        status = STATUSES[self.status_id(row_id)]
        picks = self._picks(row_id)
        items = sum(quantity for _, quantity in picks)
        shipped = status["id"] in _SHIPPED
        modified = rfc_2822(self.modified(row_id))
        return {
            "id": row_id,
            **self._customer(row_id, noise >> 8),
            **_totals(picks),
            "date_created": rfc_2822(self.created(row_id)),
            "date_modified": modified,
            "date_shipped": modified if shipped else "",
            "status_id": status["id"],
            "status": status["name"],
            "items_total": items,
            "items_shipped": items if shipped else 0,
            "payment_method": _METHODS[noise % 4],
            "payment_status": "captured" if shipped else "",
            "cart_id": f"{noise:08x}{row_id:024x}",
        }

    def _customer(self, row_id: int, noise: int) -> dict[str, str | int]:
        guest = not self.customers or noise % 8 == 0
        number = 0 if guest else self.customers[noise % len(self.customers)]
        country, iso2 = _COUNTRIES[noise % len(_COUNTRIES)]
        return {
            "customer_id": number,
            "ip_address": f"192.0.2.{row_id % 256}",
            "first_name": "Guest" if guest else "Customer",
            "last_name": str(row_id if guest else number),
            "street_1": f"Street {1 + row_id % 90}",
            "city": "Zürich" if row_id % 50 == 0 else "City",
            "zip": f"{10_000 + row_id % 80_000}",
            "country": country,
            "country_iso2": iso2,
            "email": f"guest{row_id}@example.com" if guest else f"customer{number}@example.com",
        }


def _totals(picks: list[tuple[int, int]]) -> dict[str, str]:
    subtotal = sum(price_of(product_id) * quantity for product_id, quantity in picks)
    shipping = 500 if subtotal < 10_000 else 0
    return {
        **taxed("subtotal", subtotal),
        **taxed("shipping_cost", shipping),
        **taxed("total", subtotal + shipping),
    }
