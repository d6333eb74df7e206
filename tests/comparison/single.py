"""Histories in which one thing happens, and once: each shows one way in which a row goes missing, or does not."""

from __future__ import annotations

from collections.abc import Mapping

from tests.histories.corpus import FIRST_ORDER, HOUR, Behaviour, Change, History, Run, Step

ORDERS = 600
_ALL = tuple(range(FIRST_ORDER, FIRST_ORDER + ORDERS))
# The first by id is among the first by date of modification too: all systems have read it with their first page.
_READ = _ALL[:1]
_OTHER, _ANOTHER = _ALL[300:301], _ALL[301:302]
_AFTERWARDS = 1_000


def _history(*runs: Run, clock_skew: int = 0) -> History:
    behaviour = Behaviour(
        orders=ORDERS,
        clock_skew=clock_skew,
        inclusive=True,
        include_lines=True,
        list_archived=True,
        page_cap=None,
        include_page_cap=None,
        include_line_cap=None,
        count_filters=True,
        count_incomplete=True,
    )
    return History(0, behaviour, (*runs, Run(pause=6 * HOUR, pace=1.0)))


def _first(*steps: Step) -> Run:
    return Run(HOUR, 1.0, steps)


SINGLE: Mapping[str, History] = {
    "nothing": _history(_first()),
    "an order already read changes, before page 2": _history(_first(Step(2, 0, Change("edit", _READ, "a")))),
    "an order already read is removed, before page 2": _history(_first(Step(2, 0, Change("remove", _READ, "")))),
    "all orders are edited in one second, before page 3": _history(_first(Step(3, 0, Change("edit", _ALL, "a")))),
    "after a sync, an order changes in the second of the newest one read": _history(
        _first(),
        Run(HOUR, 0.0, (Step(0, 0, Change("edit", _OTHER, "a")), Step(_AFTERWARDS, 0, Change("edit", _ANOTHER, "b")))),
    ),
    "ten seconds after a sync, an order changes; the store's clock is 45 s behind": _history(
        _first(Step(_AFTERWARDS, 10, Change("edit", _OTHER, "a"))), clock_skew=-45
    ),
}
