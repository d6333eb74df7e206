"""The store's 401: cured by reading the secret again, or told once and then left alone."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from sandbox.store import Answer, SandboxStore
from storekey import BadCredentials, MissingCredentials, Store, TokenRequired, Unauthorized
from storekey._invocation import Invocation
from tests.support import Secret, invoke, new_account, points


@pytest.fixture
def regenerated(secret: Secret, sandbox_store: SandboxStore) -> dict[str, Any]:
    """The fields of a token that the owner has just made; the one in the secret is dead."""
    account = new_account(sandbox_store)
    secret.put(account.secret())
    return sandbox_store.regenerate(account).secret()


def statuses(sandbox_store: SandboxStore) -> list[int]:
    return [seen.status for seen in sandbox_store.requests]


def test_a_rotated_secret_costs_one_refused_request_and_no_call(
    secret: Secret, sandbox_store: SandboxStore, capsys: pytest.CaptureFixture[str]
) -> None:
    account = new_account(sandbox_store)
    secret.put(account.secret())
    with secret.store() as store:
        invoke(lambda: store.get("time"))
        secret.put(sandbox_store.regenerate(account).secret())
        sandbox_store.clear_requests()
        capsys.readouterr()
        assert invoke(lambda: store.get("time"))["time"]
    assert statuses(sandbox_store) == [401, 200]
    assert secret.readings == 2
    output = capsys.readouterr().out
    assert points(output, "CredentialsRefused") == [0]
    assert points(output, "CredentialsRefreshed") == [1]
    assert points(output, "StoreRequests") == [1, 1]


def test_a_write_survives_a_rotated_secret_too(secret: Secret, sandbox_store: SandboxStore) -> None:
    account = new_account(sandbox_store)
    secret.put(account.secret())
    with secret.store() as store:
        store.get("time")
        secret.put(sandbox_store.regenerate(account).secret())
        sandbox_store.clear_requests()
        assert store.put("orders/101", {"staff_notes": "seen"})["staff_notes"] == "seen"
    assert statuses(sandbox_store) == [401, 200]


def test_a_dead_token_costs_two_requests_and_then_none(
    secret: Secret, sandbox_store: SandboxStore, regenerated: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with secret.store() as store:
        with pytest.raises(Unauthorized) as caught:
            invoke(lambda: store.get("orders/101", {"include": "fees"}))
        assert (caught.value.status, caught.value.attempts) == (401, 2)
        assert (caught.value.method, caught.value.path) == ("GET", "orders/101")
        assert points(capsys.readouterr().out, "CredentialsRefused") == [1]
        assert statuses(sandbox_store) == [401, 401]
        for _ in range(3):
            readings = secret.readings
            with pytest.raises(Unauthorized) as caught:
                invoke(lambda: store.get("time"))
            assert secret.readings == readings + 1
            assert (caught.value.status, caught.value.attempts) == (401, 0)
            assert points(capsys.readouterr().out, "CredentialsRefused") == [1]
        assert len(sandbox_store.requests) == 2
        secret.put(regenerated)
        assert invoke(lambda: store.get("time"))["time"]
    assert statuses(sandbox_store) == [401, 401, 200]
    assert points(capsys.readouterr().out, "CredentialsRefused") == [0]


def test_a_vendors_one_off_401_is_cured(
    secret: Secret, sandbox_store: SandboxStore, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox_store.fault(Answer(401), times=1)
    with secret.store() as store:
        assert invoke(lambda: store.get("time"))["time"]
    assert points(capsys.readouterr().out, "CredentialsRefused") == [0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no",
        b"<html>401</html>",
        b'[{"status":401,"message":"No credentials were supplied in the request."}]',
        b'{"status":401,"title":"Unauthorized"}',
        b"\xff\xfe\x00",
        b"[" * 1000,
    ],
)
def test_the_body_of_a_401_is_of_no_matter(secret: Secret, sandbox_store: SandboxStore, body: bytes) -> None:
    sandbox_store.fault(Answer(401, body), times=2)
    with secret.store() as store, pytest.raises(Unauthorized):
        store.get("orders")


def test_20_threads_at_once_read_the_secret_once_and_lose_no_call(secret: Secret, sandbox_store: SandboxStore) -> None:
    account = new_account(sandbox_store)
    secret.put(account.secret())
    barrier = Barrier(20)

    def call(_: int) -> Any:
        barrier.wait()
        return invoke(lambda: store.get("time"))

    with secret.store() as store, ThreadPoolExecutor(20) as pool:
        assert all(pool.map(call, range(20)))
        assert secret.readings == 1
        secret.put(sandbox_store.regenerate(account).secret())
        assert all(pool.map(call, range(20)))
        assert secret.readings == 2


def test_threads_of_one_invocation_are_told_of_once(
    secret: Secret, sandbox_store: SandboxStore, capsys: pytest.CaptureFixture[str]
) -> None:
    with secret.store() as store, ThreadPoolExecutor(8) as pool:
        invoke(lambda: list(pool.map(lambda page: store.get("orders", {"page": page}), range(1, 9))))
    output = capsys.readouterr().out
    assert points(output, "CredentialsRefused") == [0]
    assert len(points(output, "StoreRequests")) == 8


def test_an_empty_secret_is_told_without_a_point(
    sandbox_store: SandboxStore, capsys: pytest.CaptureFixture[str]
) -> None:
    with Secret(sandbox_store.host, sandbox_store.ca_pem).store() as store, pytest.raises(MissingCredentials) as caught:
        invoke(lambda: store.get("time"))
    assert caught.value.attempts == 0
    assert points(capsys.readouterr().out, "CredentialsRefused") == []


def test_an_unusable_secret_counts_as_refused(secret: Secret, capsys: pytest.CaptureFixture[str]) -> None:
    secret.put({"api_path": "http://nowhere"})
    with secret.store() as store, pytest.raises(BadCredentials, match="secret: holds no account"):
        invoke(lambda: store.get("time"))
    assert points(capsys.readouterr().out, "CredentialsRefused") == [1]


def test_a_secret_broken_during_a_refresh_is_told(secret: Secret, sandbox_store: SandboxStore) -> None:
    with secret.store() as store:
        store.get("time")
        sandbox_store.fault(Answer(401), times=1)
        secret.put("{")
        with pytest.raises(BadCredentials) as caught:
            store.get("time")
        assert (caught.value.field, caught.value.attempts) == ("secret", 1)


def test_from_basic_to_token_is_only_a_change_of_the_secret(secret: Secret, sandbox_store: SandboxStore) -> None:
    with secret.store() as store:
        assert store.get("orders/101")["id"] == 101
        with pytest.raises(TokenRequired):
            store.v3.get("catalog/products")
        basic = secret.readings
        sandbox_store.fault(Answer(401), times=1)
        secret.put(sandbox_store.create_token_account("export").secret())
        assert store.get("orders/101")["id"] == 101
        assert store.v3.get("catalog/products", {"limit": 2})["meta"]["pagination"]["count"] == 2
    assert secret.readings == basic + 1


def test_the_last_word_of_an_invocation_counts(
    secret: Secret, regenerated: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    def refused_then_mended(store: Store) -> None:
        with pytest.raises(Unauthorized):
            store.get("time")
        secret.put(regenerated)
        time.sleep(1.05)  # an invocation asks for the secret once a second
        store.get("time")

    with secret.store() as store:
        invoke(lambda: refused_then_mended(store))
    assert points(capsys.readouterr().out, "CredentialsRefused") == [0]


def test_calls_with_refused_credentials_read_the_secret_once_a_second(
    secret: Secret, sandbox_store: SandboxStore, regenerated: dict[str, Any]
) -> None:
    def many(store: Store) -> None:
        for _ in range(200):
            with pytest.raises(Unauthorized):
                store.get("time")

    with secret.store() as store:
        invoke(lambda: many(store))
    assert secret.readings <= 4
    assert len(sandbox_store.requests) == 2


def test_a_mended_secret_is_used_by_the_next_invocation(secret: Secret, sandbox_store: SandboxStore) -> None:
    secret.put("{")
    with secret.store() as store:
        with pytest.raises(BadCredentials):
            invoke(lambda: store.get("time"))
        secret.put(new_account(sandbox_store).secret())
        assert invoke(lambda: store.get("time"))["time"]


def test_an_acceptance_sent_before_a_refusal_does_not_outweigh_it(capsys: pytest.CaptureFixture[str]) -> None:
    running = Invocation()
    running.note_credentials("store", "v1", refused=True)
    running.note_credentials("store", "v1", refused=False)
    running.finish()
    assert points(capsys.readouterr().out, "CredentialsRefused") == [1]


def test_without_a_handler_every_call_tells_of_itself(secret: Secret, capsys: pytest.CaptureFixture[str]) -> None:
    with secret.store() as store:
        store.get("time")
        store.get("time")
    assert points(capsys.readouterr().out, "CredentialsRefused") == [0, 0]
