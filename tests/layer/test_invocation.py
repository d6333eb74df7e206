"""Invocations: what they tell at their end, and whose it is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from storekey import lambda_handler
from storekey._invocation import Invocation, invocation
from storekey._observability import write_metrics
from tests.support import Context, emf, points


def test_metrics_have_one_namespace_and_one_dimension(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "somebody else's")
    write_metrics({"store": "wholesale"}, {"StoreLatency": [12.5], "StoreRequests": [1.0]})
    (document,) = emf(capsys.readouterr().out)
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Storekey"
    assert directive["Dimensions"] == [["store"]]
    assert document["store"] == "wholesale"
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert units == {"StoreLatency": "Milliseconds", "StoreRequests": "Count"}


def test_more_points_than_a_document_holds_become_several(capsys: pytest.CaptureFixture[str]) -> None:
    write_metrics({"store": "store"}, {"StoreRequests": [1.0] * 250, "CredentialsRefused": [0.0]})
    output = capsys.readouterr().out
    assert sum(points(output, "StoreRequests")) == 250
    assert points(output, "CredentialsRefused") == [0]
    assert max(len(document.get("StoreRequests", [])) for document in emf(output)) <= 100
    assert all(document["store"] == "store" for document in emf(output))


def test_nothing_to_tell_is_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    lambda_handler(lambda event, context: None)({}, None)
    assert capsys.readouterr().out == ""


def test_metrics_are_told_when_the_handler_raises(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(event: object, context: object) -> None:
        with invocation() as running:
            running.count("store", "StoreRequests")
        raise KeyError("own mistake")

    with pytest.raises(KeyError):
        lambda_handler(fails)({}, Context(1))
    assert points(capsys.readouterr().out, "StoreRequests") == [1]


def test_invocations_side_by_side_keep_apart(capsys: pytest.CaptureFixture[str]) -> None:
    barrier = Barrier(4)

    @lambda_handler
    def handler(event: dict[str, bool], context: object) -> Invocation:
        barrier.wait()
        with invocation() as running:
            running.note_credentials("store", "v1", refused=event["refused"])
        barrier.wait()
        return running

    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda refused: handler({"refused": refused}, None), [True, False, True, False]))
    assert len(set(map(id, runs))) == 4
    assert sorted(points(capsys.readouterr().out, "CredentialsRefused")) == [0, 0, 1, 1]


def test_a_handler_keeps_its_name() -> None:
    def handler(event: object, context: object) -> None:
        """Do nothing."""

    assert lambda_handler(handler).__name__ == "handler"
