"""Takes the rows out of a page's body: each with its text as the store sent it, so that it can be kept untouched."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

_MOST_IDS = 1 << 63  # what engines hold as bigint
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True)
class Row:
    """A row of the store: its id, its fields to look at, and its JSON text on one line."""

    id: int
    fields: Mapping[str, Any] = field(repr=False)
    text: str = field(repr=False)

    def extended(self, suffix: str) -> str:
        """Return the text with more members at its end, given as JSON without the braces, and a line's end."""
        return f"{self.text[:-1]},{suffix}}}\n"


@dataclass(frozen=True)
class Page:
    """A page of a list: its rows as they came, and what v3 tells beside them, None where it does not."""

    rows: list[Row]
    total: int | None = None
    cursor: str | None = None


def decode_v2(body: bytes) -> Page:
    """Read a bare JSON array of rows. Raises ValueError for anything else."""
    text = _text_of(body)
    start = _skip(text, 0)
    end, rows = _array(text, start)
    if _skip(text, end) != len(text):
        raise ValueError("more than one value")
    return Page(rows)


def decode_v3(body: bytes) -> Page:
    """Read v3's envelope: the rows under ``data``, total and cursor under ``meta``. Raises ValueError."""
    text = _text_of(body)
    rows: list[Row] | None = None
    meta: Any = None
    place = _skip(text, _expect(text, _skip(text, 0), "{"))
    while True:
        name, place = _scan(text, place)
        place = _skip(text, _expect(text, _skip(text, place), ":"))
        if name == "data":
            place, rows = _array(text, place)
        else:
            value, place = _scan(text, place)
            meta = value if name == "meta" else meta
        place = _skip(text, place)
        if text.startswith("}", place):
            break
        place = _skip(text, _expect(text, place, ","))
    if rows is None or _skip(text, place + 1) != len(text):
        raise ValueError("no data, or more than one value")
    return Page(rows, _at(meta, "pagination", "total", int), _at(meta, "cursor_pagination", "end_cursor", str))


def _array(text: str, start: int) -> tuple[int, list[Row]]:
    """Read an array of rows; return where it ends, and them."""
    place = _skip(text, _expect(text, start, "["))
    rows: list[Row] = []
    if text.startswith("]", place):
        return place + 1, rows
    while True:
        fields, end = _scan(text, place)
        rows.append(_row(fields, text[place:end]))
        place = _skip(text, end)
        if text.startswith("]", place):
            return place + 1, rows
        place = _skip(text, _expect(text, place, ","))


def _row(fields: Any, text: str) -> Row:
    if not isinstance(fields, dict) or type(fields.get("id")) is not int or not 0 < fields["id"] < _MOST_IDS:
        raise ValueError("a row without an id")
    # JSON allows line breaks between its tokens alone, so nothing of a value is lost with them.
    one_line = text if "\n" not in text and "\r" not in text else text.replace("\r", " ").replace("\n", " ")
    return Row(fields["id"], fields, one_line)


def _text_of(body: bytes) -> str:
    return body.decode(json.detect_encoding(body))


def _skip(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _expect(text: str, place: int, mark: str) -> int:
    if not text.startswith(mark, place):
        raise ValueError(f"no {mark}")
    return place + 1


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # Python reads NaN and Infinity, JSON does not know them


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(text)  # no reader could hold it
    return number


_scan = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite).raw_decode


def _at(meta: Any, block: str, name: str, kind: type) -> Any:
    inner = meta.get(block) if isinstance(meta, dict) else None
    value = inner.get(name) if isinstance(inner, dict) else None
    return value if type(value) is kind else None
