"""Returns the ids of the ten newest orders."""

from typing import Any

from storekey import Store, lambda_handler


@lambda_handler
def handler(event: dict[str, Any], context: object) -> list[int]:
    """Return ids, the newest first."""
    store = Store.from_environment()
    return [order["id"] for order in store.get("orders", {"sort": "id:desc", "limit": 10})]
