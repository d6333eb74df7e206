"""Asks the store whether it accepts the live credentials; runs on schedule, after a change, and by hand."""

from __future__ import annotations

from typing import Any

from storekey import Store, check, lambda_handler, pick_up_candidate


@lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the check's answer; the event is not looked at."""
    store = Store.from_environment()
    answer = check(store)
    pick_up_candidate(store)
    return answer
