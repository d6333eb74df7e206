"""Scopes: the names of events, and the patterns with ``*`` that hooks are made for."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SCOPE = re.compile(r"store(/([A-Za-z0-9_-]+|\*))+")


@dataclass(frozen=True)
class Scopes:
    """The wanted scopes, each as it was written: an event, or a pattern in which a ``*`` stands for a part.

    A ``*`` at the end stands for all that may follow.
    """

    wanted: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Scopes:
        """Read comma-separated scopes, each once; ValueError says which is none."""
        names = [name.strip() for name in text.split(",") if name.strip()]
        wrong = next((name for name in names if not _SCOPE.fullmatch(name)), None)
        if wrong or not names:
            raise ValueError(f"holds {wrong or 'nothing'}; scopes are written as store/order/created or store/order/*")
        return cls(tuple(dict.fromkeys(names)))

    def match(self, scope: str) -> bool:
        """Tell whether an event is one of those wanted."""
        return any(_pattern(wanted).fullmatch(scope) for wanted in self.wanted)


def _pattern(scope: str) -> re.Pattern[str]:
    parts = scope.split("/")
    return re.compile("/".join(_part(part, last=n == len(parts) - 1) for n, part in enumerate(parts)))


def _part(part: str, last: bool) -> str:
    if part != "*":
        return re.escape(part)
    return r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*" if last else r"[A-Za-z0-9_-]+"
