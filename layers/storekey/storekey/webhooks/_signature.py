"""The signature of a delivery, by Standard Webhooks 1.0 (github.com/standard-webhooks/standard-webhooks, spec)."""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping

from storekey._hidden import Hidden

ID, TIMESTAMP, SIGNATURE = HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
TOLERANCE_SECONDS = 300
_SECONDS = re.compile(r"[0-9]{1,12}")
_VERSION = "v1,"
_MOST_SIGNATURES = 10  # a sender lists one for each of its keys


def is_signed(headers: Mapping[str, str]) -> bool:
    """Tell whether a delivery bears any part of a signature; ``headers`` are named in lower case."""
    return any(name in headers for name in HEADERS)


def wrong(headers: Mapping[str, str], body: bytes, secret: Hidden, now: float) -> str | None:
    """Say what is wrong with a signature over the raw body, or None; ``now`` is in Unix seconds."""
    missing = next((name for name in HEADERS if not headers.get(name)), None)
    if missing:
        return f"the header {missing} is missing"
    if not _SECONDS.fullmatch(headers[TIMESTAMP]):
        return f"{TIMESTAMP} is no time"
    if abs(now - int(headers[TIMESTAMP])) > TOLERANCE_SECONDS:
        return f"{TIMESTAMP} is more than {TOLERANCE_SECONDS} seconds off"
    signed = f"{headers[ID]}.{headers[TIMESTAMP]}.".encode(errors="replace") + body
    expected = _VERSION.encode() + b64encode(hmac.digest(secret.reveal().encode(), signed, "sha256"))
    given = headers[SIGNATURE].split(" ")[:_MOST_SIGNATURES]
    if not any(hmac.compare_digest(expected, each.encode(errors="replace")) for each in given):
        return "no signature is that of the client_secret"
    return None
