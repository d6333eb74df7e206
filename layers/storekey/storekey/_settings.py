"""What the stack tells its functions, read from the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ._hosts import AllowedHosts

_Value = TypeVar("_Value")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
PEM_MARK = "-----BEGIN"


class SettingsError(ValueError):
    """Environment variables are wrong; the message names each of them with its remedy."""


@dataclass(frozen=True)
class Settings:
    """A function's settings.

    ``credentials_max_age`` is in seconds, ``quota_reserve`` in percent, ``ca_bundle`` PEM text, a file's path or
    empty.
    """

    secret_id: str
    allowed_hosts: AllowedHosts
    store_name: str = "store"
    ca_bundle: str = ""
    credentials_max_age: float = 300.0
    quota_reserve: float = 20.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read CREDENTIALS_SECRET_ARN, STORE_NAME, ALLOWED_HOSTS, STORE_CA_BUNDLE, CREDENTIALS_MAX_AGE, QUOTA_RESERVE.

        Raises SettingsError, which names every wrong variable at once.
        """
        reader = _Reader(os.environ if environ is None else environ)
        hosts = reader.read("ALLOWED_HOSTS", AllowedHosts.parse, "*.mybigcommerce.com,api.bigcommerce.com")
        secret_id = reader.read("CREDENTIALS_SECRET_ARN", _present)
        store_name = reader.read("STORE_NAME", _name, "store")
        ca_bundle = reader.read("STORE_CA_BUNDLE", _bundle, "")
        max_age = reader.read("CREDENTIALS_MAX_AGE", _between(0, 300), "300")
        reserve = reader.read("QUOTA_RESERVE", _between(0, 90), "20")
        if reader.wrong:
            raise SettingsError("; ".join(reader.wrong))
        return cls(secret_id, hosts, store_name, ca_bundle, max_age, reserve)


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.wrong: list[str] = []

    def read(self, name: str, convert: Callable[[str], _Value], default: str = "") -> _Value | Any:
        try:
            return convert(self._environ.get(name, "").strip() or default)
        except ValueError as error:
            self.wrong.append(f"{name} {error}")
            return None


def _present(text: str) -> str:
    if not text:
        raise ValueError("is not set, though the template sets it")
    return text


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("may hold letters, digits, dot, underscore and hyphen, 63 at most")
    return text


def _bundle(text: str) -> str:
    if text and PEM_MARK not in text and not os.path.isfile(text):
        raise ValueError("is neither PEM text nor the path of a file")
    return text


def _between(low: float, high: float) -> Callable[[str], float]:
    def convert(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise ValueError(f"is not a number from {low:g} to {high:g}")
        return number

    return convert
