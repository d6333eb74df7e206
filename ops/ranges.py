"""The ranges of ids that a backfill's manifest states: whether they are whole, meet each other and hold their parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice, pairwise
from typing import Any

from .found import Found, kind_of, text_of

_SHAPE = {"after": int, "rows": int, "parts": int}


def is_backfill(manifest: Mapping[str, Any]) -> bool:
    """Tell whether a manifest's run is a backfill: that alone is made up of ranges."""
    return str(manifest.get("run")).endswith("-backfill")


def check_shape(manifest: Mapping[str, Any], found: Found) -> None:
    """Note what a manifest's ranges lack of what the rest relies on."""
    ranges = manifest.get("ranges")
    if not isinstance(ranges, list) or not ranges:
        found.note("manifest", "ranges", "a list of ranges", "an empty one" if ranges == [] else kind_of(ranges))
        return
    for number, one in enumerate(ranges):
        facts = one if isinstance(one, dict) else {}
        for field, kind in _SHAPE.items():
            if type(facts.get(field)) is not kind:
                found.note("manifest", f"ranges[{number}].{field}", kind.__name__, kind_of(facts.get(field)))
        if type(facts.get("to")) not in (int, type(None)):
            found.note("manifest", f"ranges[{number}].to", "int, or null for the last", kind_of(facts.get("to")))


def part_names(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Return how the parts of a run are named, in their order: of a backfill as many as its ranges state."""
    if not is_backfill(manifest):
        yield from (f"part-{number:05}.jsonl.gz" for number in range(len(manifest["parts"])))
        return
    for number, one in enumerate(manifest["ranges"]):
        yield from (f"part-{number:05}-{part:05}.jsonl.gz" for part in range(min(one["parts"], len(manifest["parts"]))))


def check_ranges(manifest: Mapping[str, Any], found: Found) -> None:
    """Compare the ranges with each other and with the parts, which must follow each other as their ranges do."""
    ranges, parts = manifest["ranges"], manifest["parts"]
    found.compare("manifest", "ranges[0].after", 0, ranges[0]["after"])
    for number, (one, other) in enumerate(pairwise(ranges)):
        found.compare("manifest", f"ranges[{number + 1}].after", one["to"], other["after"])
        if one["to"] is not None and one["to"] <= one["after"]:
            found.note("manifest", f"ranges[{number}].to", f"above {one['after']}", one["to"])
    found.compare("manifest", f"ranges[{len(ranges) - 1}].to", None, ranges[-1]["to"])
    found.compare("manifest", "rows of ranges", manifest["rows"], sum(one["rows"] for one in ranges))
    found.compare("manifest", "parts of ranges", len(parts), sum(one["parts"] for one in ranges))
    left = iter(parts)
    for number, one in enumerate(ranges):
        _check_parts(number, one, list(islice(left, max(0, one["parts"]))), found)


def _check_parts(number: int, one: Mapping[str, Any], parts: list[Mapping[str, Any]], found: Found) -> None:
    found.compare("manifest", f"ranges[{number}].rows", one["rows"], sum(part["rows"] for part in parts))
    with_rows = [part for part in parts if part["rows"]]
    ends = (with_rows[0].get("first_id"), with_rows[-1].get("last_id")) if with_rows else (None, None)
    for field, stated in zip(("first_id", "last_id"), ends, strict=True):
        found.compare("manifest", f"ranges[{number}].{field}", one.get(field), stated)
    for part in with_rows:
        first, last = part.get("first_id"), part.get("last_id")
        if type(first) is int and first <= one["after"]:
            found.note(part["key"], "first_id", f"above {one['after']}, where its range begins", first)
        if type(last) is int and one["to"] is not None and last > one["to"]:
            found.note(part["key"], "last_id", f"at most {text_of(one['to'])}, where its range ends", last)
