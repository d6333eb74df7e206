"""A store that only this process reads, and readings of it without a network."""

from __future__ import annotations

import json
from typing import Any

from sandbox.store import SandboxStore


def small(orders: int = 30, customers: int = 30, products: int = 30) -> SandboxStore:
    return SandboxStore(orders, customers, products)


def rows(store: SandboxStore, path: str, **query: Any) -> list[dict[str, Any]]:
    """The rows of a page."""
    status, body = store.get(path, query)
    assert status in {200, 204}, body
    answer = json.loads(body or b"[]")
    return list(answer["data"] if isinstance(answer, dict) else answer)


def row_ids(store: SandboxStore, path: str, **query: Any) -> list[int]:
    return [row["id"] for row in rows(store, path, **query)]
