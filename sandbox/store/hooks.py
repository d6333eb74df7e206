"""The store's webhooks: who made them, what they listen to, and the v3 routes on which they are kept.

The real store delivers to port 443 alone; this one takes any. Of the scopes of an account it asks for
``store_v2_information``, as "Webhooks v3" does.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from .accounts import STORE_HASH, TokenAccount
from .calls import Call, NotFoundError, Routes
from .parameters import Params, paging
from .replies import Reply, error_reply, json_reply, page_reply
from .rows import Json, encode

MOST_OF_A_SCOPE = 10
_FAMILIES = "app|brand|cart|category|customer|information|inventory|order|product|shipment|sku|subscriber"
_SCOPE = re.compile(rf"store/(channel/([0-9]+|\*)/)?({_FAMILIES})(/[A-Za-z_]+)*(/\*)?")
_PATH = "/v3/hooks"


@dataclass(frozen=True)
class Hook:
    """One webhook, as it stands now. Its repr shows neither its headers nor what signs its deliveries."""

    id: int
    client_id: str
    scope: str
    destination: str
    is_active: bool
    created_at: int
    updated_at: int
    headers: dict[str, str] | None = field(repr=False)
    client_secret: str = field(repr=False)

    @property
    def host(self) -> str:
        """The host that deliveries go to."""
        return urlsplit(self.destination).hostname or ""

    def hears(self, scope: str) -> bool:
        """Whether an event is one that the hook was made for."""
        stem, star, _ = self.scope.partition("*")
        return scope.startswith(stem) and len(scope) > len(stem) if star else scope == self.scope

    def written(self) -> Json:
        """The hook as the API gives it."""
        names = ("id", "client_id", "scope", "destination", "headers", "is_active", "created_at", "updated_at")
        return {**{name: getattr(self, name) for name in names}, "store_hash": STORE_HASH}


class Hooks:
    """All webhooks of a store; ``now`` is its clock. Safe with threads."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._hooks: dict[int, Hook] = {}
        self._ids = itertools.count(20_000_001)
        self._blocked: dict[str, float] = {}

    def __bool__(self) -> bool:
        return bool(self._hooks)

    def all(self) -> list[Hook]:
        """The webhooks of all accounts."""
        with self._lock:
            return list(self._hooks.values())

    def get(self, hook_id: int) -> Hook | None:
        """A webhook as it stands now, or None."""
        return self._hooks.get(hook_id)

    def forget_account(self, client_id: str) -> None:
        """Delete an account's webhooks, as deleting the account does."""
        with self._lock:
            self._hooks = {key: hook for key, hook in self._hooks.items() if hook.client_id != client_id}

    def switch_off(self, *hook_ids: int) -> None:
        """Make webhooks inactive (all where none is named), as the store does after two days of failures."""
        with self._lock:
            for hook_id in hook_ids or list(self._hooks):
                if hook_id in self._hooks:
                    self._hooks[hook_id] = replace(self._hooks[hook_id], is_active=False)

    def disguise(self) -> None:
        """Take the headers off all webhooks, as somebody with the account's token might."""
        with self._lock:
            self._hooks = {key: replace(hook, headers=None) for key, hook in self._hooks.items()}

    def block(self, host: str, seconds: float) -> None:
        """Deliver nothing to a host for so many seconds, as the store does where too many deliveries fail."""
        self._blocked[host] = self._now() + seconds

    def is_blocked(self, host: str) -> bool:
        """Whether nothing is delivered to a host for the moment."""
        return self._blocked.get(host, 0.0) > self._now()

    def routes(self) -> Routes:
        """The routes of v3."""
        return {
            "v3/hooks": {"GET": self._list, "POST": self._create},
            "v3/hooks/{id}": {"GET": self._one, "PUT": self._change, "DELETE": self._delete},
            "v3/hooks/admin": {"GET": self._admin, "PUT": lambda _: Reply(204)},
        }

    def _list(self, call: Call) -> Reply:
        hooks = [hook for hook in self._of(call) if _chosen(hook, call.params)]
        page, limit = paging(call.params, None)
        shown = [encode(hook.written()) for hook in hooks[(page - 1) * limit : page * limit]]
        pages = -(-len(hooks) // limit)
        facts = {"total": len(hooks), "count": len(shown), "per_page": limit, "current_page": page}
        return page_reply(shown, {"pagination": {**facts, "total_pages": pages}})

    def _one(self, call: Call) -> Reply:
        return _data(self._mine(call))

    def _create(self, call: Call) -> Reply:
        fields = _fields(call.body)
        problem = _problem(fields, needed=("scope", "destination"))
        if problem:
            return _unprocessable(*problem)
        with self._lock:
            others = [hook for hook in self._of(call) if hook.scope == fields["scope"]]
            if any(hook.destination == fields["destination"] for hook in others):
                return _unprocessable("destination", "a webhook of this scope and destination exists")
            if len(others) >= MOST_OF_A_SCOPE:
                return _unprocessable("scope", f"there are {MOST_OF_A_SCOPE} webhooks of this scope")
            account, now = _account(call), int(self._now())
            made = Hook(
                next(self._ids),
                account.client_id,
                fields["scope"],
                fields["destination"],
                fields.get("is_active", True),
                now,
                now,
                fields.get("headers"),
                account.client_secret,
            )
            self._hooks[made.id] = made
        return _data(made)

    def _change(self, call: Call) -> Reply:
        fields = _fields(call.body)
        problem = _problem(fields, needed=())
        if problem:
            return _unprocessable(*problem)
        with self._lock:
            hook = self._mine(call)
            known = {name: fields[name] for name in ("scope", "destination", "headers", "is_active") if name in fields}
            self._hooks[hook.id] = changed = replace(hook, **known, updated_at=int(self._now()))
        return _data(changed)

    def _delete(self, call: Call) -> Reply:
        with self._lock:
            return _data(self._hooks.pop(self._mine(call).id))

    def _admin(self, call: Call) -> Reply:
        hooks = self._of(call)
        hosts = sorted({hook.host for hook in hooks if self.is_blocked(hook.host)})
        blocked = [
            {"destination": f"https://{host}", "time_left": int(self._blocked[host] - self._now()), "reasons": []}
            for host in hosts
        ]
        listed = [{**hook.written(), "status": "active" if hook.is_active else "deactivated"} for hook in hooks]
        return json_reply(200, {"data": {"emails": [], "hooks_list": listed, "blocked_domains": blocked}, "meta": {}})

    def _of(self, call: Call) -> list[Hook]:
        client_id = _account(call).client_id
        return [hook for hook in list(self._hooks.values()) if hook.client_id == client_id]

    def _mine(self, call: Call) -> Hook:
        hook = self._hooks.get(call.id)
        if hook is None or hook.client_id != _account(call).client_id:
            raise NotFoundError
        return hook


def _account(call: Call) -> TokenAccount:
    if not isinstance(call.account, TokenAccount):
        raise NotFoundError  # asked in this process, by nobody
    return call.account


def _chosen(hook: Hook, params: Params) -> bool:
    active = params.get("is_active")
    wanted = {name: params[name] for name in ("scope", "destination") if name in params}
    right = all(getattr(hook, name) == value for name, value in wanted.items())
    return right and (active is None or hook.is_active == (active == "true"))


def _fields(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _problem(fields: Json, needed: tuple[str, ...]) -> tuple[str, str] | None:
    missing = next((name for name in needed if name not in fields), None)
    if missing:
        return missing, "error.path.missing"
    if not _SCOPE.fullmatch(str(fields.get("scope", "store/order/*"))):
        return "scope", "is no event of the store"
    url = urlsplit(str(fields.get("destination", "https://localhost/")))
    if url.scheme != "https" or not url.hostname:
        return "destination", "is no address over https"
    headers = fields.get("headers") or {}
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        return "headers", "are no names with texts"
    if not isinstance(fields.get("is_active", True), bool):
        return "is_active", "is neither true nor false"
    return None


def _data(hook: Hook) -> Reply:
    return json_reply(200, {"data": hook.written(), "meta": {}})


def _unprocessable(name: str, reason: str) -> Reply:
    status = error_reply(_PATH, 422, "JSON data is missing or invalid")
    return Reply(422, encode({**json.loads(status.body), "errors": {name: reason}}))
