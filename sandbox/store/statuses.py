"""The fifteen order statuses of every store."""

from __future__ import annotations

from .rows import Json

_NAMES = (
    "Incomplete", "Pending", "Shipped", "Partially Shipped", "Refunded", "Cancelled", "Declined", "Awaiting Payment",
    "Awaiting Pickup", "Awaiting Shipment", "Completed", "Awaiting Fulfillment", "Manual Verification Required",
    "Disputed", "Partially Refunded",
)  # fmt: skip


def _status(status_id: int, name: str) -> Json:
    return {
        "id": status_id,
        "name": name,
        "system_label": name,
        "custom_label": name,
        "system_description": f"The order is: {name}.",
    }


STATUSES = tuple(_status(status_id, name) for status_id, name in enumerate(_NAMES))
