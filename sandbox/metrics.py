"""Metrics in log lines, as CloudWatch reads them (embedded metric format), with the rules that it drops lines by."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SIZES = [
    f"{prefix}{size}".capitalize() for prefix in ("", "kilo", "mega", "giga", "tera") for size in ("bytes", "bits")
]
_PLAIN = ["Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "None"]
UNITS = {*_PLAIN, *_SIZES, *(f"{unit}/Second" for unit in [*_SIZES, "Count"])}


class MetricsError(ValueError):
    """A log line claims to hold metrics, but CloudWatch would not take them."""


@dataclass(frozen=True)
class Point:
    """Values of one metric at one moment; the timestamp in seconds."""

    namespace: str
    metric: str
    dimensions: Mapping[str, Any]
    unit: str
    timestamp: float
    values: Sequence[float]


class Metrics:
    """The points that log lines have brought so far."""

    def __init__(self) -> None:
        self.points: list[Point] = []

    def read(self, logs: str, later: float = 0.0) -> list[Point]:
        """Add the points of each line in the embedded metric format, ``later`` seconds after their time; return them.

        Raises MetricsError for a line that breaks the rules of the format, where CloudWatch would drop it in silence.
        """
        documents = filter(None, map(_metric_document, logs.splitlines()))
        points = [point for document in documents for point in _points(document, later)]
        self.points += points
        return points


def _metric_document(line: str) -> dict[str, Any] | None:
    try:
        document = json.loads(line)
    except ValueError:
        return None
    aws = document.get("_aws") if isinstance(document, dict) else None
    return document if isinstance(aws, dict) and "CloudWatchMetrics" in aws else None


def _points(document: Mapping[str, Any], later: float) -> Iterable[Point]:
    timestamp = document["_aws"].get("Timestamp")
    _require(isinstance(timestamp, int) and timestamp > 10**12, f"Timestamp {timestamp} is not in milliseconds")
    for directive in document["_aws"]["CloudWatchMetrics"]:
        namespace, metrics = directive.get("Namespace"), directive.get("Metrics", [])
        _require(0 < len(namespace or "") <= 1024, f"Namespace {namespace!r}")
        _require(len(metrics) <= 100, f"{len(metrics)} metrics in one directive")
        for keys in directive.get("Dimensions", [[]]):
            _require(isinstance(keys, list) and len(keys) <= 30, f"dimension set {keys}")
            dimensions = {key: document.get(key) for key in keys}
            texts = [isinstance(value, str) and 0 < len(value) <= 1024 for value in dimensions.values()]
            _require(all(texts), f"dimensions {dimensions}")
            for metric in metrics:
                name, unit = metric.get("Name"), metric.get("Unit", "None")
                _require(unit in UNITS, f"{name} has the unit {unit!r}")
                yield Point(namespace, name, dimensions, unit, timestamp / 1000 + later, _values(document, name))


def _values(document: Mapping[str, Any], name: str) -> list[float]:
    found = document.get(name)
    values: list[Any] = found if isinstance(found, list) else [found]
    numbers = [type(value) in (int, float) and math.isfinite(value) for value in values]
    _require(all(numbers) and 0 < len(values) <= 100, f"{name} is {found!r}")
    return [float(value) for value in values]


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise MetricsError(f"CloudWatch would not take the metrics of a log line: {problem}")
