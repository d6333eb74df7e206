"""Metrics in log lines: which points they bring, and what CloudWatch would drop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.metrics import Metrics, MetricsError
from tests.sandbox.test_alarms import alarm, line


def test_each_dimension_set_is_a_metric_of_its_own() -> None:
    names = [{"Name": "ExportLagSeconds", "Unit": "Seconds"}]
    sets = [["store"], ["store", "resource"]]
    document = {
        "_aws": {
            "Timestamp": 1_800_000_000_000,
            "CloudWatchMetrics": [{"Namespace": "Storekey", "Dimensions": sets, "Metrics": names}],
        },
        "store": "shop",
        "resource": "orders",
        "ExportLagSeconds": [75.5],
    }
    points = Metrics().read(json.dumps(document))
    assert [point.dimensions for point in points] == [{"store": "shop"}, {"store": "shop", "resource": "orders"}]
    assert {(point.metric, point.unit, *point.values) for point in points} == {("ExportLagSeconds", "Seconds", 75.5)}
    for resource, seen in (([], 75.5), ([("resource", "orders")], 75.5), ([("resource", "products")], None)):
        dimensions = [{"Name": name, "Value": value} for name, value in [*resource, ("store", "shop")]]
        late = alarm(MetricName="ExportLagSeconds", Unit="Seconds", Dimensions=dimensions)
        assert late.data(points, 1_800_000_001)[-1] == seen


def broken() -> Iterator[Any]:
    good = json.loads(line(1_800_000_000, Faults=1))
    directive = good["_aws"]["CloudWatchMetrics"][0]
    yield "seconds", good | {"_aws": good["_aws"] | {"Timestamp": 1_800_000_000}}
    yield "no time", good | {"_aws": {"CloudWatchMetrics": [directive]}}
    yield "no namespace", good | {"_aws": good["_aws"] | {"CloudWatchMetrics": [directive | {"Namespace": ""}]}}
    yield "flat dimensions", good | {"_aws": good["_aws"] | {"CloudWatchMetrics": [directive | {"Dimensions": ["s"]}]}}
    many = [{"Name": "Faults"}] * 101
    yield "too many metrics", good | {"_aws": good["_aws"] | {"CloudWatchMetrics": [directive | {"Metrics": many}]}}
    yield (
        "a metric without name",
        good | {"_aws": good["_aws"] | {"CloudWatchMetrics": [directive | {"Metrics": [{}]}]}},
    )
    unit = [{"Name": "Faults", "Unit": "seconds"}]
    yield "an unknown unit", good | {"_aws": good["_aws"] | {"CloudWatchMetrics": [directive | {"Metrics": unit}]}}
    yield "a dimension without value", {key: value for key, value in good.items() if key != "store"}
    yield "a dimension that is a number", good | {"store": 5}
    yield "a metric without value", {key: value for key, value in good.items() if key != "Faults"}
    for value in ("1", None, True, [], [1, "2"], [1] * 101, float("nan")):
        yield f"value {str(value)[:20]}", good | {"Faults": value}


@pytest.mark.parametrize("document", [pytest.param(document, id=name) for name, document in broken()])
def test_metrics_that_cloudwatch_would_drop_are_an_error(document: Any) -> None:
    with pytest.raises(MetricsError):
        Metrics().read(json.dumps(document))
