"""JSON with holes: what is the same in a hundred thousand rows is written once, and each row only fills it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii
from typing import Any

from .rows import to_json

_HOLE = re.compile(r'"\\u0000(\w+)\\u0000"|\\u0000(\w+)\\u0000')


class Holes(dict[str, Any]):
    """Values that are not known yet: each name stands for itself, as a whole string or within one."""

    def __missing__(self, name: str) -> str:
        return f"\0{name}\0"


def template(value: Any) -> str:
    """An object that was made of Holes as JSON, to be filled by ``% quoted(values)``."""
    return _HOLE.sub(lambda found: f"%({found[1] or found[2]})s", to_json(value).replace("%", "%%"))


def quoted(values: Mapping[str, str | int]) -> dict[str, str | int]:
    """The values as JSON. One that a hole within a string takes must be a number."""
    return {name: value if isinstance(value, int) else encode_basestring_ascii(value) for name, value in values.items()}


def fill(value: Any, name: str, json: str) -> bytes:
    """An object with one hole as JSON."""
    return to_json(value).replace(f'"\\u0000{name}\\u0000"', json, 1).encode()
