"""Every alarm rings, clears and tells what to do; those on schedules follow every schedule that can be chosen."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sandbox.alarms import ALARM, INSUFFICIENT_DATA, OK, Alarm
from sandbox.metrics import Point

from .source import ALARMS, DEFAULT, TEMPLATE, TEXT, seconds

CHECK_SCHEDULES = TEMPLATE["Parameters"]["CheckSchedule"]["AllowedValues"]
EXPORT_SCHEDULES = TEMPLATE["Parameters"]["ExportSchedule"]["AllowedValues"]
LONGEST_WARM_UP_MINUTES = 2880  # PutMetricAlarm takes no more


def properties(name: str, *only: str, **parameters: str) -> Any:
    """An alarm's properties without intrinsic functions; all but the descriptions, which name resources."""
    kept = {key: value for key, value in ALARMS[name].items() if key in only or (not only and "Alarm" not in key)}
    return DEFAULT.with_parameters(parameters).resolve({**kept, "AlarmName": name}, {"AlarmTopic": "topic"})


def test_the_alarms_are_those_of_the_contract() -> None:
    names = {alarm["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-") for alarm in ALARMS.values()}
    checks = {"credentials-refused", "check-missing", "store-unavailable", "credentials-old"}
    webhooks = {"webhooks-off", "webhooks-refused", "webhooks-failing", "webhook-dead-letters"}
    assert names == checks | webhooks | {"export-failed", "export-late", "rotation-failed", "dead-letters"}


@pytest.mark.parametrize("name", ALARMS)
def test_every_alarm_rings_and_clears_on_the_topic(name: str) -> None:
    alarm = ALARMS[name]
    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}]
    assert alarm["TreatMissingData"] in ("ignore", "breaching", "notBreaching")


@pytest.mark.parametrize("name", ALARMS)
def test_every_alarm_describes_what_happened_which_secret_and_a_command_that_helps(name: str) -> None:
    description = ALARMS[name]["AlarmDescription"]["Fn::Sub"]
    assert "${CredentialsSecret}" in description
    assert "${StoreName}" in description
    assert re.search(r"aws [a-z]+ [a-z-]+ --region \$\{AWS::Region\}", description)
    assert len(description) < 700, "leaves too little of CloudWatch's 1,024 characters for long names"


@pytest.mark.parametrize("name", ["ExportFailedAlarm", "ExportLateAlarm"])
def test_the_alarms_on_exports_say_where_to_look(name: str) -> None:
    description = ALARMS[name]["AlarmDescription"]["Fn::Sub"]
    assert "storekey --stack ${AWS::StackName} runs" in description
    assert "aws logs tail --region ${AWS::Region} ${ExportLogGroup}" in description
    assert "--state-machine-arn ${ExportStateMachine}" in description


def test_every_choice_on_missing_data_is_reasoned_on_its_line() -> None:
    lines = [line for line in TEXT.splitlines() if "TreatMissingData" in line]
    assert len(lines) == len(ALARMS)
    assert all(re.search(r" # .{20,}", line) for line in lines)


@pytest.mark.parametrize("choice", CHECK_SCHEDULES)
def test_the_alarms_on_the_check_follow_every_schedule_that_can_be_chosen(choice: str) -> None:
    interval = seconds(choice)
    missing = properties("CheckMissingAlarm", CheckSchedule=choice)
    unavailable = properties("StoreUnavailableAlarm", CheckSchedule=choice)
    assert missing["Period"] * missing["EvaluationPeriods"] == 3 * interval
    assert missing["WarmUpConfiguration"]["WarmUpPeriodDurationInMinutes"] == 3 * interval / 60
    assert (unavailable["Period"], unavailable["EvaluationPeriods"]) == (interval, 3)


@pytest.mark.parametrize("choice", EXPORT_SCHEDULES)
def test_the_alarm_on_late_exports_follows_every_schedule_that_can_be_chosen(choice: str) -> None:
    late = properties("ExportLateAlarm", ExportSchedule=choice)
    wanted = max(3 * seconds(choice), 900)
    assert late["Period"] * late["EvaluationPeriods"] == late["Threshold"] == wanted
    warm_up = late["WarmUpConfiguration"]["WarmUpPeriodDurationInMinutes"]
    assert warm_up == min(wanted / 60, LONGEST_WARM_UP_MINUTES)
    assert late["EvaluationPeriods"] * late["Period"] <= (86_400 if late["Period"] < 3600 else 7 * 86_400)


def point(metric: str, at: float, value: float) -> Point:
    return Point("Storekey", metric, {"store": "store"}, "Count", at, [value])


@pytest.mark.parametrize("choice", EXPORT_SCHEDULES)
def test_late_exports_ring_and_silence_does_and_one_good_point_in_three_intervals_does_not(choice: str) -> None:
    late = Alarm(properties("ExportLateAlarm", ExportSchedule=choice))
    interval, window = seconds(choice), max(3 * seconds(choice), 900)
    long = range(0, 10 * window, interval)
    now = float(long[-1])

    def state(points: list[Point], before: str = OK) -> str:
        return late.next_state(points, now, before, created=0.0)

    assert state([point("ExportsBehindSeconds", at, 120) for at in long], ALARM) == OK
    assert state([point("ExportsBehindSeconds", at, window) for at in long]) == ALARM
    assert state([]) == ALARM
    one_good = [point("ExportsBehindSeconds", at, window * 2 if at > now - window / 2 else 60) for at in long]
    assert state(one_good) == OK
    worst = point("ExportsBehindSeconds", now, 9 * window)
    assert state([worst, point("ExportsBehindSeconds", now - 1, 60)]) == OK


def test_a_new_stack_is_not_late_before_it_could_be_on_time() -> None:
    late = Alarm(properties("ExportLateAlarm", ExportSchedule="rate(15 minutes)"))
    states = [late.next_state([], minute * 60.0, INSUFFICIENT_DATA, created=0.0) for minute in (1, 44, 45)]
    assert states == [INSUFFICIENT_DATA, INSUFFICIENT_DATA, ALARM]


def test_a_failed_export_rings_at_once_and_until_a_run_has_finished() -> None:
    failed = Alarm(properties("ExportFailedAlarm"))
    failing = [point("ExportsFailing", 0.0, 0), point("ExportsFailing", 60.0, 1)]
    assert failed.next_state(failing, 61.0, OK, created=0.0) == ALARM
    assert failed.next_state(failing, 9000.0, ALARM, created=0.0) == ALARM
    assert failed.next_state([*failing, point("ExportsFailing", 9060.0, 0)], 9061.0, ALARM, created=0.0) == OK


@pytest.mark.parametrize(("enabled", "there"), [("true", True), ("false", False)])
def test_nothing_is_late_where_nothing_is_exported(enabled: str, there: bool) -> None:
    resources = DEFAULT.with_parameters({"ExportEnabled": enabled}).resources("AWS::CloudWatch::Alarm")
    assert ("ExportLateAlarm" in resources) is there
    assert "ExportFailedAlarm" in resources, "runs by hand may fail as well"
