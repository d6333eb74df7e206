"""The store, as functions use it."""

from __future__ import annotations

import json as jsonlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlencode

from ._cache import CredentialsCache, Version
from ._client import Client, Wanted
from ._credentials import Credentials, Kind, Problem
from ._errors import BadAnswer
from ._paging import Row, by_id
from ._quota import OwnPace, Pace
from ._secret import Secret
from ._settings import Settings
from ._transport import Transport

_PATH = re.compile(r"[A-Za-z0-9._~%!$&'()*+,;=:@/-]+")

_shared: dict[Settings, Store] = {}
_sharing = threading.Lock()


class Api:
    """One version of the store's API; paths are relative to its root, as in ``orders/100``.

    Every method returns the answer's JSON as the store sent it and raises a kind of StoreError. ValueError says that
    a path is not relative or holds characters that must be percent-encoded.
    """

    def __init__(self, client: Client, version: str) -> None:
        self._client = client
        self._version = version

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Read. "No rows" (204 or an empty body) is ``[]`` in v2 and ``{"data": [], "meta": {}}`` in v3."""
        rows = self._call("GET", path, params)
        if rows is None:
            return [] if self._version == "v2" else {"data": [], "meta": {}}
        return rows

    def post(self, path: str, json: Any = None, params: Mapping[str, Any] | None = None) -> Any:
        """Create. Sent again only where it surely did not arrive; None where the store answers nothing."""
        return self._call("POST", path, params, json)

    def put(self, path: str, json: Any = None, params: Mapping[str, Any] | None = None) -> Any:
        """Change. Sent again only where it surely did not arrive; None where the store answers nothing."""
        return self._call("PUT", path, params, json)

    def delete(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Delete one object. Sent again only where it surely did not arrive; None where the store answers nothing.

        ValueError refuses a path that ends in no id: v2 would archive or delete everything, as with an id that came
        out empty. In v3 a filter may stand in its place.
        """
        by_filter = self._version == "v3" and (params or "?" in path)
        if not by_filter and not re.search(r"[0-9][^/]*$", path.partition("?")[0]):
            raise ValueError(f"path {path!r} ends in no id, and would delete a whole collection")
        return self._call("DELETE", path, params)

    def decoded(self, path: str, params: Mapping[str, Any], decode: Callable[[bytes], Any]) -> Any:
        """Read, and return what ``decode`` makes of the answer's body; None for "no rows".

        A ValueError of ``decode`` is raised as BadAnswer.
        """
        return self._call("GET", path, params, decode=decode)

    def _call(self, method: str, path: str, params: Mapping[str, Any] | None, json: Any = None, **how: Any) -> Any:
        place, _, given = path.partition("?")
        query = "&".join(part for part in (given, _encode(params or {})) if part)
        body = None if json is None else jsonlib.dumps(json).encode()
        return self._client.call(Wanted(method, _relative(place), self._version, query, body, **how))


@dataclass(frozen=True)
class LastRead:
    """The credentials that were read last: kind, the version's id and its age in days; None where unknown."""

    kind: Kind | None = None
    version: str | None = None
    age_days: float | None = None


class Store(Api):
    """The store's v2 API, with ``v3`` beside it for token accounts.

    One Store an environment: it keeps the credentials for 300 s and the connection open. Safe with threads.
    """

    def __init__(self, settings: Settings, read: Callable[[], Version | None] | None = None) -> None:
        self.secret = Secret(settings.secret_id, settings.allowed_hosts)
        cache = CredentialsCache(read or self.secret.live, settings.credentials_max_age)
        transport = Transport(settings.ca_bundle, f"storekey ({settings.store_name})")
        client = Client(settings, cache, transport, OwnPace(settings.quota_reserve))
        super().__init__(client, "v2")
        self.settings = settings
        self.v3 = Api(client, "v3")

    @classmethod
    def from_environment(cls) -> Store:
        """Return this environment's Store, by the variables that the template sets; nothing is read or called yet.

        Raises SettingsError, which names every wrong variable.
        """
        settings = Settings.from_environment()
        with _sharing:
            if settings not in _shared:
                _shared[settings] = cls(settings)
            return _shared[settings]

    @classmethod
    def forget(cls) -> None:
        """Close and drop the environment's Stores, as a cold start would; for tests."""
        with _sharing:
            for store in _shared.values():
                store.close()
            _shared.clear()

    def orders(self, modified_since: datetime | None = None, **filters: Any) -> Iterator[Row]:
        """Yield orders in ascending order of id, page by page, losing none while they change.

        ``modified_since`` is a date with a time zone; ``filters`` are the list's own, as in ``status_id=11``.
        """
        if modified_since is not None:
            filters["min_date_modified"] = modified_since
        return by_id(lambda query: self._list("orders", query), filters)

    def probe(self) -> Any:
        """Ask for the store's time, the call that BigCommerce documents for testing credentials.

        The secret is read anew for it, nothing but the time is taken for an answer, and the quota's reserve is used.
        """
        return self._call("GET", "time", None, probe=True)

    def credentials(self, fresh: bool = False) -> Credentials | Problem | None:
        """Return what the live secret holds, or None while it is empty; read anew if it must be ``fresh``."""
        cache = self._client.cache
        held = cache.get(cache.clock(), fresh)
        return held.version.holds if held else None

    def pace_by(self, pace: Pace) -> None:
        """Let another pace say when to send, from the next call on; at first it is the last answer's own word."""
        self._client.pace = pace

    def last_read(self) -> LastRead:
        """Tell which credentials were read last; asks neither the secret nor the store."""
        held = self._client.cache.last()
        if held is None:
            return LastRead()
        holds = held.version.holds
        age = (datetime.now(UTC) - held.version.created).total_seconds() / 86_400
        return LastRead(
            holds.kind if isinstance(holds, Credentials) else None, held.version.id, round(max(age, 0.0), 3)
        )

    @property
    def requests(self) -> int:
        """How many requests the store has answered so far."""
        return self._client.requests

    @property
    def quota_left(self) -> float | None:
        """How many requests the store's last answer said are left; None where it said nothing."""
        return self._client.quota_left

    @property
    def granted(self) -> tuple[int, float] | None:
        """How many requests the store grants us, the reserve taken off, and in how many seconds; None where unknown."""
        return self._client.granted

    @property
    def answered_in(self) -> float:
        """How many seconds the store's last answer took, without any wait before it."""
        return self._client.last_seconds

    def close(self) -> None:
        """Close the connections to the store."""
        self._client.transport.close()

    def _list(self, path: str, query: Mapping[str, Any]) -> list[Row]:
        rows = self.get(path, query)
        if not isinstance(rows, list) or not all(
            isinstance(row, dict) and isinstance(row.get("id"), int) for row in rows
        ):
            raise BadAnswer(
                "the answer is not a list of rows with ids", method="GET", path=path, status=200, attempts=1
            )
        return rows


def _relative(path: str) -> str:
    relative = path.removeprefix("/")
    dots = any(unquote(part) in (".", "..", "") for part in relative.rstrip("/").split("/"))
    if dots or not _PATH.fullmatch(relative):
        raise ValueError(f"path {path!r} is not relative to the API root, or must be percent-encoded")
    return relative


def _encode(params: Mapping[str, Any]) -> str:
    # "+" of a date's offset becomes %2B exactly once: the store ignores a filter that was encoded twice.
    return urlencode([(name, _text(value)) for name, value in params.items() if value is not None])


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a date needs a time zone, as in datetime.now(UTC)")
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)
