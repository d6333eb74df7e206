"""What the store sends to its webhooks: thin events, and again and again until somebody takes them."""

from __future__ import annotations

import hashlib
import heapq
import itertools
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .accounts import STORE_HASH
from .hooks import Hook, Hooks
from .rows import Json, encode
from .sending import Sender

# Seconds between two tries; after the last the webhook is switched off. BigCommerce, "Webhooks Overview".
RETRIES = (60, 180, 300, 600, 900, 1800, 3600, 7200, 21_600, 50_400, 86_400)
THREADS = 4


@dataclass
class Delivery:
    """One event on its way to one webhook: ``tries`` are Unix seconds and statuses (0: no answer)."""

    payload: Json
    hook_id: int
    client_id: str
    id: str
    body: bytes = field(repr=False)
    tries: list[tuple[float, int]] = field(default_factory=list)
    done: bool = False
    # How many of the retries have begun.
    step: int = 0

    @property
    def statuses(self) -> list[int]:
        """The answers so far."""
        return [status for _, status in self.tries]


class _Waiting(NamedTuple):
    at: float
    number: int
    delivery: Delivery
    # A second one of the same, whose answer changes nothing.
    copy: bool


class Deliveries:
    """Sends events to the webhooks that hear them, while it is open, from threads that start with the first event."""

    def __init__(self, hooks: Hooks) -> None:
        self._settings = hooks.settings
        self._hooks = hooks
        self._sender = Sender(THREADS)
        self._changed = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._numbers = itertools.count(1)
        self._under_way = 0
        self._threads: list[threading.Thread] = []
        self._open = False
        self._random = random.Random(0)
        self.trust = self._sender.trust
        self.records: list[Delivery] = []

    def open(self) -> None:
        """Deliver what happens from now on."""
        with self._changed:
            self._open = True

    def close(self) -> None:
        """End the threads and drop what waits; returns when what is under way has ended."""
        with self._changed:
            self._open = False
            self._drop(lambda delivery: True)
            threads, self._threads = self._threads, []
        for thread in threads:
            thread.join()
        self._sender.close()

    def emit(self, scope: str, data: Json, **fields: Any) -> Json:
        """Send an event to every active webhook that hears it; return its payload."""
        created = int(self._hooks.now())
        # As the real one may: all updates of an object in one second share it.
        digest = hashlib.sha1(encode([scope, data, created]), usedforsecurity=False).hexdigest()
        payload = {
            "scope": scope,
            "store_id": "1025646",
            "data": data,
            "hash": digest,
            "created_at": created,
            "producer": f"stores/{STORE_HASH}",
            **fields,
        }
        hooks = [hook for hook in self._hooks.all() if hook.hears(scope)]
        if hooks:
            self._send(payload, hooks)
        return payload

    def settle(self, timeout: float) -> bool:
        """Wait until nothing waits or is under way any more; tell whether that came about."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._under_way, timeout)

    def prune(self) -> None:
        """Drop what waits for webhooks that are gone or inactive."""
        with self._changed:
            self._drop(lambda delivery: self._hook(delivery) is None)

    def _send(self, payload: Json, hooks: list[Hook]) -> None:
        body = encode(payload)
        with self._changed:
            if not self._open:
                return
            for hook in hooks:
                delivery = Delivery(payload, hook.id, hook.client_id, f"msg_{next(self._numbers)}", body)
                self.records.append(delivery)
                for copy in (False, True) if self._random.random() < self._settings.duplicates else (False,):
                    self._queue(0.0, delivery, copy)
            while len(self._threads) < THREADS:
                self._threads.append(threading.Thread(target=self._work, name="deliveries", daemon=True))
                self._threads[-1].start()

    def _queue(self, seconds: float, delivery: Delivery, copy: bool) -> None:
        at = time.monotonic() + seconds * self._settings.delivery_scale
        heapq.heappush(self._waiting, _Waiting(at, next(self._numbers), delivery, copy))
        self._changed.notify_all()

    def _drop(self, unwanted: Callable[[Delivery], bool]) -> None:
        for waiting in self._waiting:
            waiting.delivery.done = waiting.delivery.done or unwanted(waiting.delivery)
        self._waiting = [waiting for waiting in self._waiting if not unwanted(waiting.delivery)]
        heapq.heapify(self._waiting)
        self._changed.notify_all()

    def _work(self) -> None:
        while (waiting := self._next()) is not None:
            again = None
            try:
                again = self._try(waiting.delivery, waiting.copy)
            finally:
                with self._changed:
                    self._under_way -= 1
                    if again is not None:
                        self._try_later(waiting.delivery, again)
                    self._changed.notify_all()

    def _next(self) -> _Waiting | None:
        """Wait until something is due; None: it is closed."""
        with self._changed:
            while self._open:
                left = self._waiting[0].at - time.monotonic() if self._waiting else None
                if left is not None and left <= 0:
                    self._under_way += 1
                    return heapq.heappop(self._waiting)
                self._changed.wait(left)
            return None

    def _try(self, delivery: Delivery, copy: bool) -> float | None:
        """Send it once; return the seconds until it must be sent again, or None."""
        hook = self._hook(delivery)
        if hook is None:
            delivery.done = True
            return None
        if self._hooks.blocks.left(hook.host, hook.client_id):
            # Documented: it goes the way of the retries. It is not said what follows the last, so that comes again.
            return None if copy else self._step(delivery)
        status = self._sender.post(hook, delivery.id, delivery.body, self._settings.sign_deliveries)
        taken = 200 <= status < 300
        delivery.tries.append((time.time(), status))
        self._hooks.blocks.note(hook.host, hook.client_id, taken)
        if copy:
            return None
        if taken or delivery.step == len(RETRIES):
            delivery.done = True
            if not taken:
                self._hooks.switch_off(hook.id)
            return None
        return self._step(delivery)

    def _try_later(self, delivery: Delivery, seconds: float) -> None:
        if self._open and self._hook(delivery) is not None:
            self._queue(seconds, delivery, copy=False)
        else:
            delivery.done = True

    def _hook(self, delivery: Delivery) -> Hook | None:
        """The webhook that a delivery goes to, if it is there and active."""
        hook = self._hooks.get(delivery.hook_id)
        return hook if hook is not None and hook.is_active else None

    @staticmethod
    def _step(delivery: Delivery) -> float:
        seconds = RETRIES[min(delivery.step, len(RETRIES) - 1)]
        delivery.step = min(delivery.step + 1, len(RETRIES))
        return seconds
