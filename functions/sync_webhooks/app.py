"""Makes the store's hooks what the stack wants; daily, after a change of the secret or the stack, and by hand."""

from __future__ import annotations

from typing import Any

from storekey import lambda_handler
from storekey.webhooks.sync import sync


@lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return what was created, updated, deleted and enabled, and how things stand now."""
    return sync(event)
