"""The function ``export``: its event, its answer, its metrics."""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storekey._errors import BadCredentials, Unauthorized
from storekey._invocation import Invocation, invocation
from storekey._observability import logger
from storekey._settings import SettingsError
from storekey._store import Store

from ._backfill import Backfill, BackfillGone, backfill_key
from ._budget import SharedPace
from ._exporter import MODES, Exporter, Outcome, Wanted
from ._files import Files
from ._routes import RESOURCES
from ._run import BACKFILL
from ._source import StoreSource
from ._state import State

# Kept back from the time of an invocation, for writing a part and noting it; a third of a very short one.
_KEEP_BACK_SECONDS = 30.0
# What Step Functions says of a backfill one of whose children failed; the child itself has told why.
_CHILD_FAILED = "States.ExceedToleratedFailureThreshold"


class BadEvent(ValueError):
    """The event is not what the function takes; the message names the field and the remedy."""


@dataclass(frozen=True)
class ExportSettings:
    """What the stack tells the function beside the store's settings."""

    table: str
    bucket: str
    resources: tuple[str, ...]
    with_lines: bool

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> ExportSettings:
        """Read EXPORT_TABLE, EXPORT_BUCKET, EXPORT_RESOURCES and INCLUDE_ORDER_LINES; raises SettingsError."""
        missing = [name for name in ("EXPORT_TABLE", "EXPORT_BUCKET") if not environ.get(name)]
        wrong = [f"{name} is not set, though the template sets it" for name in missing]
        resources = tuple(filter(None, environ.get("EXPORT_RESOURCES", ",".join(RESOURCES)).split(",")))
        if unknown := [name for name in resources if name not in RESOURCES]:
            wrong.append(f"EXPORT_RESOURCES names {', '.join(unknown)}; there are {', '.join(RESOURCES)}")
        lines = environ.get("INCLUDE_ORDER_LINES", "true")
        if lines not in ("true", "false"):
            wrong.append("INCLUDE_ORDER_LINES is neither true nor false")
        if wrong:
            raise SettingsError("; ".join(wrong))
        return cls(environ["EXPORT_TABLE"], environ["EXPORT_BUCKET"], resources, lines == "true")


def export(event: Any, request_id: str) -> dict[str, Any]:
    """Do one slice of an export, or note an execution that gave up, and return the function's answer.

    ``request_id`` owns the lease where the event names no execution. Raises BadEvent, a kind of StoreError, LeaseLost,
    or botocore's errors; what was read is kept, and the next slice goes on behind it.
    """
    wanted = _wanted(event, request_id)
    store, settings = Store.from_environment(), ExportSettings.from_environment()
    dynamodb, s3 = _clients()
    state = State(dynamodb, settings.table)
    with invocation() as running:
        refused = healed = False
        try:
            if "failed" in event:
                return _noted(state, wanted, event["failed"])
            running.keep_back(min(_KEEP_BACK_SECONDS, (running.deadline - time.monotonic()) / 3))
            store.pace_by(SharedPace(dynamodb, settings.table, store.settings.quota_reserve))
            exporter = Exporter(
                StoreSource(store),
                state,
                Files(s3, settings.bucket),
                store.settings.store_name,
                settings.with_lines,
                lambda: time.monotonic() >= running.deadline,
            )
            answer, outcome = _done(exporter, wanted, event)
            healed = outcome.healed
            if outcome.finished:
                _count_finished(running, store.settings.store_name, answer)
            told = {**answer, "ranges": len(answer["ranges"])} if "ranges" in answer else answer
            logger().info("export", extra={"store": store.settings.store_name, **told})
            return answer
        except (Unauthorized, BadCredentials):
            refused = True
            raise
        finally:
            with state.at_best():  # silence is told by an alarm of its own
                items = state.read([*settings.resources, *map(backfill_key, RESOURCES)])
                _gauge(running, store.settings.store_name, items, refused, healed)


def _wanted(event: Any, request_id: str) -> Wanted:
    if not isinstance(event, dict):
        raise BadEvent('the event is not an object; send {"resource": "orders"}')
    resource, mode = event.get("resource"), event.get("mode") or "incremental"
    if resource not in RESOURCES:
        raise BadEvent(f"resource is none of {', '.join(RESOURCES)}")
    if mode not in (*MODES, BACKFILL):
        raise BadEvent(f"mode is none of {', '.join((*MODES, BACKFILL))}")
    if "range" in event and (type(event["range"]) is not int or not event.get("run")):
        raise BadEvent("range is not the number of one of a run's ranges; the answer to a backfill's plan tells both")
    return Wanted(resource, mode, str(event.get("run") or ""), str(event.get("execution") or request_id))


def _done(exporter: Exporter, wanted: Wanted, event: Mapping[str, Any]) -> tuple[dict[str, Any], Outcome]:
    """Do what the event asks for; return the answer to it, and what came of a slice."""
    if wanted.mode != BACKFILL:
        outcome = exporter.export(wanted)
        return exporter.answer(wanted, outcome), outcome
    backfill = Backfill(exporter, wanted.resource, wanted.owner)
    if event.get("abandon") is True:
        run = backfill.give_up()
        return {"resource": wanted.resource, "mode": BACKFILL, "run": run, "abandoned": bool(run)}, Outcome(
            complete=True
        )
    if not wanted.followed:
        planned = backfill.plan(dry_run=event.get("dry_run") is True)
        memory = int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "0"))
        return {**backfill.answer(planned), "memory_mb": memory}, Outcome(complete=False)
    if "range" in event:
        outcome = backfill.work_on(wanted.followed, event["range"])
        return {**exporter.answer(wanted, outcome), "range": event["range"], "manifest": None}, outcome
    outcome = backfill.finish(wanted.followed)
    return {**exporter.answer(wanted, outcome), "unfinished": outcome.unfinished}, outcome


def _noted(state: State, wanted: Wanted, failed: Any) -> dict[str, Any]:
    """Note that an execution gave up; it pages by the gauge, which falls when a run is finished."""
    facts = failed if isinstance(failed, dict) else {}
    error, cause = str(facts.get("Error", "unknown")), _message(str(facts.get("Cause", "")))
    if error == BackfillGone.__name__:
        return {"resource": wanted.resource, "noted": False}  # it was given up or finished, and nobody need be told
    key = backfill_key(wanted.resource) if wanted.mode == BACKFILL else wanted.resource
    note = state.note_failed_range if error == _CHILD_FAILED else state.note_failure
    note(key, error[:200], cause[:1000])
    logger().error("export gave up", extra={"resource": wanted.resource, "error": error})
    return {"resource": wanted.resource, "noted": True}


def _message(cause: str) -> str:
    """Return what Lambda's report of an error says, without its stack trace."""
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause


def _count_finished(running: Invocation, store_name: str, answer: Mapping[str, Any]) -> None:
    running.count(store_name, "ExportedRows", answer["rows"], resource=answer["resource"])
    if answer["mode"] != BACKFILL:  # whose window ends where it began
        running.count(store_name, "ExportLagSeconds", answer["lag_seconds"], resource=answer["resource"])


def _gauge(
    running: Invocation, store_name: str, items: Mapping[str, Mapping[str, Any]], refused: bool, healed: bool
) -> None:
    """Note how many resources fail and how far the last of them is behind, of all that the stack exports.

    What fails is not counted as behind, nor is anything while the credentials are missing or refused: other alarms tell
    that. Who healed
    says so for the next minute, too: the worst point of a minute counts, and in this one others failed perhaps.
    """
    behind = [_behind(item) for item in items.values() if "failing" not in item]
    failing = sum("failing" in item for item in items.values())
    running.count(store_name, "ExportsFailing", failing)
    if healed:
        running.count(store_name, "ExportsFailing", failing, later=60)
    running.count(store_name, "ExportsBehindSeconds", 0 if refused else max(behind, default=0))


def _behind(item: Mapping[str, Any]) -> int:
    now = int(time.time())
    behind: int = now - item.get("created", now)
    if "watermark" in item:
        behind = now + item.get("skew", 0) - item["watermark"]
    return max(0, behind)


@functools.cache
def _clients() -> tuple[Any, Any]:
    import boto3  # noqa: PLC0415 - on first use
    from botocore.config import Config  # noqa: PLC0415 - the same

    config = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4})
    return boto3.client("dynamodb", config=config), boto3.client("s3", config=config)
