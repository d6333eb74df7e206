"""Somebody's own function: starts when the store has a new order, and gets it with the event."""

from __future__ import annotations

from typing import Any


def handler(event: dict[str, Any], context: Any) -> None:
    """Say which order it is; one that is gone by now has no object."""
    order = event["detail"]["object"]
    if order:
        print(f"new order {order['id']}, total {order['total_inc_tax']}")
