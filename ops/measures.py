"""What CloudWatch has of a stack's metrics: series of equal periods, all of them by one request."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .stack import StackError

NAMESPACE = "Storekey"
# Enough for a plot as wide as a screen, and within what a page of the answer holds.
_MOST_PERIODS = 96


@dataclass(frozen=True)
class Metric:
    """A metric of the store, or of one ``resource``, by a statistic of CloudWatch's.

    ``period`` in seconds, 0 for that of the span: a minute's tells when something was last.
    """

    name: str
    statistic: str
    resource: str = ""
    period: int = 0


@dataclass(frozen=True)
class Series:
    """Points (Unix seconds of a period's begin, value), the oldest first; periods without data have none."""

    points: tuple[tuple[float, float], ...] = ()

    @property
    def last(self) -> float | None:
        """The newest value."""
        return self.points[-1][1] if self.points else None

    @property
    def last_at(self) -> float | None:
        """When the newest period began."""
        return self.points[-1][0] if self.points else None

    @property
    def total(self) -> float:
        """The sum of all values."""
        return sum(value for _, value in self.points)

    @property
    def most(self) -> float | None:
        """The greatest value."""
        return max((value for _, value in self.points), default=None)

    @property
    def least(self) -> float | None:
        """The smallest value."""
        return min((value for _, value in self.points), default=None)


@dataclass(frozen=True)
class Span:
    """From when to when is looked at, in Unix seconds, in periods of so many seconds."""

    begin: float
    end: float
    period: int

    @classmethod
    def of_hours(cls, hours: float, now: float) -> Span:
        """Return at least the last hours, in whole periods of whole minutes."""
        period = max(1, math.ceil(hours * 60 / _MOST_PERIODS)) * 60
        end = (now // period + 1) * period
        return cls(end - math.ceil(hours * 3600 / period) * period, end, period)


class Measures:
    """Reads metrics. What CloudWatch refuses is raised as botocore's ClientError, what it fails in as StackError."""

    def __init__(self, cloudwatch: Any, store: str, span: Span) -> None:
        self._cloudwatch = cloudwatch
        self._store = store
        self.span = span

    def read(self, wanted: Iterable[Metric]) -> Mapping[Metric, Series]:
        """Return the series of each metric; an empty one where there is no data."""
        by_id = {f"m{number}": metric for number, metric in enumerate(dict.fromkeys(wanted))}
        found: dict[str, dict[float, float]] = {each: {} for each in by_id}
        pages = self._cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[self._query(each, metric) for each, metric in by_id.items()],
            StartTime=_date(self.span.begin),
            EndTime=_date(self.span.end),
            ScanBy="TimestampAscending",
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                if result.get("StatusCode") in ("InternalError", "Forbidden"):
                    raise StackError(f"CloudWatch cannot tell metrics now ({result['StatusCode']}); try again later")
                times = (time.timestamp() for time in result["Timestamps"])
                found[result["Id"]].update(zip(times, result["Values"], strict=True))
        return {metric: Series(tuple(sorted(found[each].items()))) for each, metric in by_id.items()}

    def _query(self, each: str, metric: Metric) -> dict[str, Any]:
        dimensions = {"store": self._store, **({"resource": metric.resource} if metric.resource else {})}
        return {
            "Id": each,
            "MetricStat": {
                "Metric": {
                    "Namespace": NAMESPACE,
                    "MetricName": metric.name,
                    "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
                },
                "Period": metric.period or self.span.period,
                "Stat": metric.statistic,
            },
        }


def _date(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
