"""Publishes kept deliveries on the stack's bus, each once and with its object; started by the queue."""

from __future__ import annotations

from typing import Any

from storekey import lambda_handler
from storekey.webhooks.processor import process


@lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the messages that must come again."""
    return process(event, context)
