"""Measures exports: their CPU, memory and requests beside the floor, and how much of a quota they use."""

from __future__ import annotations

import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from sandbox.aws import Aws
from sandbox.functions import Function
from sandbox.stack import Stack
from sandbox.store import SandboxStore, Window
from sandbox.template import Template

ROOT = Path(__file__).resolve().parents[2]
Say = Callable[[str], object]


@dataclass(frozen=True)
class Measured:
    """One export: rows, requests, seconds by the wall, CPU seconds of its process, and its peak memory in MB."""

    rows: int
    requests: int
    seconds: float
    cpu: float
    peak: float


@contextmanager
def deployed(store: SandboxStore, **parameters: Any) -> Iterator[Stack]:
    """A stack for the store, with credentials in its secret."""
    given = {"AllowedHosts": store.host, "StoreCaBundle": store.ca_pem, **parameters}
    with Aws() as aws, closing(aws.deploy(Template.load(ROOT / "template.yaml", given))) as stack:
        secret = json.dumps(store.create_account(f"bench {time.monotonic_ns()}").secret())
        aws.client("secretsmanager").put_secret_value(SecretId=stack.secret_id, SecretString=secret)
        yield stack


def export(stack: Stack, store: SandboxStore, mode: str = "full") -> Measured:
    """Export all orders in a new environment."""
    store.clear_requests()
    with stack.function("ExportFunction") as function:
        began, answer = time.monotonic(), {"complete": False, "wait_seconds": 0}
        while not answer["complete"]:
            time.sleep(answer["wait_seconds"])
            invocation = function.invoke({"resource": "orders", "mode": mode})
            assert invocation.result, invocation.error
            answer = invocation.result
        seconds = time.monotonic() - began
        cpu, peak = used(function)
    return Measured(answer["rows"], len(store.requests), seconds, cpu, peak)


def measure_exports(orders: int, rounds: int, say: Say) -> Table:
    """Export so many orders with lines, quota off, in turn with the floor; half and twice as many for the memory."""
    table = Table(
        "orders", "rows a CPU second", "CPU beside the floor's", "requests per 1,000", "peak MB", title="export"
    )
    for number in (orders // 2, orders, orders * 2):
        with SandboxStore(orders=number) as store, deployed(store, QuotaReserve=0) as stack:
            store.get("v2/orders", {"limit": 250})
            rates, ratios, last = [], [], None
            for round_ in range(rounds if number == orders else 1):
                say(f"{number} orders, round {round_ + 1}")
                last = export(stack, store)
                floor = floor_of(stack, store)
                store.clock_skew += 600  # so that the next run has a window of its own
                assert last.rows == floor["rows"] == number
                rates.append(last.rows / last.cpu)
                ratios.append(last.cpu / floor["cpu"])
        assert last
        table.add_row(
            f"{number}",
            spread(rates, ".0f"),
            spread(ratios, ".2f"),
            f"{1000 * last.requests / last.rows:.2f}",
            f"{last.peak:.0f}",
        )
    return table


def measure_quota(say: Say) -> Table:
    """Export for three windows of a quota of 150 requests in 30 s, with two reserves."""
    table = Table("reserve %", "requests a window", "of the ceiling", "429", title="quota of 150 requests in 30 s")
    for reserve in (0, 50):
        say(f"reserve {reserve}")
        requests = 3 * 150 * (100 - reserve) // 100
        with SandboxStore(orders=249 * requests) as store, deployed(store, QuotaReserve=reserve) as stack:
            store.quota = Window(150, 30.0)
            export(stack, store)
            seen = store.requests
        windows = _windows([one.at for one in seen])
        share = max(windows) / 150
        refused = sum(one.status == 429 for one in seen)
        table.add_row(f"{reserve}", ", ".join(map(str, windows)), f"{share:.0%}", f"{refused}")
    return table


def _windows(times: list[float]) -> list[int]:
    """How many requests fell into each window of 30 s since the first."""
    counts = [0] * (int((max(times) - times[0]) // 30) + 1)
    for at in times:
        counts[int((at - times[0]) // 30)] += 1
    return counts


def floor_of(stack: Stack, store: SandboxStore) -> dict[str, Any]:
    account = store.create_account(f"floor {time.monotonic_ns()}")
    with tempfile.TemporaryDirectory() as folder:
        ca, written = Path(folder, "ca.pem"), Path(folder, "written")
        ca.write_text(store.ca_pem)
        written.write_bytes(b"".join(_written(stack)))
        command = [sys.executable, str(Path(__file__).with_name("floor.py"))]
        done = subprocess.run(
            [*command, account.api_path, str(ca), account.username, account.api_token, str(written)],
            check=True,
            capture_output=True,
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _written(stack: Stack) -> Iterator[bytes]:
    """What the last run wrote, part by part, unpacked."""
    s3, bucket = stack.aws.client("s3"), stack.outputs["ExportBucketName"]
    found = s3.list_objects_v2(Bucket=bucket, Prefix="exports/store=store/")["Contents"]
    last = max(each["Key"].rpartition("/")[0] for each in found)
    for each in found:
        if each["Key"].startswith(last):
            yield gzip.decompress(s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read())


def used(function: Function) -> tuple[float, float]:
    """CPU seconds and peak memory in MB of a function's process, as Linux tells them."""
    folder = Path(f"/proc/{function.pid}")
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    status = (folder / "status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(peak.split()[1]) / 1024


def spread(values: list[float], form: str) -> str:
    """The middle value, and the smallest and largest where there are several."""
    middle = statistics.median(values)
    return f"{middle:{form}} ({min(values):{form}} to {max(values):{form}})" if len(values) > 1 else f"{middle:{form}}"
