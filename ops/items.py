"""What the items of the exports' state hold, in plain values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Failing:
    """The last failure, and since when they have gone on, since the last finished run."""

    error: str
    message: str
    since: str | None

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.error, self.message)))


def failing_of(item: Mapping[str, Any]) -> Failing | None:
    """Return the failure that an item notes."""
    noted, since = item.get("failing"), item.get("failing_since")
    if not noted:
        return None
    return Failing(noted.get("error", ""), message_of(noted.get("message", "")), moment(since or noted.get("at")))


def moment(seconds: Any) -> str | None:
    """Write Unix seconds as the manifests write times; what is a text already stays."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}" if isinstance(seconds, int) else seconds


def object_of(text: str | bytes) -> dict[str, Any]:
    """Return a JSON object, an empty one for anything else."""
    found = _json(text)
    return found if isinstance(found, dict) else {}


def message_of(cause: str) -> str:
    """Return what an error says: Lambda wraps it in JSON, cut off or not, with a trace that nobody needs here."""
    wrapped = re.search(r'"errorMessage":\s*("(?:[^"\\]|\\.)*")', cause)
    return str(_json(wrapped[1])) if wrapped else cause


def _json(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
