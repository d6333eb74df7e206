"""Sends one delivery to its receiver, over TLS that is verified, and signed as Standard Webhooks says."""

from __future__ import annotations

import hmac
import ssl
import threading
import time
from base64 import b64encode

import certifi
import urllib3

from .hooks import Hook

TRY_SECONDS = 10.0


class Sender:
    """Keeps connections to receivers. Safe with threads."""

    def __init__(self, connections: int) -> None:
        self._size = connections
        self._lock = threading.Lock()
        self._ca_pem = ""
        self._pool: urllib3.PoolManager | None = None

    def trust(self, ca_pem: str) -> None:
        """Verify receivers against these CAs too, from the next connection on. Raises ssl.SSLError: it is no CA."""
        with self._lock:
            pool = self._connections(self._ca_pem + ca_pem)
            self._ca_pem += ca_pem
            self._forget()
            self._pool = pool

    def close(self) -> None:
        """End the connections that nobody uses."""
        with self._lock:
            self._forget()

    def post(self, hook: Hook, message_id: str, body: bytes, signs: bool) -> int:
        """Send a body once; return the status of the answer, 0 if there is none."""
        signed = signature(hook.client_secret, message_id, body) if signs else {}
        own = {"Content-Type": "application/json", "User-Agent": "akka-http/10.0.15", **(hook.headers or {})}
        timeout = urllib3.Timeout(total=TRY_SECONDS)
        try:
            answer = self._kept().request(
                "POST", hook.destination, body=body, headers=own | signed, timeout=timeout, redirect=False
            )
        except (urllib3.exceptions.HTTPError, OSError, ValueError):
            return 0
        return int(answer.status)

    def _kept(self) -> urllib3.PoolManager:
        with self._lock:
            if self._pool is None:
                self._pool = self._connections(self._ca_pem)
            return self._pool

    def _connections(self, ca_pem: str) -> urllib3.PoolManager:
        context = ssl.create_default_context(cafile=certifi.where())
        if ca_pem:
            context.load_verify_locations(cadata=ca_pem)
        return urllib3.PoolManager(ssl_context=context, retries=False, maxsize=self._size)

    def _forget(self) -> None:
        if self._pool is not None:
            self._pool.clear()
            self._pool = None


def signature(client_secret: str, message_id: str, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks for a body that is sent now."""
    now = int(time.time())
    digest = hmac.digest(client_secret.encode(), f"{message_id}.{now}.".encode() + body, "sha256")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": f"v1,{b64encode(digest).decode()}",
    }
