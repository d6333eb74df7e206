"""The store's webhooks: who made them, what they listen to, and what may become of them."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from .accounts import STORE_HASH, TokenAccount
from .blocks import Blocks
from .events import hears
from .rows import Json
from .settings import Settings

MOST_OF_A_SCOPE = 10


class RefusedError(ValueError):
    """There is no room for such a webhook beside the account's others."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(reason)
        self.name = name


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

    def hears(self, event: str) -> bool:
        """Whether an event is one that the hook was made for, and the hook is active."""
        return self.is_active and hears(self.scope, event)

    def written(self) -> Json:
        """The hook as the API gives it."""
        names = ("id", "client_id", "scope", "destination", "headers", "is_active", "created_at", "updated_at")
        return {**{name: getattr(self, name) for name in names}, "store_hash": STORE_HASH}


class Hooks:
    """All webhooks of a store; ``now`` is its clock. Safe with threads.

    ``on_change`` is called after webhooks came, went or changed.
    """

    def __init__(self, settings: Settings, now: Callable[[], float]) -> None:
        self.settings = settings
        self.now = now
        self.blocks = Blocks(lambda: settings.delivery_scale)
        self.on_change: Callable[[], object] = bool
        self._lock = threading.RLock()
        self._hooks: dict[int, Hook] = {}
        self._ids = itertools.count(20_000_001)

    def __bool__(self) -> bool:
        return bool(self._hooks)

    def all(self) -> list[Hook]:
        """The webhooks of all accounts."""
        with self._lock:
            return list(self._hooks.values())

    def of(self, client_id: str) -> list[Hook]:
        """The webhooks of an account."""
        return [hook for hook in self.all() if hook.client_id == client_id]

    def get(self, hook_id: int) -> Hook | None:
        """A webhook as it stands now, or None."""
        with self._lock:
            return self._hooks.get(hook_id)

    def add(self, account: TokenAccount, fields: Json) -> Hook:
        """Make an account's webhook. Raises RefusedError: there is one, or too many of the scope."""
        now = int(self.now())
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
        return self._keep(made)

    def change(self, hook: Hook, fields: Json) -> Hook:
        """Change a webhook. Raises RefusedError as add() does."""
        known = {name: fields[name] for name in ("scope", "destination", "headers", "is_active") if name in fields}
        return self._keep(replace(hook, **known, updated_at=int(self.now())))

    def delete(self, hook: Hook) -> None:
        """Delete a webhook; what waits for it is not sent."""
        self._alter(lambda each: each if each.id != hook.id else None)

    def forget_account(self, client_id: str) -> None:
        """Delete an account's webhooks, as deleting the account does."""
        self._alter(lambda hook: hook if hook.client_id != client_id else None)

    def switch_off(self, *hook_ids: int) -> None:
        """Make webhooks inactive (all where none is named), as the store does after two days of failures."""
        self._set(hook_ids, is_active=False)

    def disguise(self) -> None:
        """Take the headers off all webhooks, as somebody with the account's token might."""
        self._set((), headers=None)

    def block(self, host: str, seconds: float) -> None:
        """Deliver nothing to a host for so many seconds, as the store does where too many deliveries fail."""
        self.blocks.block(host, seconds)

    def _set(self, hook_ids: tuple[int, ...], **fields: Any) -> None:
        self._alter(lambda hook: replace(hook, **fields) if not hook_ids or hook.id in hook_ids else hook)

    def _alter(self, change: Callable[[Hook], Hook | None]) -> None:
        with self._lock:
            self._hooks = {hook.id: hook for each in self._hooks.values() if (hook := change(each)) is not None}
        self.on_change()

    def _keep(self, hook: Hook) -> Hook:
        with self._lock:
            others = [each for each in self.of(hook.client_id) if each.scope == hook.scope and each.id != hook.id]
            if any(other.destination == hook.destination for other in others):
                raise RefusedError("destination", "a webhook of this scope and destination exists")
            if len(others) >= MOST_OF_A_SCOPE:
                raise RefusedError("scope", f"there are {MOST_OF_A_SCOPE} webhooks of this scope")
            self._hooks[hook.id] = hook
        self.on_change()
        return hook
