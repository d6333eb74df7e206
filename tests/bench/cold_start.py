"""Measures cold starts: a whole process from its start to its first answer from the store, against the usual handlers.

Each process imports its handler, reads the secret, and asks the store over TLS for its time; metrics and logs included,
where a handler has them. It is started anew for each measurement, in turn with the others. Byte code lies beside all
sources, as a good layer has it. Not measured: Lambda's own part, which is the same for all.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.table import Table

from sandbox.store import SandboxStore
from tests.bench.exports import ROOT, Say, deployed, spread

_RUN = """
import importlib, sys
class Context:
    aws_request_id = function_name = invoked_function_arn = "bench"
    memory_limit_in_mb = 512
    get_remaining_time_in_millis = staticmethod(lambda: 60_000)
answer = importlib.import_module(sys.argv[1]).handler({}, Context())
assert "time" in answer or answer["status"] == "accepted", answer
"""
OURS = "check_credentials"
HANDLERS = {
    OURS: ("app", ROOT / "functions/check_credentials"),
    "boto3 + requests": ("usual", ROOT / "tests/bench/handlers"),
    "Powertools template": ("powertools", ROOT / "tests/bench/handlers"),
}


def measure_cold_starts(rounds: int, say: Say) -> Table:
    """Start each handler so often, in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in HANDLERS}
    with SandboxStore(orders=1) as store, prepared(store) as environment:
        for number in range(rounds + 1):
            say(f"cold starts, round {number} of {rounds}")
            for name, (module, folder) in HANDLERS.items():
                second = _start(module, folder, environment)
                if number:  # the first one warms the disk
                    seconds[name].append(second)
    table = Table("handler", "seconds", f"{OURS}'s share of it", title="cold start: a process to its first answer")
    for name, taken in seconds.items():
        shares = [ours / theirs for ours, theirs in zip(seconds[OURS], taken, strict=True)]
        table.add_row(name, spread(taken, ".2f"), spread(shares, ".2f"))
    return table


@contextmanager
def prepared(store: SandboxStore) -> Iterator[dict[str, str]]:
    """The environment of a function, as Lambda sets it, with a filled secret."""
    with tempfile.TemporaryDirectory() as folder, deployed(store) as stack:
        ca = Path(folder, "ca.pem")
        ca.write_text(store.ca_pem)
        configuration = stack.configuration("CheckFunction", {"STORE_CA_BUNDLE": str(ca)})
        environment = configuration.environment(folder) | {"LAMBDA_TASK_ROOT": folder}
        yield environment | {"_X_AMZN_TRACE_ID": "Root=1-5e1b4151-43a0913a12345678901234ab;Sampled=1"}


def _start(module: str, folder: Path, environment: dict[str, str]) -> float:
    path = os.pathsep.join([str(folder), str(ROOT / "layers/storekey")])
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", _RUN, module],
        env=environment | {"PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - began
