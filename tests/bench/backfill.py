"""Measures backfills by the stack's own state machine, with as many children at once as asked for, quota off.

What is exported is held against the store: as many rows, and the same digest of their bytes. The store and AWS run in
one process of this machine, beside the children; so with two cores more children gain little where the store answers
at once, and much where it takes its time.
"""

from __future__ import annotations

import gzip
import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from rich.table import Table

from sandbox.aws import Stack
from sandbox.store import SandboxStore
from storekey.exports._rows import decode_v2
from tests.bench.exports import Say, deployed, used

HOUR = 3600.0
INCLUDE = {"include": "consignments.line_items", "consignment_structure": "object"}


@dataclass(frozen=True)
class Backfilled:
    """What a backfill took: seconds of the clock, CPU seconds and peak MB of its environments."""

    rows: int
    requests: int
    ranges: int
    seconds: float
    cpu: float
    peaks: tuple[float, ...]


def measure_backfills(orders: int, latencies: tuple[float, ...], concurrencies: tuple[int, ...], say: Say) -> Table:
    """Backfill so many orders with lines, once for each latency (in seconds) and number of children."""
    columns = ("latency ms", "children", "seconds", "rows a second", "times one child", "requests per 1,000", "peak MB")
    table = Table(*columns, title=f"backfill of {orders:,} orders")
    with SandboxStore(orders=orders) as store:
        expected = digest(rows_of_store(store))
        for latency in latencies:
            alone = 0.0
            for children in concurrencies:
                say(f"{orders:,} orders, {latency * 1000:.0f} ms, {children} children")
                with deployed(store, QuotaReserve=0, BackfillConcurrency=children, ExportEnabled="false") as stack:
                    store.latency = latency
                    found = backfill(stack, store)
                    store.latency = 0.0
                    assert digest(rows_exported(stack)) == expected, "what was exported is not what the store holds"
                alone = alone or found.seconds
                table.add_row(
                    f"{latency * 1000:.0f}",
                    f"{children}",
                    f"{found.seconds:.1f}",
                    f"{found.rows / found.seconds:,.0f}",
                    f"{alone / found.seconds:.2f}",
                    f"{1000 * found.requests / found.rows:.2f}",
                    f"{min(found.peaks):.0f} to {max(found.peaks):.0f}",
                )
    return table


def backfill(stack: Stack, store: SandboxStore) -> Backfilled:
    """Run a backfill of the orders to its end."""
    store.clear_requests()
    began = time.monotonic()
    execution = stack.start_execution("BackfillStateMachine", {"resource": "orders"})
    outcome = execution.wait(HOUR)
    seconds = time.monotonic() - began
    assert outcome.status == "SUCCEEDED", outcome
    each = [used(environment) for environment in stack.pool("ExportFunction").environments]
    return Backfilled(
        outcome.output["rows"],
        len(store.requests),
        len(execution.children()),
        seconds,
        sum(cpu for cpu, _ in each),
        tuple(peak for _, peak in each),
    )


def digest(rows: Iterator[bytes]) -> tuple[int, int]:
    """Return how many rows there are, and a number that is the same for the same rows in any order."""
    number = total = 0
    for row in rows:
        number += 1
        total += int.from_bytes(hashlib.sha256(row).digest())
    return number, total % (1 << 256)


def rows_of_store(store: SandboxStore) -> Iterator[bytes]:
    """The bytes of all orders as the store sends them, without their closing brace."""
    last = 0
    while True:
        _, body = store.get("v2/orders", {"sort": "id:asc", "limit": 250, "min_id": last + 1, **INCLUDE})
        page = decode_v2(body or b"[]")
        if not page.rows:
            return
        yield from (row.json[:-1] for row in page.rows)
        last = page.rows[-1].id


def rows_exported(stack: Stack) -> Iterator[bytes]:
    """The bytes of all rows that the one run has left, without what was added to them."""
    s3, bucket = stack.aws.client("s3"), stack.outputs["ExportBucketName"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="exports/store=store/")
    for key in [each["Key"] for page in pages for each in page.get("Contents", [])]:
        for line in gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()).splitlines():
            yield line[: line.rindex(b',"_lines":')]
