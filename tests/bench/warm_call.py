"""Measures warm calls: the Store against a bare requests.Session with the same headers and the same verification.

Both keep one connection, ask the same store over TLS in turn, and decode the answer's JSON. A round's calls are one
invocation. They are made in a process of their own, so that the store does not take their time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import certifi
import requests
from rich.table import Table

from sandbox.store import SandboxStore
from storekey import AllowedHosts, Credentials, Hidden, Settings, Store, lambda_handler, parse_secret
from storekey._cache import Version
from tests.bench.exports import ROOT, Say, spread

PATHS = {"one order": "orders/101", "250 orders": "orders?limit=250"}
CALLS = 20


def measure_warm_calls(rounds: int, say: Say) -> Table:
    """Make so many rounds of calls each way, in turn."""
    table = Table("answer", "ms a call", "share of requests' own", title="warm call")
    with SandboxStore(orders=400) as store, tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "ca.pem"), Path(folder, "all.pem"), Path(folder, "secret.json")
        contents = (
            store.ca_pem,
            Path(certifi.where()).read_text() + store.ca_pem,
            store.create_account("bench").secret(),
        )
        for file, content in zip(files, contents, strict=True):
            file.write_text(content if isinstance(content, str) else json.dumps(content))
        for name, path in PATHS.items():
            say(f"warm calls, {name}")
            command = [
                sys.executable,
                "-m",
                "tests.bench.warm_call",
                str(rounds),
                path,
                store.host,
                str(files[0]),
                str(files[2]),
            ]
            environ = {"PYTHONPATH": "layers/storekey", "REQUESTS_CA_BUNDLE": str(files[1])}
            done = subprocess.run(command, cwd=ROOT, env=environ, check=True, stdout=subprocess.PIPE)
            ours, theirs = json.loads(done.stdout.splitlines()[-1])
            shares = [our / their for our, their in zip(ours, theirs, strict=True)]
            table.add_row(name, spread([1000 * each for each in ours], ".2f"), spread(shares, ".2f"))
    return table


def main(rounds: str, path: str, host: str, ca_file: str, secret_file: str) -> None:
    """Print the seconds of a call in each round, ours and theirs."""
    allowed = AllowedHosts.parse(host)
    credentials = parse_secret(Hidden(Path(secret_file).read_text()), allowed)
    assert isinstance(credentials, Credentials)
    settings = Settings("secret", allowed, ca_bundle=ca_file)
    store = Store(settings, lambda: Version("v1", datetime.now(UTC), credentials))
    session = requests.Session()
    headers = {
        **credentials.headers(),
        "User-Agent": "storekey (store)",
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
    }
    address = f"{credentials.root('v2')}{path}"

    def ours() -> Any:
        return store.get(path)

    def theirs() -> Any:
        return session.get(address, headers=headers, timeout=20).json()

    assert ours() == theirs()
    found: tuple[list[float], list[float]] = [], []
    for number in range(int(rounds)):
        both = list(zip((ours, theirs), found, strict=True))
        for call, seconds in both if number % 2 else reversed(both):
            seconds.append(_timed(call))
    print(json.dumps(found))


def _timed(call: Callable[[], Any]) -> float:
    def calls(event: object, context: object) -> float:
        began = time.perf_counter()
        for _ in range(CALLS):
            call()
        return (time.perf_counter() - began) / CALLS

    seconds: float = lambda_handler(calls)({}, None)
    return seconds


if __name__ == "__main__":
    main(*sys.argv[1:])
