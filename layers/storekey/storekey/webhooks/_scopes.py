"""Scopes: the names of events, and the patterns with ``*`` that hooks are made for."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SCOPE = re.compile(r"store(/([A-Za-z0-9_-]+|\*))+")
_NAME = "[A-Za-z0-9_-]+"
_METAFIELD = re.compile(r"store/metafield/[A-Za-z]+")


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
        """Tell whether an event is one of those wanted.

        BigCommerce's own examples show a slash at the end, the pattern in place of the event, and events of metafields
        without what they belong to.
        """
        name = scope.removesuffix("/")
        if name in self.wanted or any(_pattern(wanted).fullmatch(name) for wanted in self.wanted):
            return True
        return bool(_METAFIELD.fullmatch(name)) and any(
            wanted.endswith("/*") or "/metafield/" in wanted for wanted in self.wanted
        )


def _pattern(scope: str) -> re.Pattern[str]:
    parts = scope.split("/")
    return re.compile("/".join(_part(part, last=n == len(parts) - 1) for n, part in enumerate(parts)))


def _part(part: str, last: bool) -> str:
    if part != "*":
        return re.escape(part)
    return rf"{_NAME}(?:/{_NAME})*" if last else rf"(?:{_NAME}|\*)"
