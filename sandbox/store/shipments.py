"""Shipments of orders, as v2 gives them. The store has none until somebody adds them."""

from __future__ import annotations

import itertools

from .rows import Json


class Shipments:
    """The shipments of each order, by id; the shop's lock guards them."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._orders: dict[int, dict[int, Json]] = {}

    def of(self, order_id: int) -> dict[int, Json]:
        """The shipments of an order, by id."""
        return self._orders.get(order_id, {})

    def add(self, order: Json, lines: list[Json], created: str, fields: Json) -> Json:
        """Add a shipment of all lines of an order, but for what ``fields`` say."""
        shipment = {
            "id": next(self._ids),
            "order_id": order["id"],
            "customer_id": order["customer_id"],
            "date_created": created,
            "tracking_number": "",
            "shipping_method": "Standard",
            "shipping_provider": "",
            "tracking_carrier": "",
            "comments": "",
            "billing_address": order["billing_address"],
            "items": [
                {"order_product_id": line["id"], "product_id": line["product_id"], "quantity": line["quantity"]}
                for line in lines
            ],
        }
        own = {name: value for name, value in fields.items() if name not in {"id", "order_id"}}
        return self._orders.setdefault(order["id"], {}).setdefault(shipment["id"], {**shipment, **own})

    def remove(self, order_id: int, shipment_id: int) -> None:
        """Remove a shipment; raises KeyError if there is none."""
        del self._orders[order_id][shipment_id]

    def forget(self, order_id: int) -> None:
        """Remove all shipments of an order."""
        self._orders.pop(order_id, None)
