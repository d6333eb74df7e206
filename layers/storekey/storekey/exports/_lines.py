"""The lines of an order: inlined by ``include`` where the store honours it, else from the order's own route.

Whether all are there is told by the order itself: ``items_total`` is the sum of their quantities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Raw

from ._rows import Facts, Id, decoded, one_line

INCLUDE = {"include": "consignments.line_items", "consignment_structure": "object"}
PAGE_LINES = 250
SHORT_PAGE = 50  # the default of v2's lists; no smaller cap is documented


class _Facts(msgspec.Struct):
    id: Id
    quantity: Any = None


@dataclass(frozen=True)
class Line:
    """A line: its id, its quantity where it tells one, and its JSON as the store sent it."""

    id: int
    quantity: Any
    json: bytes = field(repr=False)


class _Holder(msgspec.Struct):
    line_items: list[Raw] = []  # msgspec copies it


_HOLDERS = msgspec.json.Decoder(list[_Holder])
_FACTS = msgspec.json.Decoder(_Facts)
_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_LIST = msgspec.json.Decoder(list[Raw])


def decode_lines(body: bytes) -> list[Line]:
    """Read a JSON array of lines. Raises ValueError for anything else."""
    return [_line(raw) for raw in decoded(_LIST, body)]


def inlined(order: Facts) -> list[Line] | None:
    """Return the lines that came with an order, by id; None where none were inlined."""
    consignments = order.consignments
    if not isinstance(consignments, Raw) or not _begins(consignments, b"{"):
        return None
    lines: dict[int, Line] = {}
    try:
        for holder in _holders(consignments):
            lines.update({line.id: line for line in map(_line, holder.line_items)})
    except msgspec.DecodeError:
        return None  # links, say, or lines without ids
    return [lines[line_id] for line_id in sorted(lines)]


def at_hand(order: Facts) -> list[Line] | None:
    """Return the lines that came with an order, or None where they are not all there."""
    lines = inlined(order)
    return lines if lines is not None and all_there(order, lines) else None


def all_there(order: Facts, lines: Iterable[Line]) -> bool:
    """Tell whether lines make up what the order says it holds; an order that does not say holds them."""
    return type(order.items_total) is not int or _quantity(lines) == order.items_total


def fetched(order: Facts, fetch: Callable[[int], list[Line]]) -> list[Line]:
    """Return all lines of an order, page by page from its route; ``fetch`` gets a page's number, counted from 1.

    The end is a page without a new line, or a short one that makes up what the order says it holds; a short one alone
    may be the store's cap.
    """
    lines: dict[int, Line] = {}
    page = 0
    while True:
        page += 1
        found = fetch(page)
        new = {line.id: line for line in found if line.id not in lines}
        lines.update(new)
        told = type(order.items_total) is int and all_there(order, lines.values())
        if not new or (told and len(found) < SHORT_PAGE):
            return list(lines.values())


def as_json(lines: Iterable[Line]) -> bytes:
    """Return lines as a JSON array."""
    return b"[%b]" % b",".join(line.json for line in lines)


def _line(raw: Raw) -> Line:
    facts = _FACTS.decode(raw)
    return Line(facts.id, facts.quantity, one_line(raw))


def _holders(consignments: Raw) -> Iterator[_Holder]:
    """Yield what holds lines: the elements of ``shipping`` and its like, and of the lists in ``email``."""
    for group in _OBJECT.decode(consignments).values():
        if _begins(group, b"["):
            yield from _HOLDERS.decode(group)
        elif _begins(group, b"{"):
            for inner in _OBJECT.decode(group).values():
                yield from _HOLDERS.decode(inner)


def _begins(value: Raw, mark: bytes) -> bool:
    return memoryview(value)[:1] == mark


def _quantity(lines: Iterable[Line]) -> int:
    return sum(line.quantity for line in lines if type(line.quantity) is int)
