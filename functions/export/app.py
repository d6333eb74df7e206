"""Exports a resource of the store to S3, one slice an invocation; called by the state machine until it is complete."""

from __future__ import annotations

from typing import Any

from storekey import lambda_handler
from storekey.exports import export


@lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return how far the run has come, whether it is complete, and how long to wait before the next slice."""
    return export(event, context.aws_request_id)
