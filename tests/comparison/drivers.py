"""Who reads the store: one driver a system, all behind one small protocol."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import distributions
from io import StringIO
from pathlib import Path
from typing import Any, Protocol

from sandbox.store import SandboxStore, TokenAccount
from sandbox.store.accounts import STORE_HASH
from storekey import StoreError
from storekey.exports._exporter import Exporter, Wanted
from storekey.exports._source import StoreSource
from tests.histories.world import MemoryFiles, MemoryState, World
from tests.support import Secret

Row = dict[str, Any]
State = Any
ROOT = Path(__file__).parents[2]
PEERS = ROOT / ".tools/peers"
_LIMIT_SECONDS = 300


@dataclass(frozen=True)
class Site:
    """Where a driver reads: a running store, an account of it, and the time by the reader's own clock."""

    store: SandboxStore
    account: TokenAccount
    now: float


@dataclass(frozen=True)
class Sync:
    """What one sync did.

    ``rows`` are those that it gave out, in their order. ``state`` is what the next sync must be given.
    ``requests_elsewhere`` are requests that the store did not see. ``error`` says why it ended before it was done, and
    is empty if it was.
    """

    rows: list[Row]
    state: State
    requests_elsewhere: int = 0
    error: str = ""


class Driver(Protocol):
    """Reads the orders that are new or changed since its last sync. The first sync's state is None."""

    @property
    def name(self) -> str: ...
    def sync(self, site: Site, state: State) -> Sync: ...


@dataclass(frozen=True)
class Tap:
    """``tap-bigcommerce``, its orders alone; it keeps its own bookmark."""

    @property
    def name(self) -> str:
        """The package and its version."""
        return f"tap-bigcommerce {_version('tap-bigcommerce')}"

    def sync(self, site: Site, state: State) -> Sync:
        """Run the tap's command, as the state of its last run says."""
        with tempfile.TemporaryDirectory() as folder:
            files = {"config": _tap_config(site), "catalog": _tap_catalog(), "state": state or {}}
            arguments = [part for name, value in files.items() for part in (f"--{name}", _file(folder, name, value))]
            messages, error = _messages("tap", site, folder, arguments)
        states = [message["value"] for message in messages if message["type"] == "STATE"]
        return _sync(messages, states[-1] if states else state, error)


@dataclass(frozen=True)
class IterAll:
    """The official client's ``iterall``. It knows no state: as its user would, we keep the time at which a run began.

    The time is that of the reader's clock, and moves on only when a run ended well.
    """

    @property
    def name(self) -> str:
        """The package and its version."""
        return f"bigcommerce {_version('bigcommerce')}"

    def sync(self, site: Site, state: State) -> Sync:
        """Read the orders modified since the last good run began."""
        with tempfile.TemporaryDirectory() as folder:
            messages, error = _messages("iterall", site, folder, [state] if state else [])
        began = datetime.fromtimestamp(int(site.now), UTC).isoformat()
        return _sync(messages, state if error else began, error)


@dataclass(frozen=True)
class Ours:
    """This project's export of orders with their lines, through its own client; state and files are kept in memory."""

    name: str = "storekey"

    def sync(self, site: Site, state: State) -> Sync:
        """Do one incremental run, as the schedule does."""
        world = state or World(site.store, site.now)
        world.now = site.now
        before = set(world.objects)
        secret = Secret(site.store.host, site.store.ca_pem)
        secret.put(site.account.secret())
        with secret.store() as store, redirect_stdout(StringIO()):
            parts = (MemoryState(world, _unharmed), MemoryFiles(world, _unharmed))
            exporter = Exporter(StoreSource(store), *parts, "store", True, lambda: False)  # type: ignore[arg-type]
            try:
                outcome = exporter.export(Wanted("orders", "incremental", "", "comparison"))
            except StoreError as error:
                return Sync([], world, error=str(error))
        new = [key for key in world.objects if key not in before and key.endswith(".gz")]
        rows = [json.loads(line) for key in sorted(new) for line in gzip.decompress(world.objects[key]).splitlines()]
        return Sync(rows, world, error="" if outcome.complete else "not complete")


def drivers() -> Sequence[Driver]:
    """All drivers. Another system is one more class and one more name here."""
    return (Ours(), Tap(), IterAll())


def _unharmed(call: str) -> None:
    """Nothing happens to a call here."""


def _sync(messages: list[Row], state: State, error: str) -> Sync:
    rows = [message["record"] for message in messages if message["type"] == "RECORD"]
    elsewhere = sum(message["requests"] for message in messages if message["type"] == "ANSWERED_HERE")
    return Sync(rows, state, elsewhere, error)


def _messages(wrapper: str, site: Site, folder: str, arguments: Sequence[str]) -> tuple[list[Row], str]:
    """The messages of a peer's process and, if it failed, the last line that it wrote about that."""
    ended = _run_peer(wrapper, site, folder, arguments)
    lines = ended.stderr.strip().splitlines() or ["failed without a word"]
    return [json.loads(line) for line in ended.stdout.splitlines()], lines[-1] if ended.returncode else ""


def _run_peer(wrapper: str, site: Site, folder: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PEERS / "bin/python", "-m", f"tests.comparison.wrappers.{wrapper}", *arguments],
        cwd=ROOT,
        env=_environment(site, folder),
        capture_output=True,
        text=True,
        timeout=_LIMIT_SECONDS,
        check=False,
    )


def _environment(site: Site, folder: str) -> dict[str, str]:
    ca_bundle = Path(folder, "ca.pem")
    ca_bundle.write_text(site.store.ca_pem)
    return {
        **os.environ,
        "REQUESTS_CA_BUNDLE": str(ca_bundle),
        "NO_PROXY": "*",
        "SANDBOX_ORIGIN": site.store.origin,
        "SANDBOX_V2": f"{site.store.origin}/stores/{STORE_HASH}/v2/",
        "SANDBOX_HASH": STORE_HASH,
        "SANDBOX_CLIENT": site.account.client_id,
        "SANDBOX_TOKEN": site.account.access_token,
    }


@cache
def _version(package: str) -> str:
    """The version of a package in the peers' environment."""
    folders = [str(folder) for folder in PEERS.glob("lib/python*/site-packages")]
    return next(iter(distributions(name=package, path=folders))).version


@cache
def _tap_catalog() -> Row:
    """The catalog that the tap's discovery makes, with the orders selected."""
    with SandboxStore(orders=0, customers=0, products=0) as store, tempfile.TemporaryDirectory() as folder:
        site = Site(store, store.create_token_account("discovery"), 0)
        discovery = ("--discover", "--config", _file(folder, "config", _tap_config(site)))
        catalog: Row = json.JSONDecoder().raw_decode(_run_peer("tap", site, folder, discovery).stdout)[0]
    for stream in catalog["streams"]:
        whole = next(entry["metadata"] for entry in stream["metadata"] if not entry["breadcrumb"])
        whole["selected"] = stream["stream"] == "orders"
    return catalog


def _tap_config(site: Site) -> Row:
    return {
        # Before everything: the tap leaves out what was modified at its start date.
        "start_date": "2000-01-01T00:00:00Z",
        "client_id": site.account.client_id,
        "access_token": site.account.access_token,
        "store_hash": STORE_HASH,
    }


def _file(folder: str, name: str, value: Any) -> str:
    path = Path(folder, f"{name}.json")
    path.write_text(json.dumps(value))
    return str(path)
