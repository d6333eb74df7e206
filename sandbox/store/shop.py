"""What the store holds and how it behaves: its rows, its clock and the settings that tests change."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from .catalog import CustomerMaker, ProductMaker
from .dates import rfc_2822
from .orders import OrderMaker, consignments
from .rows import Json, Row, Table, encode
from .statuses import STATUSES

FIRST_ORDER = 100
_DEPENDENT = {"products", "shipping_addresses", "coupons", "consignments"}


@dataclass(eq=False)
class Settings:
    """How the store behaves; may be changed while it runs.

    ``clock_skew`` and ``latency`` are seconds. ``inclusive``: whether a row on a ``min_`` or ``max_`` bound is listed.
    ``include_lines``: whether ``include`` is honoured. ``list_archived``: whether archived orders are listed.
    """

    clock_skew: float = 0.0
    latency: float = 0.0
    inclusive: bool = True
    include_lines: bool = True
    list_archived: bool = True


class Shop:
    """The rows and how they change. Every change carries the store's own time, in whole seconds."""

    def __init__(self, settings: Settings, orders: int, customers: int, products: int, seed: int) -> None:
        self.settings = settings
        self.lock = threading.RLock()
        customer_ids, product_ids = range(1, customers + 1), range(1, products + 1)
        self._maker = OrderMaker(seed, FIRST_ORDER, orders, customer_ids, product_ids)
        self.orders = Table(self._maker, range(FIRST_ORDER, FIRST_ORDER + orders), self.lock)
        self.customers = Table(CustomerMaker(seed, 1, customers), customer_ids, self.lock)
        self.products = Table(ProductMaker(seed, 1, products), product_ids, self.lock)
        self._lines: dict[int, list[Json]] = {}

    def now(self) -> float:
        """Unix seconds by the store's clock."""
        return time.time() + self.settings.clock_skew

    def lines(self, order_id: int) -> list[Json]:
        """All lines of an order, in the order of their ids."""
        with self.lock:
            return self._lines[order_id] if order_id in self._lines else self._maker.lines(order_id)

    def add_order(self, fields: Json) -> Json:
        """Add an order with the next id; ``products`` in the fields become its lines."""
        with self.lock:
            order_id = self.orders.next_id
            order = self._maker.make(order_id)
            if "products" in fields:
                self._lines[order_id] = self._given_lines(order_id, fields["products"])
                order["items_total"] = sum(int(line["quantity"]) for line in self._lines[order_id])
            now = rfc_2822(self.now())
            order |= {"date_created": now, "date_modified": now, "date_shipped": ""}
            self.orders[order_id] = order | _own(order, fields)
            return self.orders[order_id]

    def change_order(self, order_id: int, fields: Json) -> Json:
        """Merge fields into an order; raises KeyError if there is none."""
        with self.lock:
            order = self.orders[order_id]
            order.update({"date_modified": rfc_2822(self.now()), **_own(order, fields)})
            return order

    def archive_order(self, order_id: int) -> None:
        """Archive an order, as DELETE does: it stays readable, with ``is_deleted``."""
        self.change_order(order_id, {"is_deleted": True})

    def remove_order(self, order_id: int) -> None:
        """Remove an order altogether; raises KeyError if there is none."""
        with self.lock:
            del self.orders[order_id]
            self._lines.pop(order_id, None)

    def encoded(self, row: Row, include: set[str]) -> bytes:
        """An order as JSON, with what ``include`` asks for if the store honours that."""
        if not include & {"consignments", "consignments.line_items"} or not self.settings.include_lines:
            return row.encoded()
        order, lines = row.data, self.lines(row.id)
        return encode({**order, "consignments": consignments(order, lines, "consignments.line_items" in include)})

    def order_count(self) -> Json:
        """How many orders there are, in all and in each status."""
        counts = [0] * len(STATUSES)
        for row in self.orders.rows():
            counts[row.live["status_id"] if row.live else self._maker.status_id(row.id)] += 1
        statuses = [{**status, "count": counts[status["id"]], "sort_order": status["id"]} for status in STATUSES]
        return {"count": len(self.orders), "statuses": statuses}

    def _given_lines(self, order_id: int, given: list[Json]) -> list[Json]:
        lines = []
        for place, line in enumerate(given):
            made = self._maker.line(order_id, place, line.get("product_id", 0), line.get("quantity", 1))
            lines.append(made | {name: value for name, value in line.items() if name != "id"})
        return lines


def _own(order: Json, fields: Json) -> Json:
    """The fields that belong to the order itself; a part of an address is merged, a status gets its name."""
    own = {name: value for name, value in fields.items() if name not in _DEPENDENT and name != "id"}
    if "billing_address" in own:
        own["billing_address"] = {**order["billing_address"], **own["billing_address"]}
    if "status_id" in own and "status" not in own:
        status = STATUSES[own["status_id"]]
        own |= {"status": status["name"], "custom_status": status["custom_label"]}
    return own
