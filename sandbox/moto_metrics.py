"""How moto's CloudWatch answers GetMetricData, in less time.

For each period of each metric it looks at all that was ever put of every metric: an answer of a day takes a tenth of a
second, and what was put stays for the life of the process.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from types import SimpleNamespace
from typing import Any

from moto.cloudwatch.models import CloudWatchBackend

_Query = Mapping[str, Any]


def put_right() -> None:
    """Let it look at the metric that it was asked for."""
    backend: Any = CloudWatchBackend
    backend.get_metric_data = _of_the_metric(backend.get_metric_data)


def _of_the_metric(usual: Callable[..., list[Any]]) -> Any:
    @wraps(usual)
    def get_metric_data(backend: CloudWatchBackend, queries: Sequence[_Query], *span: Any, **more: Any) -> list[Any]:
        if not queries or any("MetricStat" not in query for query in queries):
            return usual(backend, queries, *span, **more)  # expressions lean on other queries
        put = defaultdict(list)
        for datum in backend.get_all_metrics():
            put[datum.name].append(datum)
        found = []
        for query in queries:
            name = query["MetricStat"]["Metric"]["MetricName"]
            found += usual(SimpleNamespace(get_all_metrics=lambda name=name: put[name]), [query], *span, **more)
        return found

    return get_metric_data
