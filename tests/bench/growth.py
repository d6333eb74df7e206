"""Computes what a backfill takes from 10,000 to 10,000,000 orders, as the dry run of `storekey backfill` does.

From the rules of its plan, a page of the sandbox's orders, and an answer that takes a second.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from rich.table import Table

from ops.estimates import Estimate, estimated
from sandbox.store import SandboxStore
from storekey._paging import PAGE_ROWS
from storekey.exports._files import PartFile
from storekey.exports._plan import divided
from storekey.exports._rows import decode_v2
from tests.bench.backfill import INCLUDE

RESERVE_PERCENT = 20
WINDOW_SECONDS = 30
_ANSWER_SECONDS = 1.0
_MEMORY_MB = 512


def compute_growth(quotas: Mapping[int, int] = MappingProxyType({150: 4, 450: 12})) -> Table:
    """Return a table of requests, time at quotas (requests in 30 s, and children at once), USD, and compressed GB."""
    hours = [f"at {quota} in {WINDOW_SECONDS} s, {children} children" for quota, children in quotas.items()]
    table = Table("orders", "ranges", "requests", *hours, "USD", "of it S3, a month", "GB", title="computed")
    size = _bytes_of_a_row()
    for orders in (10_000, 100_000, 1_000_000, 10_000_000):
        found = [_estimate(orders, size, *each) for each in quotas.items()]
        first = found[0]
        table.add_row(
            f"{orders:,}",
            f"{first.ranges:,}",
            f"{first.requests:,}",
            *(_span(one.seconds) for one in found),
            f"{first.usd:.3f}",
            f"{first.costs[-1].usd:.3f}",
            f"{(first.bytes or 0) / 2**30:.2f}",
        )
    return table


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"


def _estimate(orders: int, bytes_of_a_row: float, quota: int, children: int) -> Estimate:
    ranges = divided(100, 99 + orders, orders)
    facts = {
        "requests": math.ceil(orders / PAGE_ROWS) + len(ranges) + 2,
        "rows_sampled": 1_000,
        "bytes_sampled": round(1_000 * bytes_of_a_row),
        "seconds_sampled": _ANSWER_SECONDS,
        "fetched_lines": 0,
    }
    granted = {"requests": quota * (100 - RESERVE_PERCENT) // 100, "window_seconds": WINDOW_SECONDS}
    answer = {"estimate": facts, "ranges": ranges, "count": orders, "quota": granted, "memory_mb": _MEMORY_MB}
    return estimated(answer, children)


def _bytes_of_a_row() -> float:
    """Return the compressed bytes of an order with its lines, of a page of the sandbox's."""
    part = PartFile()
    with SandboxStore(orders=PAGE_ROWS) as store:
        _, body = store.get("v2/orders", {"limit": PAGE_ROWS, **INCLUDE})
    for row in decode_v2(body or b"[]").rows:
        part.add(row.id, row.extended(b'"_lines":[]'))
    packed, written = part.close()
    return len(packed) / written.rows
