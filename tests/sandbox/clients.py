"""Clients of the pretend store, for its tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from sandbox.store import (
    BasicAccount,
    TokenAccount,
)

Get = Callable[..., requests.Response]


def ask(session: requests.Session, account: BasicAccount | TokenAccount, url: str) -> requests.Response:
    if isinstance(account, BasicAccount):
        return session.get(url, auth=(account.username, account.api_token), timeout=5)
    return session.get(url, headers={"X-Auth-Token": account.access_token}, timeout=5)


def ids(answer: requests.Response) -> list[int]:
    assert answer.status_code in {200, 204}, answer.text
    return [row["id"] for row in answer.json()] if answer.content else []


@dataclass
class Api:
    """The hooks API as an account sees it."""

    session: requests.Session
    account: TokenAccount

    def __call__(self, method: str, path: str = "", **fields: Any) -> requests.Response:
        url = f"{self.account.api_path}hooks{path}"
        headers = {"X-Auth-Token": self.account.access_token}
        return self.session.request(method, url, headers=headers, json=fields or None, timeout=5)

    def create(self, destination: str, scope: str = "store/order/*", **fields: Any) -> dict[str, Any]:
        answer = self("POST", scope=scope, destination=destination, **fields)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["data"])
