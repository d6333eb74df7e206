"""Exports as the contract lays them out, written by hand: parts, manifests, and what may lie beside them."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class Exports:
    """A bucket as a folder, to which runs are written."""

    def __init__(self, folder: Path, store: str = "store") -> None:
        self.folder = folder
        self.store = store

    def run(
        self, resource: str, at: str, *parts: Sequence[Row], full: bool = False, api: str = "v2", **manifest: Any
    ) -> str:
        """Write a finished run and return its name; ``at`` is the window's end, such as ``20261124T084200Z``."""
        run = self.unfinished(resource, at, *parts, full=full, api=api)
        keys = [self._key(resource, run, number) for number in range(len(parts))]
        facts: dict[str, Any] = {
            "store": self.store,
            "resource": resource,
            "run": run,
            "mode": "full" if full else "incremental",
            "api": api,
            "window": {"from": None, "to": f"{run[:4]}-{run[4:6]}-{run[6:11]}:{run[11:13]}:{run[13:16]}"},
            "rows": sum(map(len, parts)),
            "requests": len(parts),
            "parts": [_part(self.folder / key, key, rows) for key, rows in zip(keys, parts, strict=True)],
            "complete": True,
        }
        path = self.folder / f"exports/_manifests/store={self.store}/resource={resource}/run={run}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(facts | manifest) + "\n")
        return run

    def unfinished(
        self, resource: str, at: str, *parts: Sequence[Row], full: bool = False, api: str = "v2", first: int = 0
    ) -> str:
        """Write parts, numbered from ``first`` on, without a manifest."""
        run = f"{at}-{'full' if full else 'incremental'}"
        for number, rows in enumerate(parts, first):
            path = self.folder / self._key(resource, run, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = "".join(json.dumps(_extended(row, run, api)) + "\n" for row in rows)
            path.write_bytes(gzip.compress(lines.encode()))
        return run

    def objects(self) -> dict[str, bytes]:
        """Return what a bucket would hold, by keys."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in files}

    def _key(self, resource: str, run: str, number: int) -> str:
        day = f"{run[:4]}-{run[4:6]}-{run[6:8]}"
        return f"exports/store={self.store}/resource={resource}/dt={day}/run={run}/part-{number:05}.jsonl.gz"


def _extended(row: Row, run: str, api: str) -> Row:
    read = f"{run[:4]}-{run[4:6]}-{run[6:11]}:{run[11:13]}:{run[13:15]}.250Z"
    return {**row, "_run": run, "_exported_at": row.get("_exported_at", read), "_api": api}


def _part(path: Path, key: str, rows: Sequence[Row]) -> dict[str, Any]:
    body = path.read_bytes()
    first_last = {"first_id": rows[0]["id"], "last_id": rows[-1]["id"]} if rows else {"first_id": None, "last_id": None}
    return {
        "key": key,
        "rows": len(rows),
        "bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        **first_last,
    }
