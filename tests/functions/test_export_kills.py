"""The function's process is killed or out of time, wherever it stands: the run goes on behind its last part."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from sandbox.aws import Aws
from sandbox.store import Answer, Arriving
from tests.functions.exported import Exports, exporting

ONE = {"resource": "orders", "execution": "one"}


@pytest.fixture
def exports(aws: Aws) -> Iterator[Exports]:
    with exporting(aws) as deployed:
        yield deployed


def at(number: int, act: Callable[[], object]) -> Callable[[Arriving], None]:
    """Let something happen before the store answers a request."""

    def meet(arriving: Arriving) -> None:
        if arriving.number == number:
            act()

    return meet


def asked_behind(exports: Exports) -> list[int]:
    """Behind which order each page was asked for."""
    return [int(seen.query.get("min_id", 0)) for seen in exports.store.requests if "limit" in seen.query]


def test_a_slice_goes_on_behind_the_last_part_of_one_that_was_killed(exports: Exports) -> None:
    # Given a slice that ended early, with a part, and one that is killed behind it
    exports.store.before_request = at(5, lambda: exports.store.fault(Answer(403)))
    assert (exports.pool.invoke(ONE).error or {})["errorType"] == "Forbidden"
    kept = exports.item()["run"]
    assert kept["part"] == 1
    assert 100 < kept["last_id"] < 123
    exports.store.clear_requests()
    exports.store.before_request = at(3, exports.signal)
    killed = exports.pool.invoke(ONE)
    assert (killed.error or {})["errorType"] == "Runtime.ExitError"
    assert exports.item()["run"] | {"writing": -1} == kept | {"writing": -1}
    assert asked_behind(exports)[0] == kept["last_id"]

    # When the next slice comes, then it begins behind that part, and the run is whole
    exports.store.before_request = None
    exports.store.clear_requests()
    answer = exports.pool.invoke(ONE).result
    assert (answer["complete"], answer["rows"], answer["run"]) == (True, 24, kept["id"])
    assert asked_behind(exports)[0] == kept["last_id"]
    exports.check()


def test_an_execution_survives_kills_at_any_request(exports: Exports) -> None:
    """Four kills in one try after another, as often as it is tried again; the next kill ends it, and a run follows."""
    ahead = [1, 4, 8, 15]
    exports.store.before_request = lambda arriving: exports.signal() if arriving.number in ahead else None
    execution = exports.start()
    assert execution.wait().status == "SUCCEEDED"
    exports.check()
    failures = [event for event in execution.history() if event["type"] == "TaskFailed"]
    assert {event["taskFailedEventDetails"]["error"] for event in failures} == {"Runtime.ExitError"}
    assert len(failures) == 4
    assert len(exports.manifests()) == 1

    exports.pass_time()
    exports.store.before_request = lambda arriving: exports.signal()
    assert exports.run().error == "Runtime.ExitError"
    assert exports.item()["failing"]["error"] == "Runtime.ExitError"
    exports.store.before_request = None
    assert exports.finish(unless_busy=True)["busy"], "the lease of the dead is respected while it lasts"
    exports.expire_lease()
    exports.finish()
    exports.check()


def test_kills_at_random_moments_cost_no_row(exports: Exports) -> None:
    moments = random.Random(0)
    exports.store.latency = 0.01
    for _ in range(2):
        exports.store.change_orders(range(100, 120), staff_notes=str(moments.random()))
        exports.pass_time()
        execution = exports.start()
        for _ in range(3):
            time.sleep(moments.uniform(0.05, 0.6))
            exports.signal()
        if execution.wait().status != "SUCCEEDED":
            exports.expire_lease()
            exports.finish()
        exports.check()


def test_an_invocation_that_is_out_of_time_is_retried(exports: Exports) -> None:
    assert exports.finish("products")["complete"], "the environment is warm"

    def stand_still() -> None:
        exports.signal(signal.SIGSTOP)
        exports.pool.timeout = None

    exports.pool.timeout = 1.5
    exports.store.clear_requests()
    exports.store.before_request = at(4, stand_still)
    execution = exports.start()
    assert execution.wait().status == "SUCCEEDED"
    (failed,) = [event for event in execution.history() if event["type"] == "TaskFailed"]
    assert failed["taskFailedEventDetails"]["error"] == "Sandbox.Timedout"
    exports.check()
