"""Whose deliveries are accepted: those of the live account, and those of the one that was live before it."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from storekey._cache import Version, wall_clock
from storekey._credentials import Credentials, Problem

from ._account import Account, account_of

# A header that nobody bears has the secret read again at most so often: anybody can send one.
_READ_AGAIN_SECONDS = 1.0
_SAY_AGAIN_SECONDS = 60.0
_EMPTY = Problem("secret", "is empty; store the credentials in it")


@dataclass
class Accounts:
    """The accounts of a secret; ``live`` and ``previous`` read its versions, ``max_age`` is in seconds."""

    live: Callable[[], Version | None]
    previous: Callable[[], Version | None]
    max_age: float
    clock: Callable[[], float] = wall_clock
    _live: Account | Problem = _EMPTY
    _version: str | None = None
    _is_basic: bool = False
    _previous: Account | Problem = _EMPTY
    _read: float = float("-inf")
    _searched: float = float("-inf")
    _said: float = float("-inf")
    _lock: Lock = field(default_factory=Lock, repr=False)

    def bearing(self, key: str) -> Account | Problem:
        """Return the account whose key this is, or why there is none.

        An unknown key has both versions read again, so that a change of the secret needs no time to arrive.
        """
        with self._lock:
            if self._age(self._read) > self.max_age:
                self._read_live()
            found = self._known(key)
            if found is None and key and self._age(self._searched) >= _READ_AGAIN_SECONDS:
                self._searched = self.clock()
                self._read_live()
                found = self._known(key)
                if found is None:
                    self._read_previous()
                    found = self._known(key)
            return found or self._why_not()

    @property
    def are_known(self) -> bool:
        """Whether a version has been read."""
        return self._version is not None

    def is_news(self) -> bool:
        """Tell, once a minute, whether to say why nobody is accepted: it is said to whoever asks."""
        with self._lock:
            news = self._age(self._said) >= _SAY_AGAIN_SECONDS
            if news:
                self._said = self.clock()
            return news

    def producer(self, account: Account) -> str:
        """Return whose events are ours: the live account's store, or this one's while the live one is unusable."""
        return self._live.producer if isinstance(self._live, Account) else account.producer

    def _read_live(self) -> None:
        started = self.clock()
        version = self.live()
        self._live = _account(version)
        holds = version.holds if version else None
        self._is_basic = isinstance(holds, Credentials) and holds.kind == "Basic"
        seen, self._version = self._version, version.id if version else None
        self._read = started
        if seen not in (None, self._version) or isinstance(self._previous, Account):
            self._read_previous()

    def _read_previous(self) -> None:
        """Read the version before; one that cannot be used is no reason to forget a better one, but none at all is."""
        version = self.previous()
        previous = _account(version)
        if version is None or isinstance(previous, Account) or not isinstance(self._previous, Account):
            self._previous = previous

    def _known(self, key: str) -> Account | None:
        if self._is_basic:
            return None
        known = (each for each in (self._live, self._previous) if isinstance(each, Account))
        return next((each for each in known if _same(each.key.reveal(), key)), None)

    def _why_not(self) -> Problem:
        return (
            self._live if isinstance(self._live, Problem) else Problem("header", "is not that of one of our webhooks")
        )

    def _age(self, since: float) -> float:
        """Return the seconds since then; endless where the clock jumped back, for that proves nothing."""
        age = self.clock() - since
        return age if age >= 0 else float("inf")


def _account(version: Version | None) -> Account | Problem:
    return account_of(version.holds) if version else _EMPTY


def _same(ours: str, given: str) -> bool:
    return hmac.compare_digest(ours.encode(), given.encode(errors="replace"))
