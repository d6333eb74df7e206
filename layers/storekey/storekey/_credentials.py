"""The secret: what it may hold, and how it becomes the headers of a request."""

from __future__ import annotations

import json
import re
import unicodedata
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from ._hidden import Hidden
from ._hosts import HTTPS_PORT, AllowedHosts

Kind = Literal["Basic", "token"]

_BASIC_FIELDS = ("username", "api_token")
_TOKEN_FIELDS = ("access_token", "client_id", "client_secret")
_PASTED_AROUND = " \t\r\n\v\f\u00a0\ufeff"
_HEADER_SAFE = re.compile(r"[\x21-\x7e]+")
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_PATH = re.compile(r"(?P<base>(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*)/v[23]/?")


@dataclass(frozen=True)
class Problem:
    """Why a secret cannot be used: the field and a remedy, never a value."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


@dataclass(frozen=True)
class Credentials:
    """Who we are at the store and where its API is.

    ``kind`` is ``Basic`` (user name and API token, v2 only) or ``token`` (``X-Auth-Token``, v2 and v3). ``base`` is
    the API's address without the version. Nothing of the token shows in repr.
    """

    kind: Kind
    base: str
    token: Hidden
    username: str | None = None
    client_id: str | None = None
    client_secret: Hidden | None = None

    @property
    def host(self) -> str:
        """The API's host, with its port where that is not 443."""
        return urlsplit(self.base).netloc

    def root(self, version: str) -> str:
        """Return the API root of ``v2`` or ``v3``, with a final slash."""
        return f"{self.base}/{version}/"

    def headers(self) -> dict[str, str]:
        """Return the one header that proves who we are."""
        if self.kind == "token":
            return {"X-Auth-Token": self.token.reveal()}
        return {"Authorization": f"Basic {self._basic()}"}

    def mask(self, text: str) -> str:
        """Return a text of foreign origin with every form of the secret values replaced."""
        for value in self._secret_forms():
            text = text.replace(value, "***")
        return text

    def _basic(self) -> str:
        return b64encode(f"{self.username}:{self.token.reveal()}".encode()).decode("ascii")

    def _secret_forms(self) -> Iterator[str]:
        values = [self.token.reveal()]
        if self.client_secret:
            values.append(self.client_secret.reveal())
        if self.kind == "Basic":
            values += [self._basic(), self._basic().rstrip("=")]
        for value in values:
            yield value
            yield quote(value, safe="")
            yield b64encode(value.encode()).decode("ascii").rstrip("=")


def parse_secret(text: Hidden, allowed: AllowedHosts) -> Credentials | Problem:
    """Read a secret's JSON text into credentials, or say which field is wrong.

    The answer is a value and not an exception so that no frame of a traceback holds the text.
    """
    try:
        fields = json.loads(text.reveal().strip(_PASTED_AROUND), strict=False)
    except (ValueError, RecursionError):
        return Problem("secret", "is not JSON; write one JSON object in double quotes, as README.md shows")
    if not isinstance(fields, dict):
        return Problem("secret", "is JSON but not an object; write the fields between { and }")
    return _from_fields(fields, allowed)


def _from_fields(fields: Mapping[str, Any], allowed: AllowedHosts) -> Credentials | Problem:
    basic = [name for name in _BASIC_FIELDS if name in fields]
    token = [name for name in _TOKEN_FIELDS if name in fields]
    if basic and token:
        return Problem(token[0], f"stands beside {basic[0]}; keep the fields of one account, Basic or token")
    if not basic and not token:
        return Problem("secret", "holds no account; it needs username and api_token (Basic), or access_token (token)")
    wanted = ("api_path", *(_BASIC_FIELDS if basic else ("access_token",)))
    missing = next((name for name in wanted if name not in fields), None)
    if missing:
        return Problem(missing, "is missing; copy it from the API account in the store's control panel")
    names = [*wanted, *(name for name in token if name not in wanted)]
    values = {name: _text(fields[name]) for name in names}
    problem = next((found for name in names if (found := _problem(name, values[name]))), None)
    return problem or _build("Basic" if basic else "token", values, allowed)


def _text(value: object) -> str | None:
    return value.strip(_PASTED_AROUND) if isinstance(value, str) else None


def _problem(name: str, value: str | None) -> Problem | None:
    if value is None:
        return Problem(name, "is not a text; put it in double quotes")
    if not value:
        return Problem(name, "is empty; copy it from the API account in the store's control panel")
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in value):
        return Problem(name, "holds a control character; copy it again, without line breaks")
    if name == "username":
        return Problem(name, "holds a colon, which Basic cannot carry; rename the account") if ":" in value else None
    if any(char.isspace() for char in value):
        return Problem(name, "holds whitespace inside; copy it again in one piece")
    if name != "api_path" and not _HEADER_SAFE.fullmatch(value):
        return Problem(name, "holds a character that no header can carry; copy it again from the control panel")
    return None


def _build(kind: Kind, values: Mapping[str, Any], allowed: AllowedHosts) -> Credentials | Problem:
    base = _base(values["api_path"], allowed)
    if isinstance(base, Problem):
        return base
    secret = values.get("client_secret")
    return Credentials(
        kind=kind,
        base=base,
        token=Hidden(values["api_token"] if kind == "Basic" else values["access_token"]),
        username=values.get("username"),
        client_id=values.get("client_id"),
        client_secret=Hidden(secret) if secret else None,
    )


def _base(api_path: str, allowed: AllowedHosts) -> str | Problem:
    def wrong(reason: str) -> Problem:
        return Problem("api_path", reason)

    try:
        url = urlsplit(api_path)
        port = HTTPS_PORT if url.port is None else url.port
    except ValueError:
        return wrong("is not an address; copy the API path from the control panel")
    if url.scheme != "https":
        return wrong("does not begin with https://; the store is called over TLS alone")
    if "@" in url.netloc:
        return wrong("holds user information before the host; leave the host alone there")
    if "?" in api_path or "#" in api_path:
        return wrong("holds a query or fragment; it ends in /v2/ or /v3/")
    host = url.hostname or ""
    if not _HOST.fullmatch(host):
        return wrong("holds no plain host name; copy the API path from the control panel")
    if not allowed.allow(host, port):
        return wrong("names a host outside AllowedHosts; correct it, or add the store's own domain to that parameter")
    match = _PATH.fullmatch(url.path)
    if not match:
        return wrong("does not end in /v2/ or /v3/ after plain path segments; copy it from the control panel")
    # Built from the checked parts, so that no other reader of the text can see another host in it.
    return f"https://{host}{'' if port == HTTPS_PORT else f':{port}'}{match['base']}"
