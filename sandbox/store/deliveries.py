"""What the store sends to its webhooks: thin events, signed, and again and again until somebody takes them."""

from __future__ import annotations

import hashlib
import heapq
import hmac
import itertools
import random
import ssl
import threading
import time
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

import certifi
import urllib3

from .accounts import STORE_HASH
from .hooks import Hook, Hooks
from .rows import Json, encode
from .settings import Settings

# Seconds between two tries; after the last the webhook is switched off. BigCommerce, "Webhooks Overview".
RETRIES = (60, 180, 300, 600, 900, 1800, 3600, 7200, 21_600, 50_400, 86_400)
_THREADS = 4
_TRY_SECONDS = 10.0
_BLOCKED_SECONDS = 5.0


@dataclass
class Delivery:
    """One event on its way to one webhook: ``tries`` are Unix seconds and statuses (0: no answer)."""

    payload: Json
    hook_id: int
    client_id: str
    id: str
    tries: list[tuple[float, int]] = field(default_factory=list)
    done: bool = False

    @property
    def statuses(self) -> list[int]:
        """The answers so far."""
        return [status for _, status in self.tries]


class Deliveries:
    """Sends events to the webhooks that hear them, from threads that start with the first and end with close()."""

    def __init__(self, settings: Settings, hooks: Hooks) -> None:
        self._settings = settings
        self._hooks = hooks
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, Delivery]] = []
        self._numbers = itertools.count(1)
        self._under_way = 0
        self._threads: list[threading.Thread] = []
        self._closing = False
        self._random = random.Random(0)
        self._pool: urllib3.PoolManager | None = None
        self._ca_pem = ""
        self.records: list[Delivery] = []

    def trust(self, ca_pem: str) -> None:
        """Verify receivers against this CA too, from the next connection on."""
        with self._changed:
            self._ca_pem += ca_pem
            self._pool = None

    def emit(self, scope: str, data: Json, **fields: Any) -> Json:
        """Send an event to every active webhook that hears it; return its payload."""
        created = int(self._hooks._now())
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
        for hook in self._hooks.all():
            if hook.is_active and hook.hears(scope):
                self._send(Delivery(payload, hook.id, hook.client_id, f"msg_{next(self._numbers)}"))
        return payload

    def settle(self, timeout: float) -> bool:
        """Wait until nothing waits or is under way any more; tell whether that came about."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._under_way, timeout)

    def close(self) -> None:
        """End the threads; what waits is dropped."""
        with self._changed:
            self._closing = True
            self._waiting.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._threads, self._closing = [], False
        if self._pool:
            self._pool.clear()

    def _send(self, delivery: Delivery) -> None:
        twice = self._random.random() < self._settings.duplicates
        with self._changed:
            self.records.append(delivery)
            for _ in range(1 + twice):
                heapq.heappush(self._waiting, (time.monotonic(), next(self._numbers), delivery))
            while len(self._threads) < _THREADS:
                self._threads.append(threading.Thread(target=self._work, name="deliveries", daemon=True))
                self._threads[-1].start()
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._changed.wait_for(lambda: self._closing or self._due(), self._until_next()):
                    continue
                if self._closing:
                    return
                delivery = heapq.heappop(self._waiting)[2]
                self._under_way += 1
            again = None
            try:
                again = self._try(delivery)
            finally:
                with self._changed:
                    self._under_way -= 1
                    if again is not None and not self._closing:
                        at = time.monotonic() + again * self._settings.delivery_scale
                        heapq.heappush(self._waiting, (at, next(self._numbers), delivery))
                    self._changed.notify_all()

    def _due(self) -> bool:
        return bool(self._waiting) and self._waiting[0][0] <= time.monotonic()

    def _until_next(self) -> float | None:
        return max(0.0, self._waiting[0][0] - time.monotonic()) if self._waiting else None

    def _try(self, delivery: Delivery) -> float | None:
        """Send it once; return the seconds until it must be sent again, or None."""
        hook = self._hooks.get(delivery.hook_id)
        if hook is None or not hook.is_active:
            delivery.done = True
            return None
        if self._hooks.is_blocked(hook.host):
            return _BLOCKED_SECONDS
        status = self._post(hook, delivery)
        delivery.tries.append((time.time(), status))
        if 200 <= status < 300:
            delivery.done = True
            return None
        failures = sum(not 200 <= each < 300 for each in delivery.statuses)
        if delivery.done:
            return None
        if failures > len(RETRIES):
            self._hooks.switch_off(hook.id)
            delivery.done = True
            return None
        return RETRIES[failures - 1]

    def _post(self, hook: Hook, delivery: Delivery) -> int:
        body = encode(delivery.payload)
        signed = signature(hook.client_secret, delivery.id, body) if self._settings.sign_deliveries else {}
        headers = {"Content-Type": "application/json", "User-Agent": "akka-http/10.0.15", **(hook.headers or {})}
        try:
            answer = self._connections().request(
                "POST", hook.destination, body=body, headers=headers | signed, timeout=_TRY_SECONDS, redirect=False
            )
        except urllib3.exceptions.HTTPError:
            return 0
        return int(answer.status)

    def _connections(self) -> urllib3.PoolManager:
        with self._changed:
            if self._pool is None:
                context = ssl.create_default_context(cafile=certifi.where())
                if self._ca_pem:
                    context.load_verify_locations(cadata=self._ca_pem)
                self._pool = urllib3.PoolManager(ssl_context=context, retries=False, maxsize=_THREADS)
            return self._pool


def signature(client_secret: str, message_id: str, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks for a body that is sent now."""
    now = int(time.time())
    digest = hmac.digest(client_secret.encode(), f"{message_id}.{now}.".encode() + body, "sha256")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": f"v1,{b64encode(digest).decode()}",
    }
