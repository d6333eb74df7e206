"""What to do with an answer, or with none: take it, read the secret again, wait and repeat, or stop.

Pure: no clock, no network. Statuses alone decide; bodies of errors are never looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ._errors import (
    BadAnswer,
    Forbidden,
    NotFound,
    RateLimited,
    RequestRejected,
    StoreError,
    TlsFailure,
    Unauthorized,
    Unavailable,
    Unreachable,
    WrongApiPath,
)
from ._exchange import Answer, Failure, Fault
from ._quota import BASIC_RECOUNT_SECONDS, told_wait

MAX_ATTEMPTS = 4
RETRIED = frozenset({500, 502, 503, 504})
_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 8.0
# What a request is given at the least: a wait that leaves less would only turn one error into another.
_LEAST_SECONDS = 0.5


@dataclass(frozen=True)
class Situation:
    """Where a call stands: ``attempt`` requests sent, seconds left, whether the secret was read again."""

    attempt: int
    reads: bool
    refreshed: bool
    time_left: float


@dataclass(frozen=True)
class Take:
    """The answer is good."""


@dataclass(frozen=True)
class Refresh:
    """Read the secret again and send the request once more."""


@dataclass(frozen=True)
class Repeat:
    """Wait so many seconds and send the request again."""

    wait: float


@dataclass(frozen=True)
class Stop:
    """Raise this error."""

    error: type[StoreError]
    reason: str
    retry_after: float = 0.0


Step = Take | Refresh | Repeat | Stop


def decide(outcome: Answer | Failure, situation: Situation, jitter: Callable[[], float]) -> Step:
    """Return the next step after an outcome; ``jitter`` gives a number from 0 to 1."""
    if isinstance(outcome, Failure):
        return _after_failure(outcome, situation, jitter)
    status = outcome.status
    if 200 <= status < 300:
        return Take()
    if status == 401:
        return Stop(Unauthorized, "the store refuses the credentials") if situation.refreshed else Refresh()
    if status in (429, 509):
        return _after_limit(outcome, situation, jitter)
    if status >= 500:
        again = status in RETRIED and situation.reads
        return _again(Stop(Unavailable, "the store is unavailable"), situation, jitter, again)
    return _final(status)


def backoff(attempt: int, jitter: Callable[[], float]) -> float:
    """Return the seconds to wait after so many requests: doubled each time, of that a random half to whole."""
    whole: float = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2 ** (attempt - 1))
    return whole * (0.5 + jitter() / 2)


def _after_failure(failure: Failure, situation: Situation, jitter: Callable[[], float]) -> Step:
    if failure.fault is Fault.TLS:
        return Stop(TlsFailure, failure.reason)
    if failure.fault is Fault.UNREADABLE:
        return Stop(BadAnswer, failure.reason)
    again = situation.reads or not failure.sent
    return _again(Stop(Unreachable, failure.reason), situation, jitter, again)


def _after_limit(answer: Answer, situation: Situation, jitter: Callable[[], float]) -> Step:
    told = told_wait(answer.headers)
    if answer.status == 509:
        # The hourly quota recovers in minutes; a function that sleeps through them is paid for nothing.
        wait = told if told is not None else BASIC_RECOUNT_SECONDS
        return Stop(RateLimited, "the store's hourly quota is spent", wait)
    wait = told if told is not None else backoff(situation.attempt, jitter)
    return _repeat(Stop(RateLimited, "the store's quota is spent", wait), situation, wait)


def _again(stop: Stop, situation: Situation, jitter: Callable[[], float], again: bool) -> Step:
    return _repeat(stop, situation, backoff(situation.attempt, jitter)) if again else stop


def _repeat(stop: Stop, situation: Situation, wait: float) -> Step:
    fits = wait + _LEAST_SECONDS < situation.time_left
    return Repeat(wait) if situation.attempt < MAX_ATTEMPTS and fits else stop


def _final(status: int) -> Stop:
    if status == 403:
        return Stop(Forbidden, "the account may not do this; give it the scope that the route needs")
    if status == 404:
        return Stop(NotFound, "the store has no such object")
    if 300 <= status < 400:
        return Stop(WrongApiPath, "the API is not at api_path")
    return Stop(RequestRejected, "the store rejected the request; explain() tells why")
