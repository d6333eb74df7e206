"""Deliveries as BigCommerce sends them, made by hand, and what receives them in tests."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

from standardwebhooks.webhooks import Webhook

from storekey import AllowedHosts, Credentials, Hidden, parse_secret
from storekey._cache import Version
from storekey.webhooks._account import HEADER, Account, account_of

HOST = "api.bigcommerce.com"
PAYLOAD = {
    "scope": "store/order/created",
    "store_id": "1025646",
    "data": {"type": "order", "id": 250},
    "hash": "352e4afc6dd3fc85ea26bfdf3f91852604d57528",
    "created_at": 1561479335,
    "producer": "stores/abc123",
}
BASIC = {"api_path": "https://store-abc.mybigcommerce.com/api/v2/", "username": "u", "api_token": "t" * 32}


def secret(name: str, store: str = "abc123") -> dict[str, str]:
    """What the secret holds for a token account."""
    return {
        "api_path": f"https://{HOST}/stores/{store}/v3/",
        "access_token": f"token-of-{name}",
        "client_id": f"id-of-{name}",
        "client_secret": f"secret-of-{name}",
    }


def credentials(fields: dict[str, str]) -> Credentials:
    found = parse_secret(Hidden(json.dumps(fields)), AllowedHosts.parse(f"{HOST},*.mybigcommerce.com"))
    assert isinstance(found, Credentials)
    return found


def version(fields: dict[str, str], name: str = "1") -> Version:
    return Version(name, datetime.now(UTC), credentials(fields))


def account(name: str, store: str = "abc123") -> Account:
    found = account_of(credentials(secret(name, store)))
    assert isinstance(found, Account)
    return found


def signature(body: bytes, name: str, at: float | None = None, message_id: str = "msg_1") -> dict[str, str]:
    """The headers of a signature as the library of Standard Webhooks makes them."""
    moment = datetime.fromtimestamp(int(time.time() if at is None else at), UTC)
    signed = Webhook(f"secret-of-{name}".encode()).sign(message_id, moment, body.decode("utf-8", "surrogateescape"))
    return {"webhook-id": message_id, "webhook-timestamp": str(int(moment.timestamp())), "webhook-signature": signed}


def url_event(body: bytes | str, headers: dict[str, str], *, encoded: bool = False, method: str = "POST") -> Any:
    """A function URL's event, payload format 2.0."""
    text = b64encode(body if isinstance(body, bytes) else body.encode()).decode() if encoded else body
    return {
        "version": "2.0",
        "rawPath": "/",
        "headers": {"content-type": "application/json", **headers},
        "requestContext": {"http": {"method": method, "path": "/", "sourceIp": "203.0.113.7"}},
        "body": text.decode() if isinstance(text, bytes) else text,
        "isBase64Encoded": encoded,
    }


def ours(name: str) -> dict[str, str]:
    """Our header of an account."""
    return {HEADER.lower(): account(name).key.reveal()}


def payload(**changes: Any) -> dict[str, Any]:
    """The payload with other fields; None leaves one out."""
    return {key: value for key, value in ({**PAYLOAD} | changes).items() if value is not None}


def written(found: Any) -> bytes:
    return json.dumps(found).encode()
