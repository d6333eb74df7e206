"""What the judgement at the end of a run finds wrong."""

from __future__ import annotations

from tests.grants import UNPLAYED, granted, wrong

MAY = {("Role", "Allow sqs:SendMessage on Queue.Arn"), ("Role", "Allow logs:PutLogEvents on Log.Arn")}
LOGS = [(".*", "logs:PutLogEvents .*")]


def test_what_was_used_or_is_excused_is_right() -> None:
    assert list(wrong(MAY, {("Role", "Allow sqs:SendMessage on Queue.Arn"), ("Other", "Allow x on y")}, LOGS)) == []


def test_a_grant_that_nothing_used_is_wrong() -> None:
    assert list(wrong(MAY, set(), LOGS)) == ["Role: Allow sqs:SendMessage on Queue.Arn: nothing used it"]


def test_an_excuse_for_what_is_used_or_not_there_is_wrong() -> None:
    (line,) = wrong(MAY, MAY, LOGS)
    assert line == "tests/grants.py excuses 'logs:PutLogEvents .*' of '.*', and needs not"


def test_every_role_of_the_template_is_judged_and_every_excuse_has_its_reason() -> None:
    roles = {role for role, _ in granted()}
    assert len(roles) >= 12
    assert all(len(reason) > 20 for reason in UNPLAYED.values())
