"""What the store holds: its rows, its clock, and what happens to them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .catalog import CustomerMaker, ProductMaker
from .dates import rfc_2822
from .lines import given_lines
from .orders import OrderMaker
from .rows import KEPT, Json, Maker, Row, Table, copied, to_json
from .settings import Settings
from .shapes import changed_json, lines_link
from .shipments import Shipments
from .statuses import STATUSES

FIRST_ORDER = 100
_DEPENDENT = {"products", "shipping_addresses", "coupons", "consignments"}


@dataclass(frozen=True)
class Inline:
    """Consignments in an order: with at most ``cap`` of its lines (None: all), or with a link to them."""

    lines: bool
    cap: int | None


class Shop:
    """The rows and how they change. Every change carries the store's own time, in whole seconds."""

    def __init__(self, settings: Settings, orders: int, customers: int, products: int, seed: int) -> None:
        self.settings = settings
        self.lock = threading.RLock()
        customer_ids, product_ids = range(1, customers + 1), range(1, products + 1)
        self._maker = OrderMaker(seed, FIRST_ORDER, orders, customer_ids, product_ids)
        self._customer_maker = CustomerMaker(seed, 1, customers)
        self._product_maker = ProductMaker(seed, 1, products)
        self.orders = Table(self._maker, range(FIRST_ORDER, FIRST_ORDER + orders), self.lock)
        self.customers = Table(self._customer_maker, customer_ids, self.lock)
        self.products = Table(self._product_maker, product_ids, self.lock)
        self.shipments = Shipments()
        self._lines: dict[int, list[Json]] = {}
        # None while nobody hears what happens: then nothing is made of it.
        self.listener: Callable[[str, Json], object] | None = None

    def now(self) -> float:
        """Unix seconds by the store's clock."""
        return self.settings.clock() + self.settings.clock_skew

    def lines(self, order_id: int) -> list[Json]:
        """All lines of an order, in the order of their ids."""
        with self.lock:
            return self._lines[order_id] if order_id in self._lines else self._maker.lines(order_id)

    def lines_json(self, order_id: int) -> list[str]:
        """The same lines as JSON."""
        given = self._lines.get(order_id)
        return self._maker.lines_json(order_id) if given is None else [to_json(line) for line in given]

    def add_order(self, fields: Json) -> Json:
        """Add an order with the next id; ``products`` in the fields become its lines."""
        with self.lock:
            order_id = self.orders.next_id
            order = self._maker.make(order_id)
            if "products" in fields:
                asked = [{name: line[name] for name in line if name != "id"} for line in fields["products"]]
                order |= self._keep_lines(order_id, asked)
            order |= {**self._created(), "date_shipped": ""}
            self.orders[order_id] = order | _own(order, fields)
            self._tell("order", "created", order_id)
            return self.orders[order_id]

    def change_orders(self, ids: Iterable[int], fields: Json) -> None:
        """Merge fields into orders, all in one second; raises KeyError, and changes none, if one of them is missing."""
        with self.lock:
            rows = [self.orders.row(order_id) for order_id in ids]
            stamped, fields = {"date_modified": rfc_2822(self.now())}, copied(fields)
            alike = None if "billing_address" in fields else {**stamped, **_own({}, fields)}
            told = self.listener is not None
            for row in rows:
                before = _standing(row) if told else None
                row.change(alike or {**stamped, **_own(row.data, fields)})
                if before is not None:
                    self._tell_of_change(before, row)

    def archive_order(self, order_id: int) -> None:
        """Archive an order, as DELETE does: it stays readable, with ``is_deleted``."""
        self.change_orders([order_id], {"is_deleted": True})

    def remove_order(self, order_id: int) -> None:
        """Remove an order altogether; raises KeyError if there is none."""
        with self.lock:
            del self.orders[order_id]
            self._lines.pop(order_id, None)
            self.shipments.forget(order_id)

    def set_lines(self, order_id: int, lines: list[Json]) -> None:
        """Replace an order's lines; raises KeyError if there is none."""
        with self.lock:
            self.orders.row(order_id)
            self.change_orders([order_id], self._keep_lines(order_id, lines))

    def add_shipment(self, order_id: int, fields: Json) -> Json:
        """Add a shipment of an order, which stays as it is; raises KeyError if there is none."""
        with self.lock:
            order = self.orders.row(order_id).copy()
            made = self.shipments.add(order, copied(self.lines(order_id)), rfc_2822(self.now()), fields)
            self._tell("shipment", "created", made["id"], orderId=order_id)
            return made

    def remove_shipment(self, order_id: int, shipment_id: int) -> None:
        """Remove a shipment; raises KeyError if there is none."""
        with self.lock:
            self.shipments.remove(order_id, shipment_id)
            self._tell("shipment", "deleted", shipment_id, orderId=order_id)

    def add_customer(self, fields: Json) -> Json:
        """Add a customer with the next id."""
        return self._add(self.customers, self._customer_maker, fields)

    def add_product(self, fields: Json) -> Json:
        """Add a product with the next id."""
        return self._add(self.products, self._product_maker, fields)

    def change(self, table: Table, row_id: int, fields: Json) -> Json:
        """Merge fields into a customer or a product; raises KeyError if there is none."""
        with self.lock:
            row = table[row_id]
            row.update({"date_modified": rfc_2822(self.now()), **fields, "id": row_id})
            self._tell(self._kind(table), "updated", row_id)
            return row

    def remove(self, table: Table, row_id: int) -> None:
        """Remove a customer or a product; raises KeyError if there is none."""
        with self.lock:
            del table[row_id]
            self._tell(self._kind(table), "deleted", row_id)

    def listed(self, row: Row) -> bool:
        """Whether an order is in lists."""
        return self.settings.list_archived or not row.changed("is_deleted")

    def inline(self, include: set[str]) -> Inline | None:
        """What ``include`` adds to an order; None: nothing, or it is not honoured."""
        if not self.settings.include_lines or include.isdisjoint({"consignments", "consignments.line_items"}):
            return None
        return Inline("consignments.line_items" in include, self.settings.include_line_cap)

    def encoded(self, row: Row, inline: Inline | None) -> bytes:
        """An order as JSON, with what is added to it."""
        if row.untouched:
            return _untouched(self._maker, row.id, inline)
        return changed_json(row.data, _inlined(row.id, inline, self.lines_json))

    def order_count(self, rows: Iterator[Row]) -> Json:
        """How many orders there are, in all and in each status."""
        counts = [0] * len(STATUSES)
        for row in rows:
            status_id = row.changed("status_id")
            counts[self._maker.status_id(row.id) if status_id is None else status_id] += 1
        statuses = [{**status, "count": counts[status["id"]], "sort_order": status["id"]} for status in STATUSES]
        return {"count": sum(counts[0 if self.settings.count_incomplete else 1 :]), "statuses": statuses}

    def _add(self, table: Table, maker: Maker, fields: Json) -> Json:
        with self.lock:
            row_id = table.next_id
            table[row_id] = {**maker.make(row_id), **self._created(), **fields, "id": row_id}
            self._tell(self._kind(table), "created", row_id)
            return table[row_id]

    def _kind(self, table: Table) -> str:
        return "customer" if table is self.customers else "product"

    def _tell_of_change(self, before: tuple[int, bool], row: Row) -> None:
        (old, was_archived), (new, is_archived) = before, _standing(row)
        self._tell("order", "updated", row.id)
        if new != old:
            self._tell("order", "statusUpdated", row.id, status={"previous_status_id": old, "new_status_id": new})
        if is_archived and not was_archived:
            self._tell("order", "archived", row.id)

    def _tell(self, kind: str, event: str, row_id: int, **more: Any) -> None:
        listener = self.listener
        if listener is not None:
            listener(f"store/{kind}/{event}", {"type": kind, "id": row_id, **more})

    def _created(self) -> Json:
        now = rfc_2822(self.now())
        return {"date_created": now, "date_modified": now}

    def _keep_lines(self, order_id: int, lines: list[Json]) -> Json:
        kept = self._lines[order_id] = given_lines(order_id, copied(lines))
        return {"items_total": sum(int(line["quantity"]) for line in kept)}


def _standing(row: Row) -> tuple[int, bool]:
    data = row.data
    return data["status_id"], bool(data.get("is_deleted"))


def _own(order: Json, fields: Json) -> Json:
    """The fields that belong to the order itself; a part of an address is merged, a status gets its name."""
    own = {name: value for name, value in fields.items() if name not in _DEPENDENT and name != "id"}
    if "billing_address" in own:
        own["billing_address"] = {**order["billing_address"], **own["billing_address"]}
    if "status_id" in own and "status" not in own:
        status = STATUSES[own["status_id"]]
        own |= {"status": status["name"], "custom_status": status["custom_label"]}
    return own


def _inlined(order_id: int, inline: Inline | None, lines_json: Callable[[int], list[str]]) -> str | None:
    if inline is None:
        return None
    return f"[{','.join(lines_json(order_id)[: inline.cap])}]" if inline.lines else lines_link(order_id)


@lru_cache(maxsize=KEPT)
def _untouched(maker: OrderMaker, row_id: int, inline: Inline | None) -> bytes:
    return maker.written(row_id, _inlined(row_id, inline, maker.lines_json))
