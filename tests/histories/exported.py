"""What a world holds of finished runs: whether each keeps its promises, and how all differ from the store."""

from __future__ import annotations

import gzip
import hashlib
import json
from functools import lru_cache
from typing import Any

import msgspec

from tests.histories.world import World

GONE = "is gone from the store"
_JSON = msgspec.json.Decoder(dict[str, Any])


def manifests(world: World) -> list[dict[str, Any]]:
    """All manifests, the oldest first."""
    keys = sorted((key for key in world.objects if key.endswith(".json")), key=lambda key: key.rpartition("run=")[2])
    return [json.loads(world.objects[key]) for key in keys]


def rows_of(world: World, manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a finished run, from all files that lie in its folder."""
    parts = {part["key"]: part for part in manifest["parts"]}
    folder = f"/run={manifest['run']}/"
    assert {key for key in world.objects if folder in key} == parts.keys(), "a run's folder holds its parts alone"
    rows: list[dict[str, Any]] = []
    for key, part in parts.items():
        body = world.objects[key]
        assert (len(body), hashlib.sha256(body).hexdigest()) == (part["bytes"], part["sha256"]), f"{key} was replaced"
        found = _decoded(body)
        assert len(found) == part["rows"]
        rows += found
    return rows


@lru_cache(maxsize=512)
def _decoded(body: bytes) -> list[dict[str, Any]]:
    """The rows of a file, which nobody changes: after each run all files are looked at again."""
    return _JSON.decode_lines(gzip.decompress(body))


def check_runs(world: World) -> None:
    """What holds for every finished run, at any time."""
    for manifest in manifests(world):
        rows = rows_of(world, manifest)
        ids = [row["id"] for row in rows]
        assert ids == sorted(set(ids)), "a finished run holds an id at most once"
        assert len(rows) == manifest["rows"]
        assert all(row["_run"] == manifest["run"] for row in rows)
        assert manifest["counts"]["verdict"] != "differs" or world.store.list_archived is False


def latest(world: World) -> dict[int, dict[str, Any]]:
    """What the view shows: the newest row of each id, without those that the last run of everything lacks."""
    finished = manifests(world)
    census = max((each["window"]["to"] for each in finished if each["mode"] != "incremental"), default="")
    rows = [row for each in finished if each["window"]["to"] >= census for row in rows_of(world, each)]
    return {row["id"]: row for row in sorted(rows, key=lambda row: (row["_exported_at"], row["_run"]))}


def differences(world: World) -> list[str]:
    """How the exported rows differ from the store's, in words; none when nothing was lost or is stale."""
    there, exported = world.store.snapshot("orders"), latest(world)
    found = [f"{order_id} is missing" for order_id in there.keys() - exported.keys()]
    found += [f"{order_id} {GONE}" for order_id in exported.keys() - there.keys()]
    for order_id in there.keys() & exported.keys():
        row = exported[order_id]
        own = {name: value for name, value in row.items() if not name.startswith("_") and name != "consignments"}
        if own != there[order_id]:
            found.append(f"{order_id} is stale")
        if "_lines" in row and row["_lines"] != world.store.lines(order_id):
            found.append(f"{order_id} lacks lines")
    return found
