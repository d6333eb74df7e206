"""What happens to the store's rows between two requests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .rows import Json
from .shop import Shop


class Changes:
    """Adds, changes and removes rows. Each change carries the store's time, unless its fields name another.

    What is returned is the store's own object. An id that does not exist raises KeyError. Webhooks hear of each change;
    only the removal of an order is no event.
    """

    _shop: Shop

    def lines(self, order_id: int) -> list[Json]:
        """All lines of an order, as its ``products`` route gives them page by page."""
        return self._shop.lines(order_id)

    def add_order(self, **fields: Any) -> Json:
        """Add an order with the next id, created now; ``products`` become its lines."""
        return self._shop.add_order(fields)

    def change_order(self, order_id: int, **fields: Any) -> Json:
        """Change fields of an order; it is modified now, unless ``date_modified`` is among the fields."""
        with self._shop.lock:
            self._shop.change_orders([order_id], fields)
            return self._shop.orders[order_id]

    def change_orders(self, ids: Iterable[int], **fields: Any) -> None:
        """Change fields of many orders at once, as a bulk edit does: all are modified in the same second."""
        self._shop.change_orders(ids, fields)

    def set_lines(self, order_id: int, lines: list[Json]) -> None:
        """Replace an order's lines, given whole or in part (``product_id``, ``quantity``); it is modified now.

        A line with an ``id`` keeps it. ``items_total`` becomes the sum of the quantities.
        """
        self._shop.set_lines(order_id, lines)

    def archive_order(self, order_id: int) -> None:
        """Archive an order, as DELETE does."""
        self._shop.archive_order(order_id)

    def remove_order(self, order_id: int) -> None:
        """Remove an order altogether: its next read is answered 404."""
        self._shop.remove_order(order_id)

    def add_shipment(self, order_id: int, **fields: Any) -> Json:
        """Add a shipment of all lines of an order, or of what ``items`` say; the order itself stays as it is."""
        return self._shop.add_shipment(order_id, fields)

    def remove_shipment(self, order_id: int, shipment_id: int) -> None:
        """Remove a shipment."""
        self._shop.remove_shipment(order_id, shipment_id)

    def add_customer(self, **fields: Any) -> Json:
        """Add a customer with the next id, created now."""
        return self._shop.add_customer(fields)

    def change_customer(self, customer_id: int, **fields: Any) -> Json:
        """Change fields of a customer, named as in v2; it is modified now."""
        return self._shop.change(self._shop.customers, customer_id, fields)

    def remove_customer(self, customer_id: int) -> None:
        """Remove a customer."""
        self._shop.remove(self._shop.customers, customer_id)

    def add_product(self, **fields: Any) -> Json:
        """Add a product with the next id, created now."""
        return self._shop.add_product(fields)

    def change_product(self, product_id: int, **fields: Any) -> Json:
        """Change fields of a product, named as in v2; it is modified now."""
        return self._shop.change(self._shop.products, product_id, fields)

    def remove_product(self, product_id: int) -> None:
        """Remove a product."""
        self._shop.remove(self._shop.products, product_id)
