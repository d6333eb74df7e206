"""The schedules of the template, those of your own functions among them."""

from __future__ import annotations

from contextlib import closing

from sandbox.aws import Aws
from sandbox.template import Template


def test_the_role_of_every_schedule_may_start_what_it_names(aws: Aws) -> None:
    template = Template.load("template.yaml", {"WebhooksEnabled": "true"})
    with closing(aws.deploy(template)) as stack:
        schedules = stack.schedules()
        for schedule in schedules:
            stack.allow(schedule)
    assert len(schedules) >= 5
    assert all(schedule.role for schedule in schedules)
