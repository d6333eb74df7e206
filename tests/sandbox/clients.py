"""Clients of the pretend store, for its tests."""

from __future__ import annotations

from collections.abc import Callable

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
