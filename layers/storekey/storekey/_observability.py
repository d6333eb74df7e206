"""The one place that makes the logger and writes metrics."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Mapping

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

NAMESPACE = "Storekey"
_UNITS = {
    "StoreLatency": MetricUnit.Milliseconds,
    "ExportLagSeconds": MetricUnit.Seconds,
    "ExportsBehindSeconds": MetricUnit.Seconds,
    "EventAgeSeconds": MetricUnit.Seconds,
    "QuotaLeftPercent": MetricUnit.Percent,
}


def hush(*loggers: str) -> None:
    """Let loggers say only what is an error: what they say below that may hold headers, bodies or addresses."""
    for name in loggers:
        logging.getLogger(name).addFilter(_is_error)


def _is_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


@functools.cache
def logger() -> Logger:
    """Return the logger: one JSON object a line, on standard output."""
    return Logger(service="storekey")


def write_metrics(dimensions: Mapping[str, str], values: Mapping[str, list[float]], later: int = 0) -> None:
    """Write metrics as embedded metric format (EMF) on standard output, for now or so many seconds ``later``.

    ``values`` gives the points of each metric; more than 100 of one become several lines.
    """
    metrics = EphemeralMetrics(namespace=NAMESPACE, default_dimensions=dict(dimensions))
    if later:
        metrics.set_timestamp(int((time.time() + later) * 1000))
    metrics.service = ""  # POWERTOOLS_SERVICE_NAME would add another dimension
    for name, points in values.items():
        for point in points:
            metrics.add_metric(name, _UNITS.get(name, MetricUnit.Count), point)
    if metrics.metric_set:
        metrics.flush_metrics()
