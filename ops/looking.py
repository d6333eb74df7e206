"""Looks at a deployed stack from AWS alone: nothing is changed, no function runs, and no secret's value is read."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping

import botocore.exceptions

from storekey import CANDIDATE, LIVE, PREVIOUS, REJECTED

from .backfills import Backfills
from .measures import Measures, Metric, Series, Span
from .parts import Fact, Part, Plot, Status, Tone
from .stack import Stack, StackError
from .texts import ago, number, span

_FAILURES = {
    "RateLimited": "quota spent",
    "StoreUnavailable": "5xx",
    "StoreUnreachable": "no connection",
    "TlsFailures": "no valid TLS",
    "Forbidden": "403",
}
_REFUSED, _AGE, _CHECKS = (
    Metric("CredentialsRefused", "Maximum"),
    Metric("CredentialsAgeDays", "Minimum"),  # of the newest version, where a period has two
    Metric("ChecksFinished", "Sum", period=60),
)
_REFRESHED = Metric("CredentialsRefreshed", "Sum")
_REQUESTS, _LATENCY, _SLOWEST = (
    Metric("StoreRequests", "Sum"),
    Metric("StoreLatency", "Average"),
    Metric("StoreLatency", "Maximum"),
)
_QUOTA = Metric("QuotaLeftPercent", "Minimum")
_IN, _TURNED_AWAY, _OUT, _AGAIN, _OLDEST = (
    Metric("DeliveriesRefused", "SampleCount"),
    Metric("DeliveriesRefused", "Sum"),
    Metric("EventsPublished", "Sum"),
    Metric("EventsSuppressed", "Sum"),
    Metric("EventAgeSeconds", "Maximum"),
)
_LAST_OUT = Metric("EventsPublished", "Sum", period=60)
_OF_ALL = (_REFUSED, _AGE, _CHECKS, _REFRESHED, _REQUESTS, _LATENCY, _SLOWEST, _QUOTA)
_OF_WEBHOOKS = (_IN, _TURNED_AWAY, _OUT, _AGAIN, _OLDEST)
# Whose alarms no stack is without.
_ALWAYS = ("credentials-refused", "check-missing")
# An export is late after so many intervals, as for the alarm.
_LATE = 3
_UNITS = {"minute": 60, "hour": 3600, "day": 86_400}


# What the alarm's state tells of the credentials: it holds until the store has answered otherwise.
_STATES: Mapping[str, tuple[str, Tone]] = {
    "OK": ("accepted", "good"),
    "ALARM": ("refused, or unusable", "bad"),
    "INSUFFICIENT_DATA": ("not used yet", ""),
    "": ("unknown: the alarm cannot be read", ""),
}


class Look:
    """One look at a stack; ``hours`` back, from ``now`` in Unix seconds."""

    def __init__(self, stack: Stack, hours: float = 24.0, now: float | None = None) -> None:
        self._stack = stack
        self._now = time.time() if now is None else now
        self._hours = hours
        self._span = Span.of_hours(hours, self._now)
        self._cloudwatch = stack.client("cloudwatch")
        self._series: Mapping[Metric, Series] = {}
        self._states: dict[str, str] = {}
        self.resources = [one for one in stack.parameters.get("ExportResources", "").split(",") if one]

    def status(self) -> Status:
        """Return all that there is to tell; what cannot be read says so in its place, and leaves the rest."""
        parts = [
            _part("Alarms", self._alarms),
            _part("Metrics", self._read),
            _part("Credentials", self._credentials),
            _part("Calls", self._calls),
            _part("Quota", self._quota),
            *([_part("Exports", self._exports)] if "ExportStateTableName" in self._stack.outputs else []),
            *([_part("Webhooks", self._webhooks)] if "WebhookQueueUrl" in self._stack.outputs else []),
        ]
        told = [part for part in parts if part.title != "Metrics" or part.unread]
        stack = self._stack
        return Status(stack.name, stack.settings.store_name, stack.region, self._now, self._hours, self._states, told)

    def _alarms(self) -> Part:
        """The alarms that have the stack's topic as their action: a prefix of names could be another stack's too."""
        pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
            ActionPrefix=self._stack.output("AlarmTopicArn"), AlarmTypes=["MetricAlarm"]
        )
        found = sorted((one for page in pages for one in page["MetricAlarms"]), key=lambda one: one["AlarmName"])
        self._states = {one["AlarmName"]: one["StateValue"] for one in found}
        ringing = [one for one in found if one["StateValue"] == "ALARM"]
        silent = len(found) - len(ringing)
        fact = Fact("ringing", len(ringing), f"{len(ringing)} ringing, {silent} silent", "bad" if ringing else "good")
        wrong = [f"{one['AlarmName']}: {' '.join(one.get('AlarmDescription', '').split())}" for one in ringing]
        wrong += [f"{one['AlarmName']}: tells nobody; enable its actions" for one in found if not one["ActionsEnabled"]]
        names = [f"{self._stack.name}-{each}" for each in _ALWAYS]
        missing = [each for each in names if each not in self._states]
        wrong += [f"{each}: there is no such alarm; deploy the stack again" for each in missing]
        return Part("Alarms", [fact], wrong=wrong)

    def _read(self) -> Part:
        failures = [Metric(name, "Sum") for name in _FAILURES]
        exports = [
            Metric(name, how, resource)
            for name, how in (("ExportLagSeconds", "Maximum"), ("ExportedRows", "Sum"))
            for resource in self.resources
        ]
        measures = Measures(self._cloudwatch, self._stack.settings.store_name, self._span)
        self._series = measures.read([*_OF_ALL, *failures, *exports, *_OF_WEBHOOKS, _LAST_OUT])
        return Part("Metrics")

    def _of(self, metric: Metric) -> Series:
        return self._series.get(metric, Series())

    def _credentials(self) -> Part:
        refused, age, checks = (self._of(metric) for metric in (_REFUSED, _AGE, _CHECKS))
        labels = self._stack.secret.labels()
        oldest = float(self._stack.parameters.get("MaxCredentialsAgeDays") or 90)
        days = age.last
        state, tone = _STATES[self._states.get(f"{self._stack.name}-credentials-refused", "")]
        facts = [
            Fact("state", state, state, tone),
            Fact("last_check", checks.last_at, ago(checks.last_at, self._now)),
            Fact("age_days", days, number(days, "days"), "bad" if days is not None and days >= oldest else ""),
            Fact("refreshed", int(self._of(_REFRESHED).total), number(self._of(_REFRESHED).total)),
            Fact("labels", labels, ", ".join(each for each in (LIVE, CANDIDATE, PREVIOUS) if each in labels) or "none"),
        ]
        command = f"storekey --stack {self._stack.name}"
        wrong = []
        if LIVE not in labels:
            wrong.append(f"the secret is empty: {command} credentials set stores the first account")
        if not self._of(_CHECKS).points:
            wrong.append(f"no check has finished in the last {span(self._hours * 3600)}: {command} check runs one")
        if CANDIDATE in labels and labels[CANDIDATE] == labels.get(REJECTED):
            wrong.append(f"a candidate was rejected: its log says why; {command} credentials set stages another one")
        plots = [Plot("Store accepted the credentials", "", self._span, {"refused": refused}, "band")]
        return Part("Credentials", facts, plots, wrong)

    def _calls(self) -> Part:
        requests, mean, most = (self._of(metric) for metric in (_REQUESTS, _LATENCY, _SLOWEST))
        failed = {words: self._of(Metric(name, "Sum")) for name, words in _FAILURES.items()}
        count = int(sum(series.total for series in failed.values()))
        kinds = ", ".join(f"{number(series.total)} {words}" for words, series in failed.items() if series.total)
        facts = [
            Fact("requests", int(requests.total), number(requests.total)),
            Fact("failed", count, kinds or "none", "bad" if count else "good"),
            Fact("latency_ms", mean.last, number(mean.last, "ms")),
            Fact("slowest_ms", most.most, number(most.most, "ms")),
        ]
        plots = [
            Plot("Answered requests", "", self._span, {"requests": requests}, "bars"),
            Plot("Time to an answer", "ms", self._span, {"mean": mean, "slowest": most}),
        ]
        return Part("Calls", facts, plots)

    def _quota(self) -> Part:
        left = self._of(_QUOTA)
        reserve = float(self._stack.parameters.get("QuotaReserve") or 20)
        facts = [
            Fact("left_percent", left.last, number(left.last, "%")),
            Fact("least_percent", left.least, number(left.least, "%")),
            Fact("reserve_percent", reserve, f"{number(reserve, '%')} left to other apps"),
        ]
        plot = Plot("Quota left", "%", self._span, {"least": left}, limit=reserve, limit_label="reserve", worst=min)
        return Part("Quota", facts, [plot])

    def _exports(self) -> Part:
        facts: list[Fact] = []
        wrong: list[str] = []
        backfills = Backfills(self._stack)
        for resource in self.resources:
            stands = _of_resource(resource, backfills, self._late)
            facts += stands.facts
            wrong += stands.wrong
        lag = {each: self._of(Metric("ExportLagSeconds", "Maximum", each)) for each in self.resources}
        rows = {each: self._of(Metric("ExportedRows", "Sum", each)) for each in self.resources}
        facts.append(Fact("rows", int(sum(each.total for each in rows.values())), _rows(rows)))
        plots = [
            Plot("Lag of finished runs", "s", self._span, lag),
            Plot("Exported rows", "", self._span, rows, "bars"),
        ]
        return Part("Exports", facts, plots, wrong)

    @property
    def _late(self) -> float:
        """Behind by how many seconds an export is late; never where none is scheduled."""
        parameters = self._stack.parameters
        rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", parameters.get("ExportSchedule", "rate(15 minutes)"))
        if parameters.get("ExportEnabled", "true") != "true" or not rate:
            return math.inf
        return _LATE * int(rate[1]) * _UNITS[rate[2]] + 120  # a window ends a minute before the store's now

    def _webhooks(self) -> Part:
        came, refused, went, again, age = (self._of(metric) for metric in _OF_WEBHOOKS)
        last = self._of(_LAST_OUT).last_at
        newest = "" if last is None else f", the newest {ago(last, self._now)}"
        waiting, dead = (self._messages(name) for name in ("WebhookQueueUrl", "WebhookDeadLetterQueueUrl"))
        facts = [
            Fact("published", int(went.total), f"{number(went.total)}{newest}"),
            Fact("suppressed", int(again.total), number(again.total)),
            Fact("refused", int(refused.total), f"{number(refused.total)} of {number(came.total)} deliveries"),
            Fact("age_seconds", age.last, number(age.last, "s from the store to the bus")),
            Fact("waiting", waiting, number(waiting)),
            Fact("dead_letters", dead, number(dead), "bad" if dead else "good"),
        ]
        command = f"storekey --stack {self._stack.name} hooks redrive"
        wrong = [f"{dead:,} dead letters of webhooks: {command} has them tried again"] if dead else []
        plots = [
            Plot("Published events", "", self._span, {"events": went}, "bars"),
            Plot("Oldest event", "s", self._span, {"age": age}),
        ]
        return Part("Webhooks", facts, plots, wrong)

    def _messages(self, output: str) -> int:
        counts = self._stack.client("sqs").get_queue_attributes(
            QueueUrl=self._stack.output(output), AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(counts["Attributes"]["ApproximateNumberOfMessages"])


def _part(title: str, make: Callable[[], Part]) -> Part:
    try:
        return make()
    except StackError as error:
        return Part(title, unread=str(error))
    except botocore.exceptions.ClientError as error:
        return Part(title, unread=f"AWS refused {error.operation_name} ({error.response['Error']['Code']})")
    except botocore.exceptions.BotoCoreError as error:
        return Part(title, unread=f"AWS cannot be asked ({type(error).__name__})")


def _of_resource(resource: str, backfills: Backfills, late: float) -> Part:
    state, backfill = backfills.exports.state(resource), backfills.known(resource)
    lag = "no finished run" if state.lag_seconds is None else f"{span(state.lag_seconds)} behind"
    is_late = state.lag_seconds is not None and state.lag_seconds > late
    doing = f", {number(state.open.rows)} rows of a run so far" if state.open else ""
    failing = state.failing or backfill.failing
    told = f"{lag}, failing since {failing.since}: {failing}" if failing else f"{lag}{doing}"
    value = {
        "lag_seconds": state.lag_seconds,
        "open": state.open.id if state.open else None,
        "failing": str(failing) if failing else None,
    }
    tone: Tone = "bad" if failing or is_late else "" if state.lag_seconds is None else "good"
    facts = [Fact(resource, value, told, tone)]
    if backfill.plan:
        facts.append(Fact(f"{resource}_backfill", backfill.plan.id, f"{backfill.plan.id} is under way"))
    wrong = [f"{resource}: {told}; storekey runs {resource} tells more"] if failing or is_late else []
    return Part(resource, facts, wrong=wrong)


def _rows(rows: Mapping[str, Series]) -> str:
    return ", ".join(f"{number(series.total)} {resource}" for resource, series in rows.items())
