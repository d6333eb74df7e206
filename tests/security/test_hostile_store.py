"""A store that never comes to an end, or tells of objects that are none: what it can make us do is bounded."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from sandbox.store import Answer as Answered
from sandbox.store import SandboxStore
from storekey import BadAnswer, Store, Unreachable
from storekey._exchange import Answer, Request
from storekey.webhooks._hooks import Wanted, all_hooks
from storekey.webhooks.sync import Synchroniser
from tests.layer.webhooks.deliveries import secret as token_secret
from tests.support import Secret, invoke

URL = "https://ours.example/"


class Endless:
    """What answers every request with one more row, and another page to come."""

    def __init__(self, row: dict[str, Any]) -> None:
        self._row = row
        self._ids = itertools.count(1)
        self.requests: list[Request] = []

    def send(self, request: Request, deadline: float) -> Answer:
        self.requests.append(request)
        rows = [self._row | {"id": next(self._ids)}]
        body = rows if "/v2/" in request.url else {"data": rows, "meta": {"pagination": {"total_pages": 10**9}}}
        return Answer(200, {}, json.dumps(body).encode())

    def close(self) -> None:
        """Keep no connection."""


def at(store: Store, endless: Endless) -> Endless:
    store._client.transport = endless  # type: ignore[assignment]
    return endless


def test_a_list_without_end_ends_with_the_invocation(secret: Secret) -> None:
    with secret.store() as store:
        endless = at(store, Endless({}))
        with pytest.raises(Unreachable, match="no time left"):
            invoke(lambda: [row["id"] for row in store.orders()], seconds=0.6)
        assert len(endless.requests) > 1


def test_a_list_of_hooks_without_end_is_read_for_twenty_pages() -> None:
    secret = Secret("api.bigcommerce.com")
    secret.put(token_secret("A"))
    with secret.store() as store:
        endless = at(store, Endless({"scope": "store/order/*", "destination": URL}))
        assert len(all_hooks(store)) == len(endless.requests) == 20


@pytest.mark.parametrize("hook_id", ["../../v2/orders/101", "1/../../x", "", "//evil.example/1", "1\r\nX-Evil: 1"])
def test_a_hook_whose_id_is_an_address_is_neither_changed_nor_deleted(
    sandbox_store: SandboxStore, hook_id: str
) -> None:
    secret = Secret(sandbox_store.host, sandbox_store.ca_pem)
    secret.put(sandbox_store.create_token_account("webhooks").secret())
    row = {"id": hook_id, "scope": "store/cart/*", "destination": URL, "is_active": True, "headers": {}}
    sandbox_store.fault(Answered(200, {"data": [row]}), times=1, path="/hooks")
    with secret.store() as store, pytest.raises(BadAnswer, match="is no list of hooks"):
        Synchroniser(store, Wanted((), URL, "key")).sync()
    assert [seen.method for seen in sandbox_store.requests] == ["GET"]
