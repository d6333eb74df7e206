"""What all tests share: one store over TLS and one AWS a worker, and examples that are the same each time."""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from socketserver import BaseServer, ThreadingMixIn
from typing import Any

import boto3
import pytest
from coverage import Coverage
from hypothesis import HealthCheck, settings

from sandbox.aws import Aws
from sandbox.processes import COVERAGE
from sandbox.roles import RECORDS
from sandbox.store import SandboxStore
from sandbox.store.server import _Running
from sandbox.store.settings import Settings as StoreSettings
from tests.grants import Plugin, is_whole
from tests.support import Secret, new_account


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Plugin())


settings.register_profile(
    "tests", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")


@pytest.hookimpl(trylast=True)  # when lines are counted already
def pytest_sessionstart(session: pytest.Session) -> None:
    """Import a share of the modules before all of them: what one worker has rewritten for pytest, the others read."""
    worker = getattr(session.config, "workerinput", {})
    if worker and is_whole(session.config):
        folder, number = Path(__file__).parent, int(worker["workerid"].removeprefix("gw"))
        for path in sorted(folder.rglob("test_*.py"))[number :: worker["workercount"]]:
            with contextlib.suppress(Exception):  # the collection meets it again, and says so
                importlib.import_module(".".join(path.relative_to(folder.parent).with_suffix("").parts))


def pytest_collection_finish() -> None:
    """Leave alone what was imported for good, and look for garbage less often: it would be found all the same."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_sessionfinish() -> None:
    """Look once for what could not be finalized; pytest looks five times more, and finds nothing left."""
    gc.collect()
    gc.freeze()


# Whose functions, in processes of their own, have their lines counted; anywhere else that would only take time.
COUNTED = (
    "test_the_life_of_a_token",
    "test_a_broken_secret_is_invalid_and_refused",
    "test_a_store_that_is_not_there_or_not_itself_is_unreachable",
    "test_what_aws_refuses_is_raised",
    "test_a_good_candidate_is_promoted_checked_and_told",
    "test_a_missing_scope_names_the_route",
    "test_a_candidate_is_rotated_to_and_told",
    "test_a_schedule_without_a_candidate_fails_and_pages_only_for_old_credentials",
    "test_an_event_that_no_rotation_sent_is_refused",
    "test_what_the_schedules_export_is_what_the_store_holds",
)
# Whose tests call in this process what is counted; elsewhere counting would slow down the store and AWS for nothing.
COUNTED_HERE = ("tests.layer.", "tests.ops.", "tests.functions.test_promote_credentials")


@pytest.fixture(autouse=True)
def _count_lines_of_few_processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if getattr(request.node, "originalname", "") not in COUNTED:
        for name in COVERAGE:
            monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True, scope="module")
def _count_lines_once(request: pytest.FixtureRequest) -> Iterator[None]:
    counting = None if request.module.__name__.startswith(COUNTED_HERE) else Coverage.current()
    if counting:
        counting.stop()
    yield
    if counting:
        counting.start()


@pytest.fixture(autouse=True, scope="session")
def _count_no_lines_of_servers() -> Iterator[None]:
    """The store and AWS answer in threads of their own, which run nothing that is counted."""

    def uncounted(serve: Callable[..., None]) -> Callable[..., None]:
        def serve_uncounted(*arguments: Any, **named: Any) -> None:
            sys.settrace(None)
            serve(*arguments, **named)

        return serve_uncounted

    with pytest.MonkeyPatch.context() as servers:
        for kind, method in (
            (_Running, "_run"),
            (BaseServer, "serve_forever"),
            (ThreadingMixIn, "process_request_thread"),
        ):
            servers.setattr(kind, method, uncounted(getattr(kind, method)))
        yield


@pytest.fixture(autouse=True)
def denied() -> Iterator[Callable[[], list[str]]]:
    """What the roles of stacks were refused; a test that leaves some of it unasked for fails."""
    RECORDS.denied()
    yield RECORDS.denied
    assert RECORDS.denied() == [], "a role may not do what it tried"


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    with Aws() as running:
        boto3.setup_default_session()
        running.shorten(boto3._get_default_session())
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
