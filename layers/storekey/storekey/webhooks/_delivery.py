"""A delivery's body: what BigCommerce sends of an event, and nothing else gets through."""

from __future__ import annotations

import binascii
import json
import math
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from ._scopes import Scopes

# Real ones have some hundred. Written anew, JSON may be four times as long, and is to fit into an event.
MAX_BYTES = 32 * 1024
_MOST_CHARACTERS = 128  # of an event's detail type, which a scope becomes
_NO_TIME = 10**11  # Unix seconds of a time that nobody will see


class Refused(Exception):
    """The delivery is none that we could want; the message says why, without its content."""


class Unwanted(Refused):
    """The delivery is right, and what it tells is not wanted here: a scope, or a store, that was wanted before."""


@dataclass(frozen=True)
class Delivery:
    """One event: its scope, the hash that its repetitions share, and the whole payload."""

    scope: str
    payload: Mapping[str, Any]

    @property
    def created(self) -> float | None:
        """When the event was, in Unix seconds; None where the payload does not say it so."""
        at = self.payload.get("created_at")
        is_time = isinstance(at, int | float) and not isinstance(at, bool) and 0 <= at < _NO_TIME
        return float(at) if is_time and at is not None else None

    @property
    def identity(self) -> str:
        """What tells this event from all others for the time of the table's memory.

        The time is part of it where there is one: nobody documents that two updates of an object cannot share a hash.
        """
        return json.dumps([self.scope, self.payload["hash"], self.payload.get("created_at")])


def raw_body(event: Mapping[str, Any]) -> bytes:
    """Return the bytes that were sent, of a function URL's event; raises Refused."""
    body = event.get("body") or ""
    if not isinstance(body, str) or len(body) > MAX_BYTES * 2:
        raise Refused(f"the body has more than {MAX_BYTES} bytes")
    try:
        raw = b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except (binascii.Error, ValueError):
        raise Refused("the body is not base64, as its mark says, or no text") from None
    if len(raw) > MAX_BYTES:
        raise Refused(f"the body has more than {MAX_BYTES} bytes")
    return raw


def read_delivery(body: bytes, producer: str, scopes: Scopes | None = None) -> Delivery:
    """Read a body into the delivery of an event of our store, of one of the ``scopes``; raises Refused."""
    payload = _object(body)
    scope, data, digest = payload.get("scope"), payload.get("data"), payload.get("hash")
    if not isinstance(scope, str) or not 0 < len(scope) <= _MOST_CHARACTERS:
        raise Refused("scope is no text")
    if not isinstance(data, dict | list):
        raise Refused("data is no object")
    if not isinstance(digest, str) or not 0 < len(digest) <= _MOST_CHARACTERS:
        raise Refused("hash is no text")
    if isinstance(payload.get("created_at"), dict | list):
        raise Refused("created_at is no time")
    if scopes and not scopes.match(scope):
        raise Unwanted("scope is none of WebhookScopes")
    if payload.get("producer") != producer:
        raise Unwanted("producer is not our store")
    return Delivery(scope.removesuffix("/"), payload)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body.decode(), parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        raise Refused("the body is not JSON") from None
    if not isinstance(found, dict):
        raise Refused("the body is no JSON object")
    return found


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # Python reads NaN and Infinity, JSON does not know them
