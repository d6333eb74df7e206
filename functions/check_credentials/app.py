"""Asks the store whether it accepts the live credentials; runs on schedule, after a change, and by hand."""

from __future__ import annotations

from typing import Any

from storekey import Store, check, lambda_handler


@lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the check's answer; the event is not looked at."""
    return check(Store.from_environment())
