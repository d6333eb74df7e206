"""A pretend store for each test, and a client that trusts it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.store import (
    SandboxStore,
)
from tests.sandbox.clients import Api, Get
from tests.sandbox.receiving import Receiver


@pytest.fixture
def store() -> Iterator[SandboxStore]:
    with SandboxStore(orders=300, customers=30, products=20, seed=1) as running:
        yield running


@pytest.fixture
def session(store: SandboxStore, tmp_path: Path) -> Iterator[requests.Session]:
    (tmp_path / "ca.pem").write_text(store.ca_pem)
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(tmp_path / "ca.pem")
        yield session


@pytest.fixture
def get(store: SandboxStore, session: requests.Session) -> Get:
    """GET of a v2 path with a Basic account."""
    account = store.create_account("orders-export")

    def get(path: str, **params: Any) -> requests.Response:
        credentials = (account.username, account.api_token)
        return session.get(account.api_path + path, params=params, auth=credentials, timeout=5, allow_redirects=False)

    return get


@pytest.fixture
def api(store: SandboxStore, session: requests.Session) -> Api:
    store.delivery_scale = 0.0001
    return Api(session, store.create_token_account("webhooks"))


@pytest.fixture
def receiver(store: SandboxStore) -> Iterator[Receiver]:
    made = Receiver()
    made.server.start()
    store.trust(made.server.ca_pem)
    yield made
    made.server.close()
