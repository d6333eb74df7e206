"""A finished run as the export writes one: its manifest and its files, in memory or put into a bucket."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

RUN = "20261124T084200Z-incremental"
PERSONAL = "Erika"  # what no command may show


def row(row_id: int, run: str = RUN, **fields: Any) -> dict[str, Any]:
    return {
        "id": row_id,
        "billing_address": {"first_name": PERSONAL},
        "total_inc_tax": "361.9500",
        "_lines": [{"id": row_id * 10}],
        "_run": run,
        "_exported_at": "2026-11-24T08:43:12.345Z",
        "_api": "v2",
        **fields,
    }


def packed(rows: Iterable[Any]) -> bytes:
    """Rows, or lines that are none, as the bytes of a part."""
    lines = [one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in rows]
    return gzip.compress(b"".join(lines), 6, mtime=0)


@dataclass
class Exported:
    """A run over parts of rows; a test changes what it likes, and ``state`` makes the manifest follow the files."""

    ids: list[list[int]]
    resource: str = "orders"
    run: str = RUN
    store: str = "retail"
    files: dict[str, bytes] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, ids in enumerate(self.ids):
            self.files[self.key(number)] = packed(row(row_id, self.run) for row_id in ids)
        flat = [row_id for ids in self.ids for row_id in ids]
        stamp, _, mode = self.run.partition("-")
        end = f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:11]}:{stamp[11:13]}:{stamp[13:]}"
        self.manifest = {
            "store": self.store,
            "resource": self.resource,
            "run": self.run,
            "mode": mode,
            "api": "v2",
            "window": {"from": "2026-11-24T08:26:00Z", "to": end},
            "rows": len(flat),
            "requests": 7,
            "parts": [self.stated(number, ids) for number, ids in enumerate(self.ids)],
            "first_id": flat[0] if flat else None,
            "last_id": flat[-1] if flat else None,
            "started": "2026-11-24T08:43:00Z",
            "finished": "2026-11-24T08:43:42Z",
            "lines": "include" if self.resource == "orders" else None,
            "orders_with_fetched_lines": 0,
            "counts": {
                "store_before": len(flat),
                "store_after": None,
                "rows": len(flat),
                "verdict": "agrees",
                "explanation": "as many rows as the store counts in the window",
            },
            "complete": True,
        }

    def key(self, number: int) -> str:
        day = f"{self.run[:4]}-{self.run[4:6]}-{self.run[6:8]}"
        folder = f"exports/store={self.store}/resource={self.resource}/dt={day}/run={self.run}"
        return f"{folder}/part-{number:05}.jsonl.gz"

    @property
    def manifest_key(self) -> str:
        return f"exports/_manifests/store={self.store}/resource={self.resource}/run={self.run}.json"

    def stated(self, number: int, ids: list[int]) -> dict[str, Any]:
        body = self.files[self.key(number)]
        first, last = (ids[0], ids[-1]) if ids else (0, 0)
        sha256 = hashlib.sha256(body).hexdigest()
        facts = {"rows": len(ids), "bytes": len(body), "sha256": sha256, "first_id": first, "last_id": last}
        return {"key": self.key(number), **facts}

    def rewrite(self, number: int, rows: Iterable[Any]) -> None:
        """Write other rows into a part, and let the manifest state its size and hash, and nothing else."""
        body = packed(rows)
        self.files[self.key(number)] = body
        self.manifest["parts"][number] |= {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}

    def streams(self) -> Mapping[str, BytesIO]:
        return {key: BytesIO(body) for key, body in self.files.items()}

    def put(self, s3: Any, bucket: str) -> None:
        for key, body in self.files.items():
            s3.put_object(Bucket=bucket, Key=key, Body=body)
        s3.put_object(Bucket=bucket, Key=self.manifest_key, Body=json.dumps(self.manifest).encode())
