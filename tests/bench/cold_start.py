"""Measures cold starts: from the start of a process to its first answer from the store, against the usual handlers.

Each process imports its handler, reads the secret, and asks the store over TLS for its time; metrics and logs included,
where a handler has them. It is started anew for each measurement, in turn with the others. All verify the store against
certifi's list and the CA of the sandbox. boto3 lies in the runtime with its byte code; our layer is laid out as `make
build` does it. The usual handlers are measured as `sam build` packs them, without byte code, which Lambda would have no
place to keep, and also with it. Not measured: Lambda's own part, which is the same for all, and TLS to AWS.
"""

from __future__ import annotations

import compileall
import importlib.metadata
import py_compile
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import certifi
from rich.table import Table

from sandbox.store import SandboxStore
from tests.bench.exports import ROOT, Say, deployed, spread

_RUN = """
import importlib, os, sys
class Context:
    aws_request_id = function_name = invoked_function_arn = "bench"
    memory_limit_in_mb = 512
    get_remaining_time_in_millis = staticmethod(lambda: 60_000)
answer = importlib.import_module(sys.argv[1]).handler({}, Context())
assert "time" in answer or answer["status"] == "accepted", answer
sys.stdout.flush()
os._exit(0)  # Lambda does not end a process to answer
"""
_LAYER = ROOT / "layers/storekey"
_OURS = re.findall(r"^([a-z0-9-]+)==", (_LAYER / "requirements.txt").read_text(), re.MULTILINE)
_REQUESTS = ["requests", "certifi", "charset-normalizer", "idna", "urllib3"]
# What `aws-lambda-powertools[tracer]` brings: aws-xray-sdk wants a botocore of its own.
_POWERTOOLS = ["aws-lambda-powertools", "jmespath", "typing-extensions", "aws-xray-sdk", "wrapt", "botocore"]
_TRACER = [*_REQUESTS, *_POWERTOOLS, "python-dateutil", "six"]


@dataclass(frozen=True)
class Handler:
    """A handler: its file, what is packed with it, and whether byte code is."""

    name: str
    file: Path
    packages: list[str]
    byte_code: bool
    beside: Path | None = None

    def pack(self, folder: Path) -> Path:
        """Lay out in a folder what Lambda would find in its own."""
        for package in self.packages:
            _unpack(package, folder)
        if self.beside:
            shutil.copytree(self.beside, folder / self.beside.name, ignore=shutil.ignore_patterns("__pycache__"))
        if self.byte_code:
            unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
            compileall.compile_dir(folder, quiet=2, invalidation_mode=unchecked)
        shutil.copy(self.file, folder)
        return folder


_USUAL, _TEMPLATE = (ROOT / "tests/bench/handlers" / name for name in ("usual.py", "powertools.py"))
OURS = Handler("check_credentials", ROOT / "functions/check_credentials/app.py", _OURS, True, _LAYER / "storekey")
HANDLERS = [
    OURS,
    Handler("boto3 + requests, as sam build packs it", _USUAL, _REQUESTS, False),
    Handler("boto3 + requests, with byte code", _USUAL, _REQUESTS, True),
    Handler("Powertools template, as sam build packs it", _TEMPLATE, _TRACER, False),
    Handler("Powertools template, with byte code", _TEMPLATE, _TRACER, True),
]


def measure_cold_starts(rounds: int, say: Say) -> Table:
    """Start each handler so often, in turn."""
    seconds: dict[str, list[float]] = {handler.name: [] for handler in HANDLERS}
    with SandboxStore(orders=1) as store, prepared(store) as environment, packed() as folders:
        for number in range(rounds + 1):
            say(f"cold starts, round {number} of {rounds}")
            for handler in HANDLERS:
                second = _start(handler.file.stem, folders[handler.name], environment)
                if number:  # the first one warms the disk
                    seconds[handler.name].append(second)
    table = Table("handler", "seconds", f"{OURS.name}'s share of it", title="cold start: a process to its first answer")
    for name, taken in seconds.items():
        shares = [ours / theirs for ours, theirs in zip(seconds[OURS.name], taken, strict=True)]
        table.add_row(name, spread(taken, ".3f"), spread(shares, ".2f"))
    return table


@contextmanager
def packed() -> Iterator[dict[str, Path]]:
    """Each handler's folder, by its name."""
    with tempfile.TemporaryDirectory() as folder:
        yield {handler.name: handler.pack(Path(folder, str(number))) for number, handler in enumerate(HANDLERS)}


@contextmanager
def prepared(store: SandboxStore) -> Iterator[dict[str, str]]:
    """The environment of a function, as Lambda sets it, with a filled secret."""
    with tempfile.TemporaryDirectory() as folder, deployed(store) as stack:
        ours, theirs = Path(folder, "ca.pem"), Path(folder, "all.pem")
        ours.write_text(store.ca_pem)
        theirs.write_text(Path(certifi.where()).read_text() + store.ca_pem)
        configuration = stack.configuration("CheckFunction", {"STORE_CA_BUNDLE": str(ours)})
        yield configuration.environment(folder) | {
            "LAMBDA_TASK_ROOT": folder,
            "REQUESTS_CA_BUNDLE": str(theirs),
            "PYTHONDONTWRITEBYTECODE": "1",
            "_X_AMZN_TRACE_ID": "Root=1-5e1b4151-43a0913a12345678901234ab;Sampled=1",
        }


def _unpack(package: str, folder: Path) -> None:
    """Copy an installed package without its byte code."""
    for file in importlib.metadata.files(package) or []:
        if file.suffix != ".pyc" and ".." not in file.parts:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(file.locate()), folder / file)


def _start(module: str, folder: Path, environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", _RUN, module],
        env=environment | {"PYTHONPATH": str(folder)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - began
