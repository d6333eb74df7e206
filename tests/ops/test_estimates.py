"""What a backfill takes and costs, worked out by hand beside it."""

from __future__ import annotations

from typing import Any

import pytest

from ops import prices
from ops.estimates import estimated
from ops.prices import Price
from tests.ops.backfilling import DRY


def dry(**more: Any) -> dict[str, Any]:
    return {**DRY, **more}


def test_the_slower_of_quota_and_answers_tells_how_long_it_takes() -> None:
    by_quota = estimated(DRY, 4)
    assert by_quota.bound_by == "quota"
    assert by_quota.seconds == pytest.approx(1040 / 120 * 30)
    assert by_quota.pace_seconds == pytest.approx(1040 * 0.41 / 4)
    by_pace = estimated(dry(quota={"requests": 10_000, "window_seconds": 30}), 4)
    assert by_pace.bound_by == "pace"
    assert by_pace.seconds == pytest.approx(1040 * 0.41 / 4)
    untold = estimated(dry(quota=None), 2)
    assert (untold.bound_by, untold.quota_seconds) == ("pace", None)
    assert untold.seconds == pytest.approx(1040 * 0.41 / 2)


def test_no_more_work_at_once_than_there_are_ranges() -> None:
    assert estimated(dry(ranges=DRY["ranges"][:3]), 8).workers == 3
    assert estimated(dry(ranges=[]), 8).workers == 1


def test_each_cost_is_an_amount_times_a_price() -> None:
    estimate = estimated(DRY, 4)
    costs = {cost.item: cost for cost in estimate.costs}
    busy = 1040 / 120 * 30 * 4  # 1,040 s, paid for while they wait for the quota
    assert costs["Lambda, time"].amount == pytest.approx(busy * 0.5)
    assert costs["Lambda, time"].usd == pytest.approx(520 * 0.0000133334)
    assert costs["Lambda, calls"].amount == 26 + 1  # one a range and the tail, which are done in one go; and the plan
    assert costs["Step Functions"].usd == pytest.approx((8 + 26 * 4) / 1000 * 0.025)
    # Four of each call, one of each file, one in ten seconds of work; two units each, as each request takes.
    assert costs["DynamoDB, writes"].amount == (27 * 4 + 26 + 1040 / 10) * 2 + 1040 * 2
    assert costs["S3, files"].amount == 26 + 1 + 4
    assert costs["S3, a month"].amount == pytest.approx(250_000 * 41_234 / 250 / 2**30)
    assert estimate.usd == pytest.approx(sum(cost.amount / cost.price.each * cost.price.usd for cost in estimate.costs))
    assert 0.01 < estimate.usd < 0.05


def test_long_ranges_take_further_calls_and_large_ones_further_files() -> None:
    long = estimated(dry(quota={"requests": 1, "window_seconds": 30}, ranges=DRY["ranges"][:3]), 1)
    costs = {cost.item: cost.amount for cost in long.costs}
    calls = 9  # of each of the four: 1,040 requests x 30 s, by four, by 870 s
    assert costs["Lambda, calls"] == 4 * calls + 1
    assert costs["Step Functions"] == 8 + 4 * (4 + 3 * (calls - 1))
    large = estimated(dry(estimate={**DRY["estimate"], "bytes_sampled": 4_123_400}), 4)
    assert {cost.item: cost.amount for cost in large.costs}["S3, files"] == 26 * 10 + 5


def test_a_store_that_tells_no_count_or_has_no_row_is_estimated_all_the_same() -> None:
    uncounted = estimated(dry(count=None), 4)
    assert (uncounted.rows, uncounted.bytes) == (None, None)
    empty = {**DRY["estimate"], "rows_sampled": 0, "bytes_sampled": 20}
    assert estimated(dry(count=0, estimate=empty, ranges=[]), 4).bytes is None


def test_every_price_says_where_it_is_from_and_as_of_when() -> None:
    all_of_them = [value for value in vars(prices).values() if isinstance(value, Price)]
    assert len(all_of_them) == 7
    for price in all_of_them:
        assert price.page.startswith("https://aws.amazon.com/")
        assert "20" in price.seen
    assert str(prices.LAMBDA_ARM64) == "$0.0000133334 per GB-second (arm64)"
    assert str(prices.LAMBDA_REQUEST) == "$0.20 per 1,000,000 requests"
