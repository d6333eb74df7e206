"""What deliveries are recognised by: the account whose hook sent them, and our header on that hook."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from storekey._credentials import Credentials, Problem
from storekey._hidden import Hidden

HEADER = "X-Storekey-Key"
_PURPOSE = b"storekey: the header of our webhooks, 1"
_STORE = re.compile(r"(?:/[^/]+)*/stores/(?P<hash>[^/]+)")


@dataclass(frozen=True)
class Account:
    """A token account that can have hooks.

    ``producer`` is what its deliveries name as their sender, ``stores/<store hash>``; ``secret`` signs them. ``key``
    is the value of our header: derived from the secret, so that it changes with the account and nobody has to keep it.
    """

    producer: str
    secret: Hidden
    key: Hidden


def account_of(holds: Credentials | Problem) -> Account | Problem:
    """Return the account of these credentials, or why it cannot have hooks."""
    if isinstance(holds, Problem):
        return holds
    if holds.kind == "Basic":
        return Problem("secret", "holds a Basic account, and webhooks need a token account")
    if holds.client_id is None or holds.client_secret is None:
        lacking = "client_id" if holds.client_id is None else "client_secret"
        return Problem(lacking, "is missing, and webhooks need it; copy it from the API account's text file")
    found = _STORE.fullmatch(urlsplit(holds.base).path)
    if not found:
        return Problem("api_path", "holds no /stores/<store hash>/, by which deliveries name their store")
    return Account(f"stores/{found['hash']}", holds.client_secret, _key(holds.client_secret))


def _key(secret: Hidden) -> Hidden:
    return Hidden(hmac.new(secret.reveal().encode(), _PURPOSE, "sha256").hexdigest())
