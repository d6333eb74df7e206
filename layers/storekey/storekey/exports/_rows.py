"""Takes the rows out of a page's body: each as the bytes that the store sent, and the few facts that are looked at.

msgspec checks and cuts JSON at the speed of reading it, without making objects of it; see docs/decisions/0007.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

# Up to what engines hold as bigint.
Id = Annotated[int, Meta(ge=1, le=(1 << 63) - 1)]


class Facts(msgspec.Struct):
    """What is looked at of a row; any of it but the id may be missing, or be something else than it should."""

    id: Id
    date_created: Any = None
    status_id: Any = None
    is_deleted: Any = None
    items_total: Any = None
    consignments: Raw | UnsetType = UNSET


@dataclass(frozen=True)
class Row:
    """A row of the store: its id, its facts, and its JSON on one line."""

    id: int
    facts: Facts = field(repr=False)
    json: bytes = field(repr=False)

    def extended(self, suffix: bytes) -> bytes:
        """Return the JSON with more members at its end, given without the braces, and a line's end."""
        return b"%b,%b}\n" % (self.json[:-1], suffix)


@dataclass(frozen=True)
class Page:
    """A page of a list: its rows as they came, and what v3 tells beside them, None where it does not."""

    rows: list[Row]
    total: int | None = None
    cursor: str | None = None


class _Envelope(msgspec.Struct):
    data: list[Raw]
    meta: Any = None


_ARRAY = msgspec.json.Decoder(list[Raw])
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_FACTS = msgspec.json.Decoder(Facts)
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)


def decode_v2(body: bytes) -> Page:
    """Read a bare JSON array of rows. Raises ValueError for anything else."""
    return Page([_row(each) for each in decoded(_ARRAY, body)])


def decode_v3(body: bytes) -> Page:
    """Read v3's envelope: the rows under ``data``, total and cursor under ``meta``. Raises ValueError."""
    envelope = decoded(_ENVELOPE, body)
    total = _at(envelope.meta, "pagination", "total", int)
    return Page(
        [_row(each) for each in envelope.data], total, _at(envelope.meta, "cursor_pagination", "end_cursor", str)
    )


def decoded(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    """Decode a body. Raises ValueError where it is not the JSON expected, in UTF-8 or another of JSON's encodings.

    Half a character (the escape of a lone surrogate, where somebody has cut a text) becomes U+FFFD: no reader takes it.
    """
    text = body.decode(json.detect_encoding(body)).encode()
    try:
        return decoder.decode(text)
    except msgspec.DecodeError:
        return decoder.decode(_ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], text))


def one_line(raw: Raw) -> bytes:
    """Return JSON without line breaks: it allows them between its tokens alone, so nothing of a value is lost."""
    found = bytes(raw)
    return found if b"\n" not in found and b"\r" not in found else found.translate(_SPACES)


_SPACES = bytes.maketrans(b"\r\n", b"  ")


def _row(raw: Raw) -> Row:
    facts = _FACTS.decode(raw)
    return Row(facts.id, facts, one_line(raw))


def _at(meta: Any, block: str, name: str, kind: type) -> Any:
    inner = meta.get(block) if isinstance(meta, dict) else None
    value = inner.get(name) if isinstance(inner, dict) else None
    return value if type(value) is kind else None
