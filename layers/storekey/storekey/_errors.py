"""What can go wrong with a call to the store, as one small tree of types that carry facts."""

from __future__ import annotations

from typing import Any

from ._hidden import Hidden


class StoreError(Exception):
    """A call to the store that did not succeed.

    ``method`` and ``path`` name the call (the path as it was given, without its query), ``status`` is the store's
    last HTTP status or None, ``attempts`` how often the request was sent or was tried to be. The text holds no
    credentials and nothing of the answer's body.
    """

    def __init__(
        self, reason: str, *, method: str = "", path: str = "", status: int | None = None, attempts: int = 0
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.method = method
        self.path = path
        self.status = status
        self.attempts = attempts

    def __str__(self) -> str:
        call = f"{self.method} {self.path}: " if self.method else ""
        facts = [f"status {self.status}"] if self.status else []
        if self.attempts:
            facts.append(f"{self.attempts} attempt{'' if self.attempts == 1 else 's'}")
        return f"{call}{self.reason}" + (f" ({', '.join(facts)})" if facts else "")

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.__dict__)


def _rebuild(kind: type[StoreError], facts: dict[str, Any]) -> StoreError:
    error = kind(facts["reason"])
    error.__dict__.update(facts)
    return error


class BadCredentials(StoreError):
    """The secret cannot be used: it is no JSON object, or ``field`` breaks a rule. Its value is never told."""

    def __init__(self, reason: str, *, field: str = "", **facts: Any) -> None:
        super().__init__(reason, **facts)
        self.field = field


class MissingCredentials(BadCredentials):
    """The secret has never been filled."""


class TokenRequired(StoreError):
    """The call needs a token account (``X-Auth-Token``); Basic credentials reach the v2 API alone."""


class Unauthorized(StoreError):
    """The store answered 401 twice: once before and once after the secret was read again."""


class Forbidden(StoreError):
    """The store answered 403: a scope or permission is missing, or the API path names another store."""


class NotFound(StoreError):
    """The store answered 404: it has no such object."""


class RequestRejected(StoreError):
    """The store answered another 4xx: the request itself is wrong.

    ``explain()`` returns the answer's body. It may name people; do not log it.
    """

    def __init__(self, reason: str, *, body: str = "", **facts: Any) -> None:
        super().__init__(reason, **facts)
        self._body = Hidden(body)

    def explain(self) -> str:
        """Return what the store said, as it said it, with credentials masked; 64 KiB at most."""
        return self._body.reveal()


class WrongApiPath(StoreError):
    """The store answered with a redirect, so the API is not where ``api_path`` says; it is never followed."""


class RateLimited(StoreError):
    """The quota is spent (429 or 509), or would be by this call; try again in ``retry_after`` seconds."""

    def __init__(self, reason: str, *, retry_after: float = 0.0, **facts: Any) -> None:
        super().__init__(reason, **facts)
        self.retry_after = retry_after


class Unavailable(StoreError):
    """The store kept answering 5xx: it is in maintenance, suspended, or failing."""


class Unreachable(StoreError):
    """No answer came: the name was not found, no connection was made, it broke off, or the time was up."""


class TlsFailure(StoreError):
    """The peer did not prove that it is the store over TLS 1.2 or newer; nothing was sent to it."""


class BadAnswer(StoreError):
    """The store answered 2xx with something that is not the JSON expected, or with more than 64 MiB of it."""
