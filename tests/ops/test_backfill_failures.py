"""`storekey backfill` where it does not come to its end: what is said of it, and what to do."""

from __future__ import annotations

import json
import time

import pytest

from ops.backfills import Backfills
from ops.stack import Stack as OperatorsStack
from sandbox.aws import Aws
from tests.ops.backfilling import Looks, end, looks, plan
from tests.ops.exporting import Exporting
from tests.ops.operator import Run

__all__ = ["looks"]

pytestmark = pytest.mark.usefixtures("looks")


@pytest.mark.parametrize(
    ("error", "told"),
    {
        "a failure": ("Unavailable", "failed (Unavailable: six times); backfill again, it goes on where it stopped"),
        "refused": ("Unauthorized", "give new ones with storekey credentials set, then backfill again"),
    }.values(),
)
def test_a_failure_says_why_and_what_to_do(run: Run, exporting: Exporting, error: str, told: str) -> None:
    cause = json.dumps({"errorType": error, "errorMessage": "six times", "stackTrace": ["File app.py"]})
    with exporting.playing(lambda: exporting.end(error=error, cause=cause)):
        result = run("backfill", "orders")
    assert result.exit_code == 1
    assert told in result.stderr.splitlines()[-1]
    assert "app.py" not in result.output


@pytest.mark.parametrize(
    ("error", "noted", "told"),
    {
        "of its range": ("BackfillStopped", "Forbidden", ("Forbidden", "GET v2/orders: 403", False)),
        "of the map itself": (
            "States.ExceedToleratedFailureThreshold",
            "Unauthorized",
            ("Unauthorized", "GET v2/orders: 403", True),
        ),
        "that nobody noted": ("BackfillStopped", None, ("BackfillStopped", "threshold", False)),
        "of its own": ("BadEvent", "Forbidden", ("BadEvent", "threshold", False)),
    }.values(),
)
def test_a_backfill_that_was_stopped_has_the_error_that_its_range_has_noted(
    exporting: Exporting, error: str, noted: str | None, told: tuple[str, str, bool]
) -> None:
    failing = {"error": noted, "message": "GET v2/orders: 403", "at": 1_790_000_000}
    plan(exporting, **({"failing": failing} if noted else {}))
    exporting.start("orders-backfill-1")
    exporting.end(error=error, cause="threshold")
    (one,) = exporting.executions
    execution = Backfills(OperatorsStack("storekey")).execution(one.execution_arn, "orders")
    assert (execution.error, execution.cause, execution.refused) == told


def test_why_a_range_failed_is_said_at_the_end(run: Run, exporting: Exporting) -> None:
    def story() -> None:
        plan(exporting, failing={"error": "Forbidden", "message": "GET v2/orders: 403", "at": 1_790_000_000})
        exporting.end(error="BackfillStopped", cause="the tolerated failure threshold was exceeded")

    with exporting.playing(story):
        result = run("backfill", "orders")
    assert result.exit_code == 1
    assert "failed (Forbidden: GET v2/orders: 403); backfill again, it goes on where it" in result.stderr


def test_while_the_credentials_are_refused_it_is_said_that_the_backfill_waits(
    run: Run, exporting: Exporting, looks: Looks, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.backfill_following._STILL_SECONDS", 0.05)
    monkeypatch.setattr("ops.backfill_following._LINE_SECONDS", 0.0)
    cloudwatch, name = aws.client("cloudwatch"), "storekey-credentials-refused"
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        MetricName="CredentialsRefused",
        Namespace="Storekey",
        Period=60,
        EvaluationPeriods=1,
        Statistic="Maximum",
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    plan(exporting)

    def story() -> None:
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="401 twice")
        looks.wait()
        time.sleep(0.05)
        looks.wait()
        end(exporting)

    with exporting.playing(story):
        result = run("backfill", "orders")
    cloudwatch.delete_alarms(AlarmNames=[name])
    assert result.exit_code == 0, result.output
    told = [line for line in result.stderr.splitlines() if "waits for the secret: storekey credentials set" in line]
    assert len(told) == 1, result.stderr
    assert "the store refuses the credentials" in told[0]
