"""The usual template with Powertools: Logger, Metrics and Tracer around boto3 and requests."""

from __future__ import annotations

import json
import os

import boto3
import requests
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger(service="check")
metrics = Metrics(namespace="Store", service="check")
tracer = Tracer(service="check")
secrets = boto3.client("secretsmanager")


@metrics.log_metrics
@tracer.capture_lambda_handler
def handler(event: object, context: object) -> object:
    """Ask the store for its time."""
    answer = secrets.get_secret_value(SecretId=os.environ["CREDENTIALS_SECRET_ARN"])
    found = json.loads(answer["SecretString"])
    response = requests.get(
        f"{found['api_path']}time",
        auth=(found["username"], found["api_token"]),
        timeout=20,
    )
    response.raise_for_status()
    metrics.add_metric("Checked", MetricUnit.Count, 1)
    logger.info("checked", extra={"status": response.status_code})
    return response.json()
