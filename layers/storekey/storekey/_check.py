"""The check of the credentials: one call that tells whether the store accepts them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from ._errors import BadCredentials, MissingCredentials, StoreError, TlsFailure, Unauthorized, Unreachable
from ._invocation import Invocation, invocation
from ._observability import logger
from ._store import Live, Store

Status = Literal["accepted", "refused", "missing", "invalid", "unavailable", "unreachable"]

# Whether the store could be asked and answered; the others did not ask.
_UNANSWERED: dict[Status, float] = {"accepted": 0.0, "refused": 0.0, "unavailable": 1.0, "unreachable": 1.0}


def check(store: Store) -> dict[str, Any]:
    """Ask the store whether it accepts the live credentials, and return what it does as the check's answer.

    The answer holds ``status``, ``kind``, ``version``, ``age_days``, ``checked_at`` (UTC) and ``detail``. What the
    store does is never raised; AWS's own errors (the secret cannot be read) are.
    """
    with invocation() as running:
        status, detail = _ask(store)
        live = store.live()
        _count(running, store.settings.store_name, status, live)
    answer = {
        "status": status,
        "kind": live.kind,
        "version": live.version,
        "age_days": live.age_days,
        "checked_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "detail": detail,
    }
    logger().info("credentials checked", extra={"store": store.settings.store_name, **answer})
    return answer


def _ask(store: Store) -> tuple[Status, str]:
    try:
        store.probe()
    except StoreError as error:
        return _status(error), str(error)
    return "accepted", "the store answers to these credentials"


def _status(error: StoreError) -> Status:
    if isinstance(error, Unauthorized):
        return "refused"
    if isinstance(error, MissingCredentials):
        return "missing"
    if isinstance(error, BadCredentials):
        return "invalid"
    return "unreachable" if isinstance(error, Unreachable | TlsFailure) else "unavailable"


def _count(running: Invocation, store_name: str, status: Status, live: Live) -> None:
    running.count(store_name, "ChecksFinished")
    if status in _UNANSWERED:
        running.count(store_name, "ChecksUnanswered", _UNANSWERED[status])
    if live.age_days is not None:
        running.count(store_name, "CredentialsAgeDays", live.age_days)
