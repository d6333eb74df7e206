"""The check of the credentials: one call that tells whether the store accepts them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from ._errors import (
    BadCredentials,
    MissingCredentials,
    RateLimited,
    StoreError,
    TlsFailure,
    Unauthorized,
    Unreachable,
)
from ._invocation import Invocation, invocation
from ._observability import logger
from ._store import LastRead, Store

Status = Literal["accepted", "refused", "missing", "invalid", "unavailable", "unreachable"]


def check(store: Store) -> dict[str, Any]:
    """Ask the store whether it accepts the live credentials, and return what it does as the check's answer.

    The answer holds ``status``, ``kind``, ``version``, ``age_days``, ``checked_at`` (UTC) and ``detail``. What the
    store does is never raised; AWS's own errors (the secret cannot be read) are.
    """
    with invocation() as running:
        error = _ask(store)
        status, live = _status(error), store.last_read()
        _count(running, store.settings.store_name, error, live)
    answer = {
        "status": status,
        "kind": live.kind,
        "version": live.version,
        "age_days": live.age_days,
        "checked_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "detail": str(error) if error else "the store answers to these credentials",
    }
    logger().info("credentials checked", extra={"store": store.settings.store_name, **answer})
    return answer


def _ask(store: Store) -> StoreError | None:
    try:
        store.probe()
    except StoreError as error:
        return error
    return None


def _status(error: StoreError | None) -> Status:
    match error:
        case None:
            return "accepted"
        case Unauthorized():
            return "refused"
        case MissingCredentials():
            return "missing"
        case BadCredentials():
            return "invalid"
        case Unreachable() | TlsFailure():
            return "unreachable"
        case _:
            return "unavailable"


def _count(running: Invocation, store_name: str, error: StoreError | None, live: LastRead) -> None:
    running.count(store_name, "ChecksFinished")
    if not isinstance(error, BadCredentials):
        # Without usable credentials nothing was asked. A store that counts its requests is there.
        answered = error is None or isinstance(error, Unauthorized | RateLimited)
        running.count(store_name, "ChecksUnanswered", 0.0 if answered else 1.0)
    if live.age_days is not None:
        running.count(store_name, "CredentialsAgeDays", live.age_days)
