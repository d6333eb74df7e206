"""What a sync of the hooks has done, and how they stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ._hooks import Hook, Wanted


@dataclass
class Report:
    """What was done, and how things stand."""

    wanted: Wanted
    created: int = 0
    updated: int = 0
    deleted: int = 0
    enabled: int = 0
    hooks: list[Hook] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    trouble: str = ""

    @property
    def missing(self) -> list[str]:
        """The wanted scopes without a hook as it must be; none where there is trouble, for nobody has looked."""
        return [] if self.trouble else self.wanted.missing(self.hooks)

    @property
    def off(self) -> int:
        """How many are off now: wanted and missing, or blocked."""
        return len(self.missing) + len(self.blocked)

    def found_off(self, *, is_daily: bool) -> int:
        """Return how many were found off, though they are on again: events were missed.

        Each change of the secret or the stack has its own sync, so what a daily one finds missing or without our header
        was lost since.
        """
        return self.enabled + (self.created + self.updated if is_daily else 0)

    def as_answer(self) -> dict[str, Any]:
        """Return the function's answer; nothing in it is secret."""
        return {
            "created": self.created,
            "updated": self.updated,
            "deleted": self.deleted,
            "enabled": self.enabled,
            "url": self.wanted.url,
            "hooks": [self._told(hook) for hook in self.hooks],
            "missing": self.missing,
            "failed": self.failed,
            "blocked": self.blocked,
            "trouble": self.trouble or None,
            "detail": self.detail,
        }

    @property
    def detail(self) -> str:
        """How things stand, in a sentence."""
        if self.trouble:
            return self.trouble
        scopes, missing = len(self.wanted.scopes), len(self.missing)
        said = f"{scopes - missing} of {scopes} wanted webhooks are there and active"
        if self.failed:
            refused = ", ".join(each["scope"] for each in self.failed)
            said += f"; the store refused {refused}: if it goes on to, take that out of WebhookScopes"
        if self.blocked:
            said += "; BigCommerce sends nothing to this address for some minutes, too many deliveries failed"
        return said

    def _told(self, hook: Hook) -> dict[str, Any]:
        facts = {"id": hook.id, "scope": hook.scope, "destination": hook.place, "active": hook.active}
        return {**facts, "ours": self.wanted.has(hook), "wanted": self.wanted.is_met(hook)}
