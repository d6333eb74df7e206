"""The lines of an order: inlined by ``include`` where the store honours it, else from the order's own route.

Whether all are there is told by the order itself: ``items_total`` is the sum of their quantities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

INCLUDE = {"include": "consignments.line_items", "consignment_structure": "object"}
PAGE_LINES = 250
SHORT_PAGE = 50  # the default of v2's lists; no smaller cap is documented

Line = dict[str, Any]


def inlined(order: Mapping[str, Any]) -> list[Line] | None:
    """Return the lines that came with an order, by id; None where none were inlined."""
    consignments = order.get("consignments")
    if not isinstance(consignments, dict):
        return None
    lines: dict[int, Line] = {}
    for found in _line_items(consignments):
        if not are_lines(found):
            return None
        lines.update({line["id"]: line for line in found})
    return [lines[line_id] for line_id in sorted(lines)]


def all_there(order: Mapping[str, Any], lines: list[Line]) -> bool:
    """Tell whether lines make up what the order says it holds; an order that does not say holds them."""
    total = order.get("items_total")
    return type(total) is not int or _quantity(lines) == total


def fetched(order: Mapping[str, Any], fetch: Callable[[int], list[Line]]) -> list[Line]:
    """Return all lines of an order, page by page from its route; ``fetch`` gets a page's number, counted from 1.

    The end is a page without a new line, or a short one that makes up what the order says it holds; a short one alone
    may be the store's cap.
    """
    lines: dict[int, Line] = {}
    page = 0
    while True:
        page += 1
        found = fetch(page)
        new = {line["id"]: line for line in found if line["id"] not in lines}
        lines.update(new)
        told = type(order.get("items_total")) is int and all_there(order, list(lines.values()))
        if not new or (told and len(found) < SHORT_PAGE):
            return list(lines.values())


def are_lines(found: Any) -> bool:
    """Tell whether something is a list of lines with ids."""
    return isinstance(found, list) and all(isinstance(line, dict) and type(line.get("id")) is int for line in found)


def _line_items(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "line_items":
                yield inner
            else:
                yield from _line_items(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _line_items(inner)


def _quantity(lines: list[Line]) -> int:
    quantities = [line.get("quantity") for line in lines]
    return sum(quantity for quantity in quantities if type(quantity) is int)
