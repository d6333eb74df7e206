"""Executions at the same time: one works, the others wait or end, and who lost the lease changes nothing."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby, pairwise
from typing import Any

import pytest
from werkzeug.serving import make_server

from sandbox.aws import Aws, moto
from sandbox.roles import refusal
from sandbox.store import Arriving
from tests.functions.exported import Exports, exporting

ONE = {"resource": "orders", "execution": "one"}


class Gate:
    """AWS at another address, where a test sees a function's calls before and after they are done.

    One call after another: moto checks the condition of a write and then writes, and another may come in between.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._aws = moto()
        self.passing: Callable[[str], object] = lambda name: None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path, target = environ["PATH_INFO"], environ.get("HTTP_X_AMZ_TARGET", "")
        file = next((kind for kind in ("part", "_manifests") if kind in path), "")
        name = target.rpartition(".")[2] or f"{environ['REQUEST_METHOD']} {file}"
        self.passing(f"before {name}")
        if refused := refusal(environ):
            return refused(environ, start_response)
        with self._lock:
            answer = list(self._aws(environ, start_response))
        self.passing(f"after {name}")
        return answer


@contextmanager
def gated(exports: Exports) -> Iterator[Gate]:
    gate = Gate()
    server = make_server("127.0.0.1", 0, gate, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    exports.pool.variables["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{server.port}"
    try:
        yield gate
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def exports(aws: Aws) -> Iterator[Exports]:
    with exporting(aws) as deployed:
        yield deployed


@pytest.fixture
def gate(exports: Exports) -> Iterator[Gate]:
    with gated(exports) as running:
        yield running


def check_no_overlap(exports: Exports) -> None:
    """No run began before another had ended, and no page was asked for again but to see whether the list ends there."""
    pages = [seen.query for seen in exports.store.requests if "limit" in seen.query]
    asked = [page for page, _ in groupby((query["max_date_modified"], query.get("min_id")) for query in pages)]
    assert len(asked) == len(set(asked))
    windows = [window for window, _ in groupby(window for window, _ in asked)]
    assert len(windows) == len(set(windows))


def test_executions_of_one_resource_at_once_never_overlap(exports: Exports, gate: Gate) -> None:
    exports.store.latency = 0.02
    executions = [exports.start() for _ in range(3)]
    outcomes = [execution.wait() for execution in executions]
    assert [one.status for one in outcomes] == ["SUCCEEDED"] * 3, outcomes
    assert all(one.output["complete"] and not one.output["busy"] for one in outcomes)
    check_no_overlap(exports)
    exports.check()
    assert sum(one["rows"] for one in exports.manifests()) == 24


def test_a_full_run_and_an_incremental_one_at_once_both_end(exports: Exports, gate: Gate) -> None:
    exports.store.latency = 0.02
    executions = [exports.start(mode=mode) for mode in ("full", "incremental", "full")]
    outcomes = [execution.wait() for execution in executions]
    assert [one.status for one in outcomes] == ["SUCCEEDED"] * 3, outcomes
    assert outcomes[0].output["mode"] == outcomes[2].output["mode"] == "full"
    exports.check()
    windows = [one["window"]["to"] for one in exports.manifests()]
    assert all(before < after for before, after in pairwise(sorted(windows)))


def test_a_schedule_leaves_a_resource_alone_that_is_at_work(exports: Exports) -> None:
    working, looked = threading.Event(), threading.Event()

    def work(arriving: Arriving) -> None:
        if arriving.number == 3:
            working.set()
            looked.wait(30)

    exports.store.before_request = work
    execution = exports.start()
    assert working.wait(30)
    (orders,) = [one for one in exports.stack.schedules() if (one.event or {}).get("resource") == "orders"]
    scheduled: Any = exports.stack.fire(orders)
    outcome = scheduled.wait()
    assert (outcome.status, outcome.output["busy"], outcome.output["complete"]) == ("SUCCEEDED", True, False)
    assert "Wait" not in scheduled.states()
    looked.set()
    assert execution.wait().output["rows"] == 24
    check_no_overlap(exports)


@contextmanager
def paused(exports: Exports, number: int) -> Iterator[list[Any]]:
    """Stop an invocation in its process before the store answers a request of its; when it ends, its outcome is added.

    It wakes up at the end of the block.
    """
    sleeper, asleep = exports.stack.function("ExportFunction"), threading.Event()
    ended: list[Any] = []
    thread = threading.Thread(target=lambda: ended.append(sleeper.invoke(ONE)), daemon=True)

    def pause(arriving: Arriving) -> None:
        if arriving.number == number and sleeper.pid:
            os.kill(sleeper.pid, signal.SIGSTOP)
            asleep.set()

    exports.store.before_request = pause
    thread.start()
    try:
        assert asleep.wait(30)
        yield ended
    finally:
        if sleeper.pid:
            os.kill(sleeper.pid, signal.SIGCONT)
        thread.join(30)


def test_who_wakes_up_after_another_took_over_changes_nothing(exports: Exports) -> None:
    """A paused process still believes that the lease is its own."""
    with paused(exports, 5) as ended:
        assert exports.pool.invoke(ONE).result["rows"] == 24
        before, item = exports.objects, exports.item()
    assert ended[0].error["errorType"] == "LeaseLost"
    assert exports.objects == before
    assert exports.item() == item
    exports.check()


def test_a_kill_between_two_calls_to_aws_costs_nothing(exports: Exports, gate: Gate) -> None:
    """The part lies there and is not noted; the manifest lies there; the run is closed and its caller does not know."""
    moments = ["after PUT part", "before PUT _manifests", "after PUT _manifests", "after close"]

    def passing(name: str) -> None:
        if name == "after UpdateItem" and "watermark" in exports.item():
            name = "after close"
        if moments and name == moments[0]:
            moments.pop(0)
            exports.signal()

    gate.passing = passing
    outcome = exports.run()
    assert outcome.status == "SUCCEEDED", outcome
    assert moments == []
    exports.check()
