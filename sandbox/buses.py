"""EventBridge: what is put on a bus reaches the functions of the deployed stacks that listen to it."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.events.models import EventPattern

from . import deployed
from .pool import ClosedError, Pool
from .resources import ACCOUNT, REGION
from .template import TemplateError

if TYPE_CHECKING:
    from .stack import Stack

DEFAULT = "default"
_AT_ONCE = 4
_UNSUPPORTED = ("Input", "InputPath", "InputTransformer")


@dataclass(frozen=True)
class Rule:
    """A function's rule on a bus."""

    bus: str
    pattern: EventPattern
    pool: Pool


class Buses:
    """All buses of an AWS, and what was put on them. Functions are invoked once, at most four at a time."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="bus")
        self._changed = threading.Condition()
        self._under_way = 0
        self._put: list[tuple[str, dict[str, Any]]] = []

    def put(self, bus: str, entry: Mapping[str, Any]) -> None:
        """Take an event: it is kept, and the functions that listen are invoked."""
        event = _event(entry)
        with self._changed:
            self._put.append((bus, event))
        pools = [rule.pool for stack in list(deployed.STACKS) for rule in stack.rules if _matches(rule, bus, event)]
        for pool in pools:
            with self._changed:
                self._under_way += 1
            self._threads.submit(self._invoke, pool, event)

    def events(self, bus: str) -> list[dict[str, Any]]:
        """All events that were put on a bus, in their order."""
        with self._changed:
            return [event for name, event in self._put if name == bus]

    def settle(self, timeout: float) -> bool:
        """Wait until no function runs for an event any more; tell whether that came about."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._under_way, timeout)

    def close(self) -> None:
        """End when the functions have."""
        self._threads.shutdown(cancel_futures=True)

    def _invoke(self, pool: Pool, event: dict[str, Any]) -> None:
        try:
            pool.invoke(event)
        except ClosedError:
            pass
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()


def rules_of(stack: Stack) -> Iterator[Rule]:
    """The rules of a stack's functions. Raises TemplateError for one that would change the event."""
    for logical_id, function in stack.template.functions().items():
        for name, event in function.get("Events", {}).items():
            if event["Type"] not in ("EventBridgeRule", "CloudWatchEvent"):
                continue
            properties = event["Properties"]
            if set(_UNSUPPORTED) & properties.keys():
                raise TemplateError(f"{logical_id}.{name} changes the event, which is not done here")
            bus = stack.template.resolve(properties.get("EventBusName", DEFAULT), stack.names)
            pattern = stack.template.resolve(properties["Pattern"], stack.names)
            yield Rule(bus, EventPattern(json.dumps(pattern), pattern), stack.pool(logical_id))


def _matches(rule: Rule, bus: str, event: dict[str, Any]) -> bool:
    given: Any = event
    return rule.bus == bus and rule.pattern.matches_event(given)


def _event(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": ACCOUNT,
        "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": REGION,
        "resources": entry.get("Resources", []),
        "detail": json.loads(entry["Detail"]),
    }
