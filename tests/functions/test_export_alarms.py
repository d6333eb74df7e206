"""The alarms on exports: what rings, how often, and what it takes for silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from sandbox.alarms import Alarms
from sandbox.aws import Aws, Inbox
from sandbox.machines import Outcome
from sandbox.store import Answer, Reset
from tests.functions.exported import Exports, exporting

INTERVAL = 900.0


@dataclass
class Watched:
    """A stack whose alarms are evaluated, and what the topic was told."""

    exports: Exports
    alarms: Alarms = field(init=False)
    inbox: Inbox = field(init=False)

    def __post_init__(self) -> None:
        self.alarms, self.inbox = self.exports.stack.alarms(), self.exports.stack.subscribe_queue()

    def interval(self, *resources: str) -> dict[str, Outcome]:
        """Run executions, or let all schedules fire, let CloudWatch read what was logged, and an interval pass."""
        ended = {name: self.exports.run(name) for name in resources} if resources else self.exports.fire()
        self.look()
        return ended

    def look(self) -> None:
        self.alarms.read(self.exports.new_logs())
        self.alarms.evaluate()
        self.alarms.skip(INTERVAL)
        self.exports.pass_time()

    def told(self) -> dict[str, list[str]]:
        """What the alarms have told the topic since the last call, but for those that a check would keep silent."""
        told: dict[str, list[str]] = {"export-failed": [], "export-late": [], "credentials-refused": []}
        for message in self.inbox.read():
            told.setdefault(message["AlarmName"].removeprefix("storekey-"), []).append(message["NewStateValue"])
        return {name: told[name] for name in ("export-failed", "export-late", "credentials-refused")}


@pytest.fixture
def watched(aws: Aws) -> Iterator[Watched]:
    with exporting(aws) as exports:
        yield Watched(exports)


def test_a_failure_rings_once_and_until_a_run_of_each_failing_resource_has_finished(watched: Watched) -> None:
    store = watched.exports.store
    assert {one.status for one in watched.interval().values()} == {"SUCCEEDED"}
    watched.told()

    # When the store is down for good, then one message tells it, however often the exports fail
    store.fault(Reset("request"), times=None, path="/orders")
    store.fault(Answer(503), times=None, path="/customers")
    for _ in range(2):
        ended = {name: one.error for name, one in watched.interval().items()}
        assert ended == {"orders": "Unreachable", "customers": "Unavailable", "products": None}
    told = watched.told()
    assert told["export-failed"] == ["ALARM"]
    assert "ALARM" not in told["export-late"] + told["credentials-refused"]

    # When the store is back, then it clears with the run of the last resource that failed
    store.heal()
    watched.exports.finish("orders")
    watched.look()
    assert watched.told()["export-failed"] == []
    watched.interval("customers")
    assert watched.told()["export-failed"] == ["OK"]


def test_silence_for_three_intervals_rings_and_a_run_clears_it(watched: Watched) -> None:
    for _ in range(4):
        watched.interval("products")
    assert watched.alarms.states["storekey-export-late"] == "OK"
    watched.told()
    for _ in range(2):
        watched.look()
    assert watched.told()["export-late"] == []
    for _ in range(3):
        watched.look()
    told = watched.told()
    assert told["export-late"] == ["ALARM"]
    assert told["export-failed"] == []
    watched.interval("products")
    assert watched.told()["export-late"] == ["OK"]


def test_a_new_stack_whose_secret_is_empty_stays_silent_though_its_schedules_fire(aws: Aws) -> None:
    with exporting(aws, filled=False) as exports:
        watched = Watched(exports)
        for _ in range(4):
            assert {one.error for one in watched.interval().values()} == {"CredentialsRefused"}
        assert "ALARM" not in str(watched.told())
        assert exports.store.requests == []

        # When the secret is filled, then all is exported
        exports.put(exports.account)
        assert {one.output["rows"] for one in watched.interval().values()} == {24}
        assert "ALARM" not in str(watched.told())


def test_a_failure_that_cannot_be_noted_is_told_to_the_topic_itself(watched: Watched) -> None:
    exports = watched.exports
    exports.aws.client("dynamodb").delete_table(TableName=exports.stack.outputs["ExportStateTableName"])
    outcome = exports.run()
    assert (outcome.status, outcome.error) == ("FAILED", "ResourceNotFoundException")
    (told,) = watched.inbox.texts()
    assert "The export of orders of wholesale gave up (ResourceNotFoundException) and could not note that" in told
    assert exports.start_backfill().wait().status == "FAILED"
    (told,) = watched.inbox.texts()
    assert "The backfill of orders of wholesale gave up (ResourceNotFoundException) and could not note that" in told
