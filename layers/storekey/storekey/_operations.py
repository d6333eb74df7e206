"""What the functions around the credentials do beside calling the store: promote a candidate, and tell people."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from ._check import check
from ._promotion import Promotion, promote, test_against_store
from ._secret import CANDIDATE, REJECTED
from ._settings import SettingsError
from ._store import Store

# The event of a new candidate takes seconds; one that is older than this got lost.
_EVENT_IS_LOST = timedelta(minutes=2)


def promote_candidate() -> dict[str, Any]:
    """Promote the candidate of this environment's secret, tell the topic, and check what is live now.

    Returns the answer of promote_credentials: ``result``, ``detail``, ``version``, ``previous``.
    """
    store = Store.from_environment()
    settings = store.settings
    promotion = promote(store.secret, test_against_store(settings), lambda outcome: _tell(settings.store_name, outcome))
    if promotion.result == "promoted":
        check(store)
    return promotion.as_answer()


def pick_up_candidate(store: Store) -> None:
    """Have a candidate promoted whose event got lost; one that was rejected is left to its owner."""
    labels = store.secret.labels()
    candidate = labels.get(CANDIDATE)
    if candidate in (None, labels.get(REJECTED)):
        return
    if _now() - store.secret.changed() > _EVENT_IS_LOST:
        _client("lambda").invoke(FunctionName=_variable("PROMOTE_FUNCTION"), InvocationType="Event", Payload=b"{}")


def _tell(store_name: str, promotion: Promotion) -> None:
    told = {
        "promoted": f"The credentials of the store {store_name} were promoted: {promotion.detail}. "
        f"Version {promotion.version}; the one before, {promotion.previous}, is labelled AWSPREVIOUS.",
        "rejected": f"The candidate for the store {store_name} was rejected: {promotion.detail}. Nothing has changed, "
        f"the live credentials go on. Stage another version with the label CANDIDATE. Version {promotion.version}.",
    }
    subject = f"storekey {store_name}: candidate {promotion.result}"
    _client("sns").publish(TopicArn=_variable("ALARM_TOPIC_ARN"), Subject=subject, Message=told[promotion.result])


def _now() -> datetime:
    return datetime.now(UTC)


def _variable(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise SettingsError(f"{name} is not set, though the template sets it")
    return value


def _client(service: Any) -> Any:
    import boto3  # noqa: PLC0415 - only where something is to be told or started

    return boto3.client(service)
