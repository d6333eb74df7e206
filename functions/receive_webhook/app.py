"""Receives BigCommerce's webhooks at a function URL: proves each delivery and keeps it in the queue."""

from __future__ import annotations

from typing import Any

from storekey import lambda_handler
from storekey.webhooks.receiver import receive


@lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return 200 for a delivery that is kept; 400 or 401 for what is none of ours; 503 asks to send it again."""
    return receive(event)
