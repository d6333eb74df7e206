"""The stand-in for CloudWatch against CloudWatch's own tables, and the project's alarms against their promises."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.alarms import ALARM, INSUFFICIENT_DATA, OK, Alarm, Alarms
from sandbox.metrics import Point

KEPT = "the state from before"
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
# CloudWatch User Guide, "How alarm state is evaluated when data is missing": M of N, five periods with the newest on
# the right (X breaching, 0 not, - missing), and the state for each treatment of missing data.
DOCUMENTED = [
    (3, "0-X-X", (OK, OK, OK, OK)),
    (3, "0----", (OK, OK, OK, OK)),
    (3, "-----", (INSUFFICIENT_DATA, KEPT, ALARM, OK)),
    (3, "0XX-X", (ALARM, ALARM, ALARM, ALARM)),
    (3, "--X--", (ALARM, KEPT, ALARM, OK)),
    (2, "0-X-X", (ALARM, ALARM, ALARM, ALARM)),
    (2, "00X0X", (ALARM, ALARM, ALARM, ALARM)),
    (2, "0-X--", (OK, OK, ALARM, OK)),
    (2, "----0", (OK, OK, ALARM, OK)),
    (2, "---X-", (ALARM, KEPT, ALARM, OK)),
]
# What the guide says in words, and what it leaves open.
IN_WORDS = [
    (3, "----X", (OK, KEPT, ALARM, OK)),
    (3, "---X-", (OK, KEPT, ALARM, OK)),
    (3, "---X0", (OK, OK, OK, OK)),
    (3, "XX---", (ALARM, KEPT, ALARM, OK)),
    (3, "XXXX0", (OK, OK, OK, OK)),
    (3, "00XXX", (ALARM, ALARM, ALARM, ALARM)),
]


def alarm(**changes: Any) -> Alarm:
    return Alarm(
        {
            "AlarmName": "an-alarm",
            "Namespace": "Storekey",
            "MetricName": "Faults",
            "Dimensions": [{"Name": "store", "Value": "shop"}],
            "Statistic": "Maximum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        }
        | changes
    )


def point(timestamp: float, *values: float, metric: str = "Faults", **dimensions: str) -> Point:
    return Point("Storekey", metric, dimensions or {"store": "shop"}, "Count", timestamp, values)


@pytest.mark.parametrize("treatment", range(4), ids=TREATMENTS)
@pytest.mark.parametrize(("needed", "drawn", "states"), DOCUMENTED + IN_WORDS)
def test_missing_data(needed: int, drawn: str, states: tuple[str, ...], treatment: int) -> None:
    tested = alarm(EvaluationPeriods=3, DatapointsToAlarm=needed, TreatMissingData=TREATMENTS[treatment])
    now = 10_000.0
    points = [
        point(now - 60 * age, 1.0 if mark == "X" else 0.0)
        for age, mark in zip(range(4, -1, -1), drawn, strict=True)
        if mark != "-"
    ]
    for before in (OK, ALARM):
        expected = before if states[treatment] is KEPT else states[treatment]
        assert tested.next_state(points, now, before, created=0.0) == expected


@pytest.mark.parametrize(
    ("statistic", "expected"), [("Sum", 9), ("Minimum", 1), ("Maximum", 6), ("Average", 3), ("SampleCount", 3)]
)
def test_statistics_take_all_values_of_a_window(statistic: str, expected: float) -> None:
    points = [point(100, 1, 2), point(130, 6), point(99, 50), point(161, 70)]
    assert alarm(Statistic=statistic).data(points, 159.5)[-1] == expected


@pytest.mark.parametrize(
    ("operator", "states"),
    [
        ("GreaterThanThreshold", (OK, OK, ALARM)),
        ("GreaterThanOrEqualToThreshold", (OK, ALARM, ALARM)),
        ("LessThanThreshold", (ALARM, OK, OK)),
        ("LessThanOrEqualToThreshold", (ALARM, ALARM, OK)),
    ],
)
def test_comparisons(operator: str, states: tuple[str, ...]) -> None:
    tested = alarm(ComparisonOperator=operator, Threshold="5")
    assert tuple(tested.next_state([point(0, value)], 1, OK, 0) for value in (4, 5, 6)) == states


def test_only_the_very_metric_counts() -> None:
    others = [point(1, 9, metric="Others"), point(1, 9, store="other"), point(1, 9, store="shop", more="x")]
    assert alarm().data(others, 2) == [None, None, None]
    assert alarm(Unit="Seconds").data([point(1, 9)], 2) == [None, None, None]


IMPOSSIBLE: list[dict[str, Any]] = [
    {"Statistic": "p90"},
    {"ComparisonOperator": "GreaterThanUpperThreshold"},
    {"Period": 45},
    {"Period": 300, "EvaluationPeriods": 289},
    {"Period": 3600, "EvaluationPeriods": 169},
    {"EvaluationPeriods": 2, "DatapointsToAlarm": 3},
]


@pytest.mark.parametrize("unknown", IMPOSSIBLE)
def test_an_alarm_that_would_be_judged_wrongly_is_an_error(unknown: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="an-alarm"):
        alarm(**unknown)


@pytest.mark.parametrize(("whole", "ends"), [(False, 180), (True, 600)])
def test_a_warm_up_holds_an_alarm_back(whole: bool, ends: int) -> None:
    warm_up = {"WarmUpPeriodDurationInMinutes": 10, "OnlyStartEvaluatingAfterWarmUpPeriodEnds": whole}
    tested = alarm(EvaluationPeriods=3, TreatMissingData="breaching", WarmUpConfiguration=warm_up)
    points = [point(minute * 60.0, 0) for minute in range(20)]
    states = [tested.next_state(points[: now // 60 + 1], now, INSUFFICIENT_DATA, 0) for now in range(0, 720, 60)]
    assert states == [INSUFFICIENT_DATA if now < ends else OK for now in range(0, 720, 60)]
    assert tested.next_state([], 599, INSUFFICIENT_DATA, 0) == INSUFFICIENT_DATA
    assert tested.next_state([], 600, INSUFFICIENT_DATA, 0) == ALARM


class Scene:
    """Alarms with a clock of their own, and what they published."""

    def __init__(self, *alarms: Alarm) -> None:
        self.published: list[tuple[str, str, Any]] = []
        self.time = 1_800_000_000.0
        self.alarms = Alarms(alarms, self._publish, lambda: self.time)

    def _publish(self, topic: str, subject: str, message: str) -> None:
        self.published.append((topic, subject, json.loads(message)))

    def log(self, **metrics: Any) -> None:
        self.alarms.read("not a metric\n{}\n" + line(self.time, **metrics) + "\n")

    def changes(self, seconds: float = 0) -> list[tuple[str, str]]:
        self.alarms.skip(seconds)
        return [(change.old, change.new) for change in self.alarms.evaluate()]


def line(timestamp: float, **metrics: Any) -> str:
    names = [{"Name": name, "Unit": "Count"} for name in metrics]
    directive = {"Namespace": "Storekey", "Dimensions": [["store"]], "Metrics": names}
    aws = {"Timestamp": int(timestamp * 1000), "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": aws, "store": "shop", **metrics})


def test_refused_holds_through_silence_and_clears_on_a_later_proof() -> None:
    scene = Scene(alarm(TreatMissingData="ignore", AlarmActions=["arn:aws:sns:r:1:t"], OKActions=["arn:aws:sns:r:1:u"]))
    scene.log(Faults=[1.0])
    assert scene.changes() == [(INSUFFICIENT_DATA, ALARM)]
    assert scene.changes(86_400) == []
    scene.log(Faults=0)
    assert scene.changes() == [(ALARM, OK)]
    assert [(topic[-1], text["NewStateValue"]) for topic, _, text in scene.published] == [("t", ALARM), ("u", OK)]


def test_silence_is_a_missing_check() -> None:
    dead_man = {"Statistic": "Sum", "Period": 300, "EvaluationPeriods": 3, "ComparisonOperator": "LessThanThreshold"}
    scene = Scene(alarm(**dead_man, TreatMissingData="breaching"))
    scene.log(Faults=1)
    assert scene.changes() == [(INSUFFICIENT_DATA, OK)]
    # CloudWatch looks back further than three periods: the last check counts until it leaves the five that are read.
    assert scene.changes(5 * 300 - 1) == []
    assert scene.changes(1) == [(OK, ALARM)]
    scene.log(Faults=1)
    assert scene.changes() == [(ALARM, OK)]


def test_three_intervals_without_any_check_are_a_missing_check() -> None:
    dead_man = {"Statistic": "Sum", "Period": 300, "EvaluationPeriods": 3, "ComparisonOperator": "LessThanThreshold"}
    warm_up = {"WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 15}}
    scene = Scene(alarm(**dead_man, **warm_up, TreatMissingData="breaching"))
    assert scene.changes(3 * 300 - 1) == []
    assert scene.changes(1) == [(INSUFFICIENT_DATA, ALARM)]


def test_no_state_between_two_evaluations_is_lost() -> None:
    scene = Scene(alarm(TreatMissingData="notBreaching"))
    scene.log(Faults=1)
    assert scene.changes() == [(INSUFFICIENT_DATA, ALARM)]
    scene.alarms.skip(300)
    scene.log(Faults=1)
    assert [(change.new, change.at - scene.time) for change in scene.alarms.evaluate()] == [(OK, 180), (ALARM, 300)]


def test_a_message_says_what_cloudwatch_says() -> None:
    scene = Scene(alarm(AlarmActions=["arn:aws:sns:us-east-1:123456789012:topic"], AlarmDescription="Mend it."))
    scene.log(Faults=2)
    scene.changes()
    ((topic, subject, message),) = scene.published
    assert topic.endswith(":topic") and subject == 'ALARM: "an-alarm"'
    assert "2.0" in message.pop("NewStateReason")
    assert message.pop("Trigger")["MetricName"] == "Faults"
    assert message == {
        "AlarmName": "an-alarm",
        "AlarmDescription": "Mend it.",
        "NewStateValue": ALARM,
        "OldStateValue": INSUFFICIENT_DATA,
        "StateChangeTime": "2027-01-15T08:00:00.000+0000",
        "Region": "us-east-1",
        "AWSAccountId": "123456789012",
    }


def test_disabled_actions_publish_nothing() -> None:
    scene = Scene(alarm(AlarmActions=["arn:aws:sns:r:1:t"], ActionsEnabled=False))
    scene.log(Faults=1)
    assert scene.changes() == [(INSUFFICIENT_DATA, ALARM)] and scene.published == []
