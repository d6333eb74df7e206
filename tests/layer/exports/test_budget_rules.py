"""What becomes of the shared budget, as tables: opened, told of, refused, and read back from its item."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from storekey._quota import LONGEST_HOLD, MANY, Told
from storekey.exports._budget import (
    ASKED,
    REFUSED,
    TOLD,
    Budget,
    Known,
    _untold,
    informed,
    read,
    refused,
    scouted,
    unanswered,
)

NOW = 1_795_521_600_000
BUDGET = Budget(NOW - 1_000, NOW + 5_000, 9, 120, TOLD)
SCOUT = Budget(NOW - 1_000, NOW + 1_000, 9, 120, ASKED)
REFUSAL = Budget(NOW - 1_000, NOW + 5_000, 0, 0, REFUSED)
KNOWN = Known(NOW - 1_000, 7, 110, NOW + 4_000)


def item(budget: Budget) -> dict[str, Any]:
    return {name: {"S" if name == "phase" else "N": str(value)} for name, value in asdict(budget).items()}


@pytest.mark.parametrize(
    "budget",
    [
        BUDGET,
        Budget(NOW + 5_000, NOW + 5_000, 0, 0, TOLD),
        Budget(NOW, NOW + 27_000, MANY, MANY, ASKED),
        Budget(NOW, NOW + 87_000, 1, 1, TOLD),
        Budget(NOW, NOW + 3_600_000, 0, 0, REFUSED),
    ],
)
def test_an_item_is_read_as_it_was_written(budget: Budget) -> None:
    assert read(item(budget), NOW) == budget


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"opened": {"N": "1"}},
        item(BUDGET) | {"permits": {"N": "many"}},
        item(BUDGET) | {"phase": {"N": "1"}},
        item(replace(BUDGET, phase="dreamt")),
        item(Budget(NOW + 5_001, NOW + 5_001, 0, 0, TOLD)),
        item(replace(BUDGET, ends=BUDGET.opened - 1)),
        item(Budget(NOW, NOW + 27_001, 0, 0, ASKED)),
        item(Budget(NOW, NOW + 87_001, 0, 0, TOLD)),
        item(Budget(NOW, NOW + 3_600_001, 0, 0, REFUSED)),
        *(item(replace(BUDGET, permits=value)) for value in (-1, MANY + 1)),
        *(item(replace(BUDGET, usual=value)) for value in (-1, MANY + 1)),
    ],
)
def test_an_item_that_cannot_be_is_no_budget(odd: dict[str, Any]) -> None:
    assert read(odd, NOW) is None


@pytest.mark.parametrize(
    ("budget", "then"),
    [
        (None, Budget(NOW, NOW + 2_000, 0, 0, ASKED)),
        (SCOUT, replace(SCOUT, ends=NOW + 2_000, permits=8)),
        (replace(SCOUT, permits=0), replace(SCOUT, ends=NOW + 2_000, permits=0)),
        (replace(SCOUT, opened=NOW - 24_999), Budget(NOW - 24_999, NOW + 2_000, 8, 120, ASKED)),
        (replace(SCOUT, opened=NOW - 25_000), Budget(NOW, NOW + 2_000, 119, 120, ASKED)),
        (BUDGET, Budget(NOW, NOW + 2_000, 119, 120, ASKED)),
        (replace(BUDGET, usual=0), Budget(NOW, NOW + 2_000, 8, 0, ASKED)),
        (replace(BUDGET, usual=0, permits=0), Budget(NOW, NOW + 2_000, 0, 0, ASKED)),
        (replace(BUDGET, opened=NOW), Budget(NOW + 1, NOW + 2_000, 119, 120, ASKED)),
        (replace(BUDGET, opened=NOW + 3_000), Budget(NOW + 3_001, NOW + 3_001, 119, 120, ASKED)),
    ],
)
def test_a_scout_opens_a_window_or_follows_one_without_an_answer(budget: Budget | None, then: Budget) -> None:
    assert scouted(budget, NOW) == then


@pytest.mark.parametrize(
    ("budget", "window", "then"),
    [
        (None, SCOUT.opened, None),
        (SCOUT, SCOUT.opened, replace(SCOUT, ends=NOW)),
        (replace(SCOUT, opened=NOW + 5), NOW + 5, replace(SCOUT, opened=NOW + 5, ends=NOW + 5)),
        (SCOUT, SCOUT.opened - 1, SCOUT),
        (BUDGET, BUDGET.opened, BUDGET),
    ],
)
def test_an_answer_that_tells_nothing_lets_another_scout_go(
    budget: Budget | None, window: int, then: Budget | None
) -> None:
    assert unanswered(budget, window, NOW) == then


@pytest.mark.parametrize(
    ("budget", "known", "then"),
    [
        (None, KNOWN, None),
        (None, None, None),
        (BUDGET, None, BUDGET),
        (BUDGET, replace(KNOWN, opened=NOW), BUDGET),
        (REFUSAL, KNOWN, REFUSAL),
        (SCOUT, KNOWN, Budget(NOW - 1_000, NOW + 4_000, 7, 110, TOLD)),
        (replace(SCOUT, permits=3), KNOWN, Budget(NOW - 1_000, NOW + 4_000, 3, 110, TOLD)),
        (replace(SCOUT, permits=3, usual=0), KNOWN, Budget(NOW - 1_000, NOW + 4_000, 7, 110, TOLD)),
        (SCOUT, replace(KNOWN, ends=NOW - 9_000), Budget(NOW - 1_000, NOW - 1_000, 7, 110, TOLD)),
        (BUDGET, KNOWN, Budget(NOW - 1_000, NOW + 4_000, 7, 110, TOLD)),
        (BUDGET, replace(KNOWN, ends=NOW + 6_000), Budget(NOW - 1_000, NOW + 5_000, 7, 110, TOLD)),
        (BUDGET, replace(KNOWN, ends=NOW - 9_000), Budget(NOW - 1_000, NOW - 1_000, 7, 110, TOLD)),
        (BUDGET, replace(KNOWN, left=9), BUDGET),
    ],
)
def test_the_first_answer_of_a_window_counts_and_each_that_leaves_less(
    budget: Budget | None, known: Known | None, then: Budget | None
) -> None:
    assert informed(budget, known) == then


@pytest.mark.parametrize(
    ("budget", "wait", "then"),
    [
        (None, 1.5, Budget(NOW, NOW + 1_500, 0, 0, REFUSED)),
        (None, 0.0001, Budget(NOW, NOW + 1, 0, 0, REFUSED)),
        (None, 1e9, Budget(NOW, NOW + 3_600_000, 0, 0, REFUSED)),
        (REFUSAL, 4.0, REFUSAL),
        (REFUSAL, 5.0, REFUSAL),
        (REFUSAL, 5.5, Budget(NOW, NOW + 5_500, 0, 0, REFUSED)),
        (replace(BUDGET, permits=0), 4.0, replace(BUDGET, permits=0)),
        (BUDGET, 4.0, Budget(NOW, NOW + 4_000, 0, 0, REFUSED)),
        (replace(SCOUT, permits=0), 0.5, Budget(NOW, NOW + 500, 0, 0, REFUSED)),
    ],
)
def test_a_refusal_leaves_nothing_for_as_long_as_it_says(budget: Budget | None, wait: float, then: Budget) -> None:
    assert refused(budget, wait, NOW) == then


@pytest.mark.parametrize(("status", "all_of_it"), [(None, False), (199, False), (200, True), (299, True), (300, False)])
def test_a_store_that_answers_well_and_tells_no_quota_has_none(status: int | None, all_of_it: bool) -> None:
    assert _untold(status) == (Told(MANY, MANY, LONGEST_HOLD) if all_of_it else None)
