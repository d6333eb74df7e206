"""API accounts of the store: made, regenerated and deleted, and found again from a request's headers."""

from __future__ import annotations

import base64
import binascii
import secrets
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

STORE_HASH = "abc123"
_RESOURCES = ("orders", "transactions", "products", "customers", "information", "marketing", "content")
SCOPES = frozenset({"store_inventory", *(f"store_v2_{resource}" for resource in _RESOURCES)})


@dataclass(frozen=True)
class BasicAccount:
    """A legacy API account: v2 only, HTTP Basic. Its repr does not show the token."""

    api_path: str
    username: str
    api_token: str = field(repr=False)

    def secret(self) -> dict[str, str]:
        """What the secret holds for this account."""
        return {"api_path": self.api_path, "username": self.username, "api_token": self.api_token}


@dataclass(frozen=True)
class TokenAccount:
    """A store-level API account: v2 and v3, ``X-Auth-Token``. Its repr does not show what is secret."""

    api_path: str
    name: str
    client_id: str
    access_token: str = field(repr=False)
    client_secret: str = field(repr=False)
    scopes: frozenset[str] = SCOPES

    def secret(self) -> dict[str, str]:
        """What the secret holds for this account."""
        return {
            "api_path": self.api_path,
            "access_token": self.access_token,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }

    def may(self, method: str, scope: str) -> bool:
        """Whether the account's scopes allow a request; the read-only scope is enough to read."""
        reading = method in {"GET", "HEAD"} and f"{scope}_read_only" in self.scopes
        return reading or scope in self.scopes


Account = BasicAccount | TokenAccount


class Accounts:
    """The accounts that are valid at this moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._basic: dict[str, BasicAccount] = {}
        self._token: dict[str, TokenAccount] = {}

    def create_basic(self, origin: str, username: str) -> BasicAccount:
        """Create a Basic account; raises ValueError if the user name is taken or holds a colon."""
        account = BasicAccount(f"{origin}/api/v2/", username, secrets.token_hex(16))
        with self._lock:
            if ":" in username or username in self._basic:
                raise ValueError(f"not a new user name: {username}")
            self._basic[username] = account
        return account

    def create_token(self, origin: str, name: str, scopes: Collection[str]) -> TokenAccount:
        """Create a store-level account."""
        account = TokenAccount(
            api_path=f"{origin}/stores/{STORE_HASH}/v3/",
            name=name,
            client_id=secrets.token_hex(16),
            access_token=secrets.token_hex(16),
            client_secret=secrets.token_hex(32),
            scopes=frozenset(scopes),
        )
        with self._lock:
            self._token[account.access_token] = account
        return account

    def regenerate(self, account: BasicAccount) -> BasicAccount:
        """Give a Basic account a new token; the old one is dead at once. Raises KeyError if the account is deleted."""
        with self._lock:
            new = replace(self._basic[account.username], api_token=secrets.token_hex(16))
            self._basic[account.username] = new
        return new

    def delete(self, account: Account) -> None:
        """Delete an account; raises KeyError if there is none."""
        with self._lock:
            if isinstance(account, BasicAccount):
                del self._basic[account.username]
            else:
                del self._token[account.access_token]

    def basic(self, headers: Mapping[str, str]) -> BasicAccount | None:
        """The Basic account whose user name and token a request carries."""
        pair = _basic_pair(headers.get("Authorization", ""))
        with self._lock:
            account = self._basic.get(pair[0]) if pair else None
        return (
            account if account and pair and secrets.compare_digest(*map(_utf8, (account.api_token, pair[1]))) else None
        )

    def token(self, headers: Mapping[str, str]) -> TokenAccount | None:
        """The token account whose access token a request carries."""
        with self._lock:
            return self._token.get(headers.get("X-Auth-Token", ""))


def _basic_pair(authorization: str) -> tuple[str, str] | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        username, colon, token = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (username, token) if colon else None


def _utf8(text: str) -> bytes:
    return text.encode()
