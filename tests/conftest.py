"""What all tests share: one store over TLS and one AWS a worker, and examples that are the same each time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from sandbox.aws import Aws
from sandbox.functions import COVERAGE
from sandbox.store import SandboxStore
from sandbox.store.settings import Settings as StoreSettings
from tests.support import Secret, new_account

settings.register_profile(
    "tests", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")


# Where functions run as processes of their own whose lines are counted; anywhere else that would only take time.
COUNTED = ("test_check_credentials", "test_promote_credentials", "test_rotate_credentials", "test_export")


@pytest.fixture(autouse=True, scope="module")
def _count_lines_once(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        if request.module.__name__.rpartition(".")[2] not in COUNTED:
            for name in COVERAGE:
                environment.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    with Aws() as running:
        yield running


@pytest.fixture(scope="session")
def _sandbox_store() -> Iterator[SandboxStore]:
    with SandboxStore(orders=600, customers=20, products=20) as running:
        yield running


@pytest.fixture
def sandbox_store(_sandbox_store: SandboxStore) -> Iterator[SandboxStore]:
    """A store without faults, quota, odd settings or requests seen; accounts and rows stay from test to test."""
    yield _sandbox_store
    _sandbox_store.heal()
    _sandbox_store.quota = None
    for name, value in vars(StoreSettings()).items():
        setattr(_sandbox_store, name, value)
    _sandbox_store.clear_requests()


@pytest.fixture
def secret(sandbox_store: SandboxStore) -> Secret:
    """A filled secret in memory, with an account that the store accepts."""
    filled = Secret(sandbox_store.host, sandbox_store.ca_pem)
    filled.put(new_account(sandbox_store).secret())
    return filled
