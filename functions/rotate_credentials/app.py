"""Rotates the credentials for Secrets Manager: one invocation for each of its four steps."""

from __future__ import annotations

from typing import Any

from storekey import lambda_handler, rotate_candidate


@lambda_handler
def handler(event: dict[str, str], context: Any) -> None:
    """Carry out the step that the event names for its version; whatever cannot be done is raised."""
    rotate_candidate(event["Step"], event["ClientRequestToken"])
