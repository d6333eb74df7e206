"""The store's quota: used up to its ceiling, or left to others, without a 429; and the hour that is spent."""

from __future__ import annotations

import time

import pytest

from sandbox.aws import Aws
from sandbox.store import Hourly, SandboxStore, Window
from tests.functions.exported import exporting


def windows(store: SandboxStore, quota: Window) -> list[tuple[float, int]]:
    """When each window of the quota began, by its first request, and how many requests came in it."""
    found: list[tuple[float, int]] = []
    for seen in sorted(store.requests, key=lambda one: one.at):
        if not found or seen.at >= found[-1][0] + quota.seconds:
            found.append((seen.at, 0))
        found[-1] = (found[-1][0], found[-1][1] + 1)
    return found


def test_without_a_reserve_the_whole_quota_is_used_and_never_exceeded(aws: Aws) -> None:
    quota = Window(12, 1.5)
    with exporting(aws, token=True, rows=120, QuotaReserve="0") as exports:
        exports.finish("products")
        exports.store.clear_requests()
        exports.store.quota = quota
        exports.finish("orders")
        assert {seen.status for seen in exports.store.requests} == {200}
        found = windows(exports.store, quota)
        assert len(found) == 4
        assert {count for _, count in found[:-1]} == {12}
        seconds = found[-1][0] - found[0][0]
        assert 0.95 * seconds <= 3 * quota.seconds, f"{seconds} s for three windows of {quota.seconds} s"


@pytest.mark.parametrize("inlined", [True, False])
def test_the_reserve_is_left_to_other_apps(aws: Aws, inlined: bool) -> None:
    quota = Window(30, 1.0)
    with exporting(aws, token=True, rows=120 if inlined else 30, QuotaReserve="50") as exports:
        exports.store.include_lines = inlined
        exports.store.quota = quota
        exports.finish("orders")
        assert {seen.status for seen in exports.store.requests} == {200}
        counts = [count for _, count in windows(exports.store, quota)]
        assert len(counts) >= 3
        assert max(counts) <= 15
        exports.check()


def test_a_spent_hour_is_waited_for_by_the_state_machine(aws: Aws) -> None:
    with exporting(aws, QuotaReserve="0", time_scale=0.01) as exports:
        exports.finish("products")
        exports.store.clear_requests()
        exports.store.quota = Hourly(6)
        execution = exports.start()
        until = time.monotonic() + 30
        while "Wait" not in execution.states():
            assert time.monotonic() < until, execution.states()
            time.sleep(0.05)
        exports.store.quota = None
        outcome = execution.wait()
        assert (outcome.status, outcome.output["rows"]) == ("SUCCEEDED", 24), outcome
        assert "Report" not in execution.states()
        exports.check()
        (manifest,) = exports.manifests()
        assert len(manifest["parts"]) == 2, "what was read before the wait was kept"
