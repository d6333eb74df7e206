from typing import Any

from storekey import Store, lambda_handler


@lambda_handler
def handler(event: dict[str, Any], context: object) -> list[int]:
    store = Store.from_environment()
    return [order["id"] for order in store.get("orders", {"limit": 10})]
