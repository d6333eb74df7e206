"""Performs calls: credentials, pace, request, and what the policy says of the outcome, until there is an end."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ._cache import CredentialsCache, Held
from ._credentials import Credentials, Problem
from ._errors import (
    BadAnswer,
    BadCredentials,
    Forbidden,
    MissingCredentials,
    RateLimited,
    RequestRejected,
    StoreError,
    TlsFailure,
    TokenRequired,
    Unauthorized,
    Unavailable,
    Unreachable,
    WrongApiPath,
)
from ._exchange import Answer, Failure, Request
from ._invocation import Invocation, invocation
from ._observability import logger
from ._policy import Refresh, Repeat, Situation, Stop, Take, decide
from ._quota import hold_after
from ._settings import Settings
from ._transport import Transport

_METRICS: dict[type[StoreError], str] = {
    Forbidden: "Forbidden",
    RateLimited: "RateLimited",
    Unavailable: "StoreUnavailable",
    Unreachable: "StoreUnreachable",
    TlsFailure: "TlsFailures",
}


@dataclass(frozen=True)
class Wanted:
    """A call as its caller wants it. ``urgent`` calls do not wait for the sake of the store's other apps."""

    method: str
    path: str
    version: str
    query: str = field(default="", repr=False)
    body: bytes | None = field(default=None, repr=False)
    urgent: bool = False


@dataclass
class Client:
    """Calls one store; safe with threads."""

    settings: Settings
    cache: CredentialsCache
    transport: Transport
    hold_until: float = 0.0

    def call(self, wanted: Wanted) -> Any:
        """Return the answer's JSON, or None where the store has no rows; raise one of StoreError's kinds."""
        with invocation() as running:
            return _Call(self, wanted, running).perform()


class _Call:
    """One call on its way."""

    def __init__(self, client: Client, wanted: Wanted, running: Invocation) -> None:
        self._client = client
        self._wanted = wanted
        self._running = running
        self._attempt = 0
        self._status: int | None = None
        self._first: Held | None = None

    def perform(self) -> Any:
        held, credentials = self._credentials(self._client.cache.get())
        if self._client.cache.is_refused(held):
            self._status = 401
            raise self._error(Stop(Unauthorized, "the store refused this version of the credentials a moment ago"))
        while True:
            self._pace()
            outcome = self._send(credentials)
            step = decide(outcome, self._situation(), random.random)
            if isinstance(step, Take) and isinstance(outcome, Answer):
                return self._take(outcome, held)
            if isinstance(step, Refresh):
                self._first = held
                held, credentials = self._credentials(self._client.cache.get_after(held))
            elif isinstance(step, Repeat):
                time.sleep(step.wait)
            elif isinstance(step, Stop):
                if step.error is Unauthorized:
                    self._client.cache.refuse(held)
                raise self._error(step, outcome, credentials)

    def _credentials(self, held: Held | None) -> tuple[Held, Credentials]:
        if held is None:
            raise self._error(Stop(MissingCredentials, "the secret is empty; store the credentials in it"))
        holds = held.version.holds
        if isinstance(holds, Problem):
            raise self._error(Stop(BadCredentials, str(holds)), field=holds.field)
        if self._wanted.version == "v3" and holds.kind == "Basic":
            raise self._error(Stop(TokenRequired, "v3 needs a token account, and the secret holds a Basic one"))
        return held, holds

    def _situation(self) -> Situation:
        return Situation(self._attempt, self._wanted.method == "GET", self._first is not None, self._time_left())

    def _time_left(self) -> float:
        return self._running.deadline - time.monotonic()

    def _pace(self) -> None:
        """Wait until the reserve of the quota is not touched."""
        wait = 0.0 if self._wanted.urgent else self._client.hold_until - time.monotonic()
        if wait > 0 and wait >= self._time_left():
            raise self._error(Stop(RateLimited, "the rest of the quota is left to the store's other apps", wait))
        if wait > 0:
            time.sleep(wait)
        if self._time_left() <= 0:
            raise self._error(Stop(Unreachable, "the invocation has no time left"))

    def _send(self, credentials: Credentials) -> Answer | Failure:
        outcome = self._client.transport.send(_request(self._wanted, credentials), self._running.deadline)
        self._attempt += 1
        self._status = outcome.status
        if isinstance(outcome, Answer):
            self._note(outcome)
        return outcome

    def _note(self, answer: Answer) -> None:
        settings = self._client.settings
        self._client.hold_until = time.monotonic() + hold_after(answer.headers, settings.quota_reserve)
        self._running.count(settings.store_name, "StoreRequests")
        self._running.count(settings.store_name, "StoreLatency", answer.seconds * 1000)

    def _take(self, answer: Answer, held: Held) -> Any:
        rows = _parse(answer)
        if isinstance(rows, Stop):
            raise self._error(rows)
        store_name = self._client.settings.store_name
        self._client.cache.accept(held)
        self._running.credentials_refused(store_name, False)
        if self._first:
            self._running.count(store_name, "CredentialsRefreshed")
            logger().info("credentials refreshed", extra={"store": store_name, "version": held.version.id})
        return rows

    def _error(
        self, stop: Stop, outcome: Answer | Failure | None = None, credentials: Credentials | None = None, **more: Any
    ) -> StoreError:
        """Make the error of a stop, and note what metrics tell of it."""
        store_name = self._client.settings.store_name
        reason = stop.reason
        if isinstance(outcome, Answer) and credentials:
            if stop.error is WrongApiPath:
                reason += f"; the store points to {_place(outcome, credentials)}"
            elif stop.error is RequestRejected:
                more["body"] = credentials.mask(outcome.body.decode("utf-8", "replace"))
        if stop.error is RateLimited:
            more["retry_after"] = stop.retry_after
        if stop.error in (Unauthorized, BadCredentials):
            self._running.credentials_refused(store_name, True)
        if metric := _METRICS.get(stop.error):
            self._running.count(store_name, metric)
        wanted = self._wanted
        return stop.error(
            reason, method=wanted.method, path=wanted.path, status=self._status, attempts=self._attempt, **more
        )


def _request(wanted: Wanted, credentials: Credentials) -> Request:
    query = f"?{wanted.query}" if wanted.query else ""
    content = {} if wanted.body is None else {"Content-Type": "application/json"}
    address = f"{credentials.root(wanted.version)}{wanted.path}{query}"
    return Request(wanted.method, address, credentials.headers() | content, wanted.body)


def _parse(answer: Answer) -> Any:
    if answer.status == 204 or not answer.body.strip():
        return None
    try:
        rows = json.loads(answer.body)
    except (ValueError, RecursionError):
        rows = None
    return rows if isinstance(rows, list | dict) else Stop(BadAnswer, "the answer is not the JSON expected")


def _place(answer: Answer, credentials: Credentials) -> str:
    """Say where a redirect points: host and path, without user information or query."""
    try:
        url = urlsplit(answer.headers.get("Location", ""))
        host, port = url.hostname or credentials.host, f":{url.port}" if url.port else ""
    except ValueError:
        return "an unreadable address"
    place = credentials.mask(f"{host}{port}{url.path}")
    return "".join(char if char.isprintable() else "?" for char in place[:200])
