"""What a run's manifest states, whether it is whole, and whether it agrees with itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .found import Found, kind_of
from .ranges import check_ranges, check_shape, is_backfill

RUN = re.compile(r"(\d{4})(\d\d)(\d\d)T\d{6}Z-(?:incremental|full|backfill)")
_VERDICTS = ("agrees", "explained", "not comparable")
_SHAPE = {
    **dict.fromkeys(("store", "resource", "run"), str),
    **dict.fromkeys(("window", "counts"), dict),
    "rows": int,
    "parts": list,
}
_PART_SHAPE = {"key": str, "rows": int, "bytes": int, "sha256": str}


def manifest_key(store: str, resource: str, run: str) -> str:
    """Return where a run's manifest lies."""
    return f"exports/_manifests/store={store}/resource={resource}/run={run}.json"


def prefix_of(manifest: Mapping[str, Any]) -> str:
    """Return the prefix under which the parts of a manifest's run must lie; nothing for a manifest without a run."""
    found = RUN.fullmatch(str(manifest.get("run")))
    if not found:
        return ""
    day = "-".join(found.groups())
    return f"exports/store={manifest['store']}/resource={manifest['resource']}/dt={day}/run={manifest['run']}/"


def is_whole(manifest: Mapping[str, Any], found: Found) -> bool:
    """Tell whether a manifest has all that the rest relies on."""
    for field, kind in _SHAPE.items():
        if type(manifest.get(field)) is not kind:
            found.note("manifest", field, kind.__name__, kind_of(manifest.get(field)))
    parts = manifest.get("parts")
    for number, part in enumerate(parts if isinstance(parts, list) else []):
        for field, kind in _PART_SHAPE.items():
            value = part.get(field) if isinstance(part, dict) else None
            if type(value) is not kind:
                found.note("manifest", f"parts[{number}].{field}", kind.__name__, kind_of(value))
    if is_backfill(manifest):
        check_shape(manifest, found)
    if not found.all() and not RUN.fullmatch(manifest["run"]):
        found.note("manifest", "run", "like 20261124T084200Z-incremental", "something else")
    return not found.all()


def check_manifest(manifest: Mapping[str, Any], key: str | None, found: Found) -> None:
    """Compare a manifest's statements with each other, and with the key that it lay under where one is given."""
    run = manifest["run"]
    if key is not None:
        here = manifest_key(manifest["store"], manifest["resource"], run)
        found.compare("manifest", "store, resource and run", key, here)
    found.compare("manifest", "complete", True, manifest.get("complete"))
    found.compare("manifest", "window.to", run.partition("-")[0], _stamp(manifest["window"].get("to")))
    found.compare("manifest", "rows of parts", manifest["rows"], sum(part["rows"] for part in manifest["parts"]))
    if is_backfill(manifest):
        check_ranges(manifest, found)
    verdict = manifest["counts"].get("verdict")
    if verdict not in _VERDICTS:
        explanation = manifest["counts"].get("explanation")
        told = f"{verdict}: {explanation}" if verdict == "differs" else "another verdict"
        found.note("manifest", "counts.verdict", " or ".join(_VERDICTS), told)


def _stamp(text: Any) -> str:
    """Write an ISO date as the runs' names do."""
    try:
        return f"{datetime.fromisoformat(text):%Y%m%dT%H%M%SZ}"
    except (TypeError, ValueError):
        return "no date"
