"""GetMetricData of the sandbox's CloudWatch answers what moto's own way does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.cloudwatch.models import CloudWatchBackend

from sandbox.aws import Aws

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def query(number: int, name: str, store: str | None, **more: Any) -> dict[str, Any]:
    dimensions = [{"Name": "store", "Value": store}] if store else []
    metric = {"Namespace": "Compared", "MetricName": name, "Dimensions": dimensions}
    return {"Id": f"m{number}", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum", **more}}


QUERIES = [
    query(0, "Calls", "a"),
    query(1, "Calls", "b"),
    query(2, "Failures", "a"),
    query(3, "Nothing", "a"),
    query(4, "Calls", "a", Stat="Maximum", Period=600),
    query(5, "Calls", None),
    query(6, "Calls", "a") | {"ReturnData": False},
]


PUT = (("Calls", 0, 1), ("Calls", 59, 2), ("Calls", 300, 4), ("Failures", 61, 8), ("Calls", 3600, 9))


@pytest.fixture(scope="module")
def filled(aws: Aws) -> Aws:
    """CloudWatch with each value three times: of two stores, and of none."""
    data = [
        {"MetricName": name, "Timestamp": NOW + timedelta(seconds=at), "Value": value, "Dimensions": dimensions}
        for name, at, value in PUT
        for dimensions in ([{"Name": "store", "Value": "a"}], [{"Name": "store", "Value": "b"}], [])
    ]
    aws.client("cloudwatch").put_metric_data(Namespace="Compared", MetricData=data)
    return aws


def asked(aws: Aws, queries: list[dict[str, Any]], **more: Any) -> Any:
    span = {"StartTime": NOW, "EndTime": NOW + timedelta(hours=1)}
    return aws.client("cloudwatch").get_metric_data(MetricDataQueries=queries, **span, **more)["MetricDataResults"]


@pytest.mark.parametrize("queries", [QUERIES, [*QUERIES, {"Id": "e1", "Expression": "m0", "Label": "again"}]])
@pytest.mark.parametrize("order", ["TimestampAscending", "TimestampDescending"])
def test_the_answers_are_the_same(
    filled: Aws, order: str, queries: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = asked(filled, queries, ScanBy=order)
    backend: Any = CloudWatchBackend
    monkeypatch.setattr(backend, "get_metric_data", backend.get_metric_data.__wrapped__)
    assert ours == asked(filled, queries, ScanBy=order)
    assert [each["Id"] for each in ours] == ["m0", "m1", "m2", "m3", "m4", "m5", *(["e1"] if len(queries) > 7 else [])]
    assert sorted(ours[0]["Values"]) == [3.0, 4.0], "the end is not within"
