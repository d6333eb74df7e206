"""What the functions around the credentials do beside calling the store: promote, rotate, tell people."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from ._cache import Version
from ._check import check
from ._credentials import Credentials
from ._invocation import invocation, rehearsal
from ._promotion import Promotion, Settle, Test, Verdict, candidate_test, nothing, promote
from ._rotation import NoCandidate, NotPending, NotTested, rotate
from ._secret import CANDIDATE, REJECTED, LabelMovedError
from ._settings import Settings, SettingsError
from ._store import Store

# The event of a new candidate takes seconds; one that is older than this got lost.
_EVENT_IS_LOST = timedelta(minutes=2)
# Kept back from the time of calls to the store: for moving labels, and for telling the topic.
_KEEP_BACK_SECONDS = 10.0


def promote_candidate() -> dict[str, Any]:
    """Promote the candidate of this environment's secret, tell the topic, and check what is live now.

    Returns the answer of promote_credentials: ``result``, ``detail``, ``version``, ``previous``.
    """
    store = Store.from_environment()
    test, settle = _test(store.settings), _settle(store.settings)
    with invocation() as running:
        running.keep_back(_KEEP_BACK_SECONDS)
    promotion = promote(store.secret, test, lambda outcome: _tell(store, outcome), settle)
    if promotion.result == "promoted":
        check(store)
    return promotion.as_answer()


def rotate_candidate(step: str, token: str) -> None:
    """Carry out one of Secrets Manager's rotation steps for the version ``token``.

    The metric RotationFailed gets a 1 for a step that failed and a 0 when the last one is done. Neither is written for
    an event of no rotation, nor for what passes, nor where there is no candidate and none is due: the secret was never
    filled, or the live credentials are younger than ROTATION_DAYS because somebody has promoted them. The error is
    raised all the same: Secrets Manager must not count it as a rotation.
    """
    store = Store.from_environment()
    with invocation() as running:
        running.keep_back(_KEEP_BACK_SECONDS)
    failed: float | None = 1.0
    try:
        test, settle = _test(store.settings), _settle(store.settings)
        rotate(store.secret, step, token, test, lambda outcome: _tell(store, outcome), settle=settle)
        failed = 0.0 if step == "finishSecret" else None
    except NoCandidate:
        failed = 1.0 if _is_due(store.secret.live()) else None
        raise
    except (NotPending, NotTested, LabelMovedError):
        failed = None
        raise
    finally:
        if failed is not None:
            with invocation() as running:
                running.count(store.settings.store_name, "RotationFailed", failed)
    if step == "finishSecret":
        check(store)


def pick_up_candidate(store: Store) -> None:
    """Have a candidate promoted whose event got lost; one that was rejected is left to its owner."""
    labels = store.secret.labels()
    candidate = labels.get(CANDIDATE)
    if candidate in (None, labels.get(REJECTED)):
        return
    if _now() - store.secret.changed() > _EVENT_IS_LOST:
        _client("lambda").invoke(FunctionName=_variable("PROMOTE_FUNCTION"), InvocationType="Event", Payload=b"{}")


def _test(settings: Settings) -> Test:
    """Return the test of a candidate; with webhooks, one for which there could be none is rejected in time."""
    against_store = candidate_test(settings)

    def test(version: Version) -> Verdict | None:
        verdict = against_store(version)
        if verdict or not _with_webhooks() or not isinstance(version.holds, Credentials):
            return verdict
        from .webhooks.sync import why_no_hooks  # noqa: PLC0415 - only where there are webhooks

        with rehearsal():
            why = why_no_hooks(settings, version.holds)
        return Verdict(f"webhooks: {why[0]}", final=why[1]) if why else None

    return test


def _settle(settings: Settings) -> Settle:
    """Return what makes the webhooks of credentials that have just become live."""

    def settle(credentials: Credentials) -> str:
        if not _with_webhooks():
            return nothing(credentials)
        from .webhooks.sync import settle as settle_webhooks  # noqa: PLC0415 - only where there are webhooks

        return settle_webhooks(settings, credentials)

    return settle


def _with_webhooks() -> bool:
    return bool(os.environ.get("WEBHOOK_URL"))


def _is_due(live: Version | None) -> bool:
    """Tell whether the live version is as old as a schedule that asks at some hour of the last day finds it."""
    return live is not None and _now() - live.created >= timedelta(days=float(_variable("ROTATION_DAYS")) - 1)


def _tell(store: Store, promotion: Promotion) -> None:
    name = store.settings.store_name
    told = {
        "promoted": f"The credentials of the store {name} were promoted: {promotion.detail}. "
        f"Version {promotion.version}; the one before, {promotion.previous}, is labelled AWSPREVIOUS.",
        "rejected": f"The candidate for the store {name} was rejected: {promotion.detail}. "
        f"Stage another version with the label CANDIDATE. Version {promotion.version}.",
    }
    subject = f"storekey {name}: candidate {promotion.result}"
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
