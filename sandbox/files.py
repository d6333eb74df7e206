"""The files that the exports of a stack have written, as who reads them finds them, and the store beside them."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import Any

from .store import SandboxStore


@dataclass(frozen=True)
class Files:
    """The exports of a store in a bucket; ``name`` is the stack's StoreName."""

    client: Any
    bucket: str
    store: SandboxStore
    name: str = "sandbox"

    def manifest(self, key: str) -> dict[str, Any]:
        """The manifest that lies under a key."""
        found: dict[str, Any] = json.loads(self._read(key))
        return found

    def newest(self, kind: str) -> dict[int, dict[str, Any]]:
        """The newest row of each id over all finished runs, the last full one alone deciding what is gone."""
        rows: dict[int, dict[str, Any]] = {}
        for key in sorted(self._keys(f"exports/_manifests/store={self.name}/resource={kind}/")):
            manifest = self.manifest(key)
            rows = {} if manifest["mode"] == "full" else rows
            for part in manifest["parts"]:
                lines = gzip.decompress(self._read(part["key"])).decode().splitlines()
                rows.update({row["id"]: row for row in map(json.loads, lines)})
        return rows

    def lost_or_stale(self) -> list[int]:
        """The ids of orders that are not exported as the store has them, lines and all, or that it has no more."""
        there, exported = self.store.snapshot("orders"), self.newest("orders")
        return [
            each
            for each in there.keys() | exported.keys()
            if each not in there
            or each not in exported
            or not there[each].items() <= exported[each].items()
            or exported[each]["_lines"] != self.store.lines(each)
        ]

    def _keys(self, prefix: str) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def _read(self, key: str) -> bytes:
        body: bytes = self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body
