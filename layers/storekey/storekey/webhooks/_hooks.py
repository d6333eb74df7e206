"""The hooks of an account at the store, and what must be done for them to be those that are wanted.

Routes: BigCommerce, "Webhooks v3" and "Webhooks Admin". A hook is seen only by the account that made it; there is one
for a scope and a destination, so making one is: look, then write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from storekey._errors import BadAnswer
from storekey._store import Store

from ._account import HEADER

_PAGE, _MOST_PAGES = 250, 20


@dataclass(frozen=True)
class Hook:
    """One hook as the store tells it."""

    id: int
    scope: str
    destination: str
    active: bool
    headers: Mapping[str, str] = field(repr=False)

    @property
    def key(self) -> str | None:
        """The value of our header, or None where the hook does not bear it."""
        return next((value for name, value in self.headers.items() if name.lower() == HEADER.lower()), None)

    @property
    def place(self) -> str:
        """Host and path of the destination."""
        try:
            url = urlsplit(self.destination)
        except ValueError:
            return "an unreadable address"
        return f"{url.netloc.rpartition('@')[2]}{url.path}"


@dataclass(frozen=True)
class Wanted:
    """What hooks must be: one for each scope, to this address, with this value of our header."""

    scopes: tuple[str, ...]
    url: str
    key: str = field(repr=False)

    def has(self, hook: Hook) -> bool:
        """Tell whether a hook delivers to us."""
        return _same(hook.destination, self.url)

    def is_met(self, hook: Hook) -> bool:
        """Tell whether a hook is as it must be."""
        return self.has(hook) and hook.scope in self.scopes and hook.active and hook.key == self.key

    def missing(self, hooks: Sequence[Hook]) -> list[str]:
        """Return the scopes for which no hook is as it must be."""
        met = {hook.scope for hook in hooks if self.is_met(hook)}
        return [scope for scope in self.scopes if scope not in met]

    def body(self, scope: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return what the store is sent for a scope's hook; other ``headers`` are kept."""
        kept = {name: value for name, value in (headers or {}).items() if name.lower() != HEADER.lower()}
        return {"scope": scope, "destination": self.url, "is_active": True, "headers": {**kept, HEADER: self.key}}


@dataclass(frozen=True)
class Plan:
    """What must be done: scopes to create, hooks to change and hooks to delete."""

    create: tuple[str, ...]
    change: tuple[Hook, ...]
    delete: tuple[Hook, ...]


def plan(wanted: Wanted, hooks: Sequence[Hook]) -> Plan:
    """Compare what there is with what is wanted; hooks that deliver elsewhere are left alone.

    Of several of one scope the right one stays, or else the one at the very address, which no other can be changed to.
    """
    ours: dict[str, Hook] = {}
    surplus = []
    best_first = sorted(hooks, key=lambda hook: (not wanted.is_met(hook), hook.destination != wanted.url, hook.id))
    for hook in best_first:
        if not wanted.has(hook):
            continue
        if hook.scope in wanted.scopes and hook.scope not in ours:
            ours[hook.scope] = hook
        else:
            surplus.append(hook)
    create = tuple(scope for scope in wanted.scopes if scope not in ours)
    return Plan(create, tuple(hook for hook in ours.values() if not wanted.is_met(hook)), tuple(surplus))


def all_hooks(store: Store) -> list[Hook]:
    """Return all hooks of the account, page by page, each once: one may move to the next page meanwhile."""
    return list({hook.id: hook for hook in _listed(store)}.values())


def blocked_hosts(store: Store) -> list[str]:
    """Return the hosts to which BigCommerce sends nothing for the moment, because too many deliveries failed."""
    answer = store.v3.get("hooks/admin")
    data = answer.get("data") if isinstance(answer, dict) else None
    blocked = data.get("blocked_domains") if isinstance(data, dict) else None
    listed = blocked if isinstance(blocked, list) else []
    found = [each.get("destination") for each in listed if isinstance(each, dict)]
    return [host_of(each) for each in found if isinstance(each, str)]


def _listed(store: Store) -> Iterator[Hook]:
    for page in range(1, _MOST_PAGES + 1):
        answer = store.v3.get("hooks", {"limit": _PAGE, "page": page})
        rows: Any = answer.get("data") if isinstance(answer, dict) else answer
        try:
            hooks = [_hook(row) for row in rows]
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
            raise BadAnswer("the answer is no list of hooks", method="GET", path="hooks", status=200) from None
        yield from hooks
        if not hooks or page >= _pages(answer, hooks):
            return


def _pages(answer: Any, hooks: Sequence[Hook]) -> int:
    """Return how many pages there are; where the store does not say, a full one is not the last."""
    meta = answer.get("meta") if isinstance(answer, dict) else None
    pages = (meta.get("pagination") or {}).get("total_pages") if isinstance(meta, dict) else None
    if isinstance(pages, int):
        return pages
    return 1 if len(hooks) < _PAGE else _MOST_PAGES


def _hook(row: Mapping[str, Any]) -> Hook:
    headers = row.get("headers") or {}
    texts = {str(name): str(value) for name, value in headers.items()}
    return Hook(int(row["id"]), str(row["scope"]), str(row["destination"]), row.get("is_active") is True, texts)


def _same(destination: str, url: str) -> bool:
    return destination.rstrip("/").lower() == url.rstrip("/").lower()


def host_of(url: str) -> str:
    """Return the host of an address, or of what is written as one without a scheme."""
    try:
        return urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:
        return ""
