"""Performs calls: credentials, pace, request, and what the policy says of the outcome, until there is an end."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
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
from ._exchange import MAX_BODY, Answer, Failure, Request
from ._invocation import Invocation, invocation
from ._observability import logger
from ._policy import Refresh, Repeat, Situation, Stop, Take, decide
from ._quota import LONGEST_HOLD, Pace, granted, left, left_percent
from ._settings import Settings
from ._transport import Transport

MAX_PROBE_BODY = 64 * 1024


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # Python reads NaN and Infinity, JSON does not know them


def _decode(body: bytes) -> Any:
    found = json.loads(body, parse_constant=_refuse)
    if not isinstance(found, list | dict):
        raise ValueError
    return found


_METRICS: dict[type[StoreError], str] = {
    Forbidden: "Forbidden",
    RateLimited: "RateLimited",
    Unavailable: "StoreUnavailable",
    Unreachable: "StoreUnreachable",
    TlsFailure: "TlsFailures",
}


@dataclass(frozen=True)
class Wanted:
    """A call as its caller wants it.

    A ``probe`` is for the check: it reads the secret anew, does not wait for the sake of the store's other apps, and
    takes no answer but the store's time. ``decode`` makes the result of an answer's body, or raises ValueError.
    """

    method: str
    path: str
    version: str
    query: str = field(default="", repr=False)
    body: bytes | None = field(default=None, repr=False)
    probe: bool = False
    decode: Callable[[bytes], Any] = field(default=_decode, repr=False)


@dataclass
class Client:
    """Calls one store; safe with threads.

    ``requests`` counts those that were answered; ``last_headers`` are those of the last answer, read when asked for,
    and ``last_seconds`` is how long it took.
    """

    settings: Settings
    cache: CredentialsCache
    transport: Transport
    pace: Pace
    requests: int = 0
    last_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    last_seconds: float = 0.0

    @property
    def quota_left(self) -> float | None:
        """How many requests the last answer said are left, or None."""
        return left(self.last_headers)

    @property
    def granted(self) -> tuple[int, float] | None:
        """What the last answer said of the quota, as ``granted`` reads it."""
        return granted(self.last_headers, self.settings.quota_reserve)

    def call(self, wanted: Wanted) -> Any:
        """Return the decoded answer, or None where the store has no rows; raise one of StoreError's kinds."""
        with invocation() as running:
            return _Call(self, wanted, running).perform()


class _Call:
    """One call on its way."""

    def __init__(self, client: Client, wanted: Wanted, running: Invocation) -> None:
        self._client = client
        self._cache = client.cache
        self._store_name = client.settings.store_name
        self._wanted = wanted
        self._running = running
        self._attempt = 0
        self._status: int | None = None
        self._refreshed = False

    def perform(self) -> Any:
        held, credentials = self._current()
        while True:
            self._pace()
            outcome = self._send(credentials)
            step = decide(outcome, self._situation(), random.random)
            if isinstance(step, Take) and isinstance(outcome, Answer):
                return self._take(outcome, held)
            if isinstance(step, Refresh):
                self._refreshed = True
                held, credentials = self._usable(self._cache.get_after(held, self._cache.clock()))
            elif isinstance(step, Repeat):
                time.sleep(step.wait)
                held, credentials = self._current()
            elif isinstance(step, Stop):
                if step.error is Unauthorized:
                    self._cache.refuse(held)
                    self._running.note_credentials(self._store_name, held.version.id, refused=True)
                raise self._error(step, outcome, credentials)

    def _current(self) -> tuple[Held, Credentials]:
        """Return the credentials to use now, unless the store has just refused them."""
        # At most one reading a second, however many calls an invocation makes with refused credentials.
        not_before = max(self._running.started, self._cache.clock() - 1.0)
        held, credentials = self._usable(self._cache.get(not_before, fresh=self._wanted.probe))
        if self._cache.is_refused(held):
            self._status = 401
            self._running.note_credentials(self._store_name, held.version.id, refused=True)
            raise self._error(Stop(Unauthorized, "the store refused this version of the credentials a moment ago"))
        return held, credentials

    def _usable(self, held: Held | None) -> tuple[Held, Credentials]:
        if held is None:
            raise self._error(Stop(MissingCredentials, "the secret is empty; store the credentials in it"))
        holds = held.version.holds
        if isinstance(holds, Problem):
            self._running.note_credentials(self._store_name, held.version.id, refused=True)
            raise self._error(Stop(BadCredentials, str(holds)), field=holds.field)
        if self._wanted.version == "v3" and holds.kind == "Basic":
            raise self._error(Stop(TokenRequired, "v3 needs a token account, and the secret holds a Basic one"))
        return held, holds

    def _situation(self) -> Situation:
        return Situation(self._attempt, self._wanted.method == "GET", self._refreshed, self._time_left())

    def _time_left(self) -> float:
        return self._running.deadline - time.monotonic()

    def _pace(self) -> None:
        """Wait until the reserve of the quota is not touched; longer than its window is no wait for a function."""
        held = 0.0
        while wait := 0.0 if self._wanted.probe else self._client.pace.ask():
            held += wait
            if held > LONGEST_HOLD or wait >= self._time_left():
                raise self._error(Stop(RateLimited, "the rest of the quota is left to the store's other apps", wait))
            time.sleep(wait)
        if self._time_left() <= 0:
            raise self._error(Stop(Unreachable, "the invocation has no time left"))

    def _send(self, credentials: Credentials) -> Answer | Failure:
        outcome = self._client.transport.send(_request(self._wanted, credentials), self._running.deadline)
        self._attempt += 1
        self._status = outcome.status
        if isinstance(outcome, Answer):
            self._note(outcome)
        else:
            self._client.pace.note(None, {})
        return outcome

    def _note(self, answer: Answer) -> None:
        self._client.pace.note(answer.status, answer.headers)
        self._client.last_headers, self._client.last_seconds = answer.headers, answer.seconds
        self._client.requests += 1
        self._running.count(self._store_name, "StoreRequests")
        self._running.count(self._store_name, "StoreLatency", answer.seconds * 1000)
        if (percent := left_percent(answer.headers)) is not None:
            self._running.count(self._store_name, "QuotaLeftPercent", percent)

    def _take(self, answer: Answer, held: Held) -> Any:
        rows = _parse(answer, self._wanted.decode)
        if self._wanted.probe and not (isinstance(rows, dict) and isinstance(rows.get("time"), int | float)):
            rows = Stop(BadAnswer, "the answer is not the store's time; api_path may lead to something else")
        if isinstance(rows, Stop):
            raise self._error(rows)
        self._cache.accept(held)
        self._running.note_credentials(self._store_name, held.version.id, refused=False)
        if self._refreshed:
            self._running.count(self._store_name, "CredentialsRefreshed")
            logger().info("credentials refreshed", extra={"store": self._store_name, "version": held.version.id})
        return rows

    def _error(
        self, stop: Stop, outcome: Answer | Failure | None = None, credentials: Credentials | None = None, **more: Any
    ) -> StoreError:
        """Make the error of a stop, and note what metrics tell of it."""
        reason = stop.reason
        if isinstance(outcome, Failure) and credentials:
            reason = f"{credentials.host}: {reason}"
        if isinstance(outcome, Answer) and credentials:
            if stop.error is WrongApiPath:
                reason += f"; the store points to {_place(outcome, credentials)}"
            elif stop.error is RequestRejected:
                more["body"] = credentials.mask(outcome.body.decode("utf-8", "replace"))
        if stop.error is RateLimited:
            more["retry_after"] = stop.retry_after
        if metric := _METRICS.get(stop.error):
            self._running.count(self._store_name, metric)
        wanted = self._wanted
        return stop.error(
            reason, method=wanted.method, path=wanted.path, status=self._status, attempts=self._attempt, **more
        )


def _request(wanted: Wanted, credentials: Credentials) -> Request:
    query = f"?{wanted.query}" if wanted.query else ""
    content = {} if wanted.body is None else {"Content-Type": "application/json"}
    address = f"{credentials.root(wanted.version)}{wanted.path}{query}"
    most = MAX_PROBE_BODY if wanted.probe else MAX_BODY
    return Request(wanted.method, address, credentials.headers() | content, wanted.body, most)


def _parse(answer: Answer, decode: Callable[[bytes], Any]) -> Any:
    if answer.status == 204 or not answer.body.strip():
        return None
    try:
        return decode(answer.body)
    except (ValueError, RecursionError):
        return Stop(BadAnswer, "the answer is not the JSON expected")


def _place(answer: Answer, credentials: Credentials) -> str:
    """Say where a redirect points: host and path, without user information or query."""
    try:
        url = urlsplit(answer.headers.get("Location", ""))
        host, port = url.hostname or credentials.host, f":{url.port}" if url.port else ""
    except ValueError:
        return "an unreadable address"
    place = credentials.mask(f"{host}{port}{url.path}")
    return "".join(char if char.isprintable() else "?" for char in place[:200])
