"""`storekey status`: how a stack is, read from AWS alone; what cannot be read leaves the rest to be seen."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from sandbox.aws import Aws, Stack
from sandbox.console import register_stack, show_alarm, show_points
from sandbox.metrics import Point
from sandbox.template import Template
from tests.ops.hooking import Hooked, hooked
from tests.ops.operator import Run

__all__ = ["hooked"]


@dataclass
class Watched:
    """A stack whose alarms and metrics a test sets."""

    aws: Aws
    stack: Stack
    store: str

    def register(self, **outputs: str) -> None:
        parameters = {"StoreName": self.store, "ExportResources": "orders,customers", "QuotaReserve": "20"}
        register_stack(self.aws, {**self.stack.outputs, **outputs}, parameters)

    def put(self, text: str, label: str = "AWSCURRENT") -> str:
        client = self.aws.client("secretsmanager")
        answer = client.put_secret_value(SecretId=self.stack.secret_id, SecretString=text, VersionStages=[label])
        version: str = answer["VersionId"]
        return version

    def show(self, **states: str) -> None:
        """Put all alarms into CloudWatch, at rest but for those named."""
        for alarm in self.stack.alarms().alarms:
            name = alarm.name.removeprefix("storekey-").replace("-", "_")
            show_alarm(self.aws, alarm, states.get(name, "OK"))

    def note(self, metric: str, *values: float, resource: str = "") -> None:
        """Note values of the last minutes, the newest last."""
        dimensions = {"store": self.store, **({"resource": resource} if resource else {})}
        now = time.time()
        times = [now - 1800 * (len(values) - number) for number in range(len(values))]
        points = [Point("Storekey", metric, dimensions, "None", at, [v]) for at, v in zip(times, values, strict=True)]
        show_points(self.aws, points, 1800.0 * (len(values) - 1), now)

    def keep(self, key: str, **item: Any) -> None:
        """Put an item of the exports' state."""
        kinds = {str: "S", int: "N", dict: "M"}

        def typed(value: Any) -> dict[str, Any]:
            inner = {name: typed(each) for name, each in value.items()} if isinstance(value, dict) else str(value)
            return {kinds[type(value)]: inner}

        item = {"resource": key, **item}
        table = self.stack.outputs["ExportStateTableName"]
        self.aws.client("dynamodb").put_item(TableName=table, Item={name: typed(value) for name, value in item.items()})

    def empty(self) -> None:
        client = self.aws.client("cloudwatch")
        client.delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in client.describe_alarms()["MetricAlarms"]])


@pytest.fixture
def watched(aws_here: Aws) -> Iterator[Watched]:
    store = f"looked-at-{uuid.uuid4().hex[:8]}"  # metrics stay for the life of the process
    template = Template.load("template.yaml", {"StoreName": store, "WebhooksEnabled": "true"})
    with closing(aws_here.deploy(template)) as stack:
        made = Watched(aws_here, stack, store)
        made.register()
        yield made
        made.empty()


@pytest.fixture
def healthy(watched: Watched) -> Watched:
    watched.put("{}")
    watched.show()
    for metric, *values in (
        ("CredentialsRefused", 0, 0),
        ("ChecksFinished", 1, 1),
        ("CredentialsAgeDays", 12.5, 12.6),
        ("StoreRequests", 100, 50),
        ("StoreLatency", 180, 220),
        ("QuotaLeftPercent", 80, 71),
        ("EventsPublished", 3, 4),
        ("DeliveriesRefused", 0, 1),
        ("EventAgeSeconds", 2, 3),
    ):
        watched.note(str(metric), *map(float, values))
    watched.note("ExportedRows", 250.0, 30.0, resource="orders")
    watched.note("ExportLagSeconds", 61.0, 62.0, resource="orders")
    watched.keep("orders", watermark=int(time.time()) - 300)
    return watched


def read(run: Run, *options: str) -> tuple[int, dict[str, Any]]:
    result = run("--json", "status", *options)
    told: dict[str, Any] = json.loads(result.stdout)
    return result.exit_code, told


def words(text: str) -> str:
    return " ".join(text.split())


def test_a_healthy_stack_is_well(run: Run, healthy: Watched) -> None:
    status, told = read(run)
    assert (status, told["result"], told["wrong"]) == (0, "well", [])
    assert told["credentials"]["state"] == "accepted"
    assert told["credentials"]["age_days"] == 12.6
    assert list(told["credentials"]["labels"]) == ["AWSCURRENT"]
    assert told["calls"] == {"requests": 150, "failed": 0, "latency_ms": 220.0, "slowest_ms": 220.0}
    assert (told["quota"]["left_percent"], told["quota"]["least_percent"]) == (71.0, 71.0)
    assert 300 <= told["exports"]["orders"]["lag_seconds"] < 310
    assert told["exports"]["rows"] == 280
    assert told["webhooks"] == {
        "published": 7,
        "suppressed": 0,
        "refused": 1,
        "age_seconds": 3.0,
        "waiting": 0,
        "dead_letters": 0,
    }
    assert set(told["alarms"].values()) == {"OK"}
    assert told["alarms"].keys() == {alarm.name for alarm in healthy.stack.alarms().alarms}
    shown = words(run("status").stdout)
    assert f"{healthy.store}: all well" in shown
    assert "Orders 5 min behind" in shown
    assert "answered requests ▁" not in shown and "answered requests" in shown


def test_each_service_is_asked_by_one_client(run: Run, healthy: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has connections of its own, and to open one over TLS takes longer than to be answered."""
    made: list[str] = []
    new: Any = boto3.client

    def client(service: str, **more: Any) -> Any:
        made.append(service)
        return new(service, **more)

    monkeypatch.setattr("ops.stack.boto3.client", client)
    assert read(run)[0] == 0
    assert len(made) == len(set(made)) == 7


def test_an_alarm_that_rings_is_wrong_and_says_what_to_do(run: Run, healthy: Watched) -> None:
    healthy.show(credentials_refused="ALARM", export_failed="ALARM")
    status, told = read(run)
    assert (status, told["result"], len(told["wrong"])) == (1, "wrong", 2)
    assert told["wrong"][0].startswith("storekey-credentials-refused: ")
    assert "put-secret-value" in told["wrong"][0]
    assert told["credentials"]["state"] == "refused, or unusable"
    assert f"{healthy.store}: 2 things are wrong" in words(run("status").stdout)


def test_an_export_that_is_late_is_wrong(run: Run, healthy: Watched) -> None:
    healthy.keep("orders", watermark=int(time.time()) - 3600)
    status, told = read(run)
    assert (status, told["wrong"]) == (1, ["orders: 60 min behind; storekey runs orders tells more"])
    parameters = {"StoreName": healthy.store, "ExportResources": "orders", "ExportEnabled": "false"}
    register_stack(healthy.aws, healthy.stack.outputs, parameters)
    assert read(run)[0] == 0, "nobody has scheduled it"


def test_an_alarm_that_tells_nobody_is_wrong(run: Run, healthy: Watched) -> None:
    healthy.aws.client("cloudwatch").disable_alarm_actions(AlarmNames=["storekey-store-unavailable"])
    assert read(run)[1]["wrong"] == ["storekey-store-unavailable: tells nobody; enable its actions"]


def test_alarms_of_other_stacks_are_not_told(run: Run, healthy: Watched) -> None:
    other = {"AlarmName": "storekey-2-refused", "Namespace": "Storekey", "MetricName": "X", "Statistic": "Sum"}
    numbers = {"Period": 60, "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}
    client = healthy.aws.client("cloudwatch")
    client.put_metric_alarm(**other, **numbers, AlarmActions=["arn:aws:sns:us-east-1:123456789012:another"])
    client.set_alarm_state(AlarmName="storekey-2-refused", StateValue="ALARM", StateReason="theirs")
    assert read(run)[0] == 0


def test_what_no_alarm_tells_is_wrong_too(run: Run, healthy: Watched) -> None:
    version = healthy.put("{}", "CANDIDATE")
    client = healthy.aws.client("secretsmanager")
    client.update_secret_version_stage(
        SecretId=healthy.stack.secret_id, VersionStage="REJECTED", MoveToVersionId=version
    )
    queue = healthy.stack.outputs["WebhookDeadLetterQueueUrl"]
    healthy.aws.client("sqs").send_message(QueueUrl=queue, MessageBody="{}")
    status, told = read(run)
    assert status == 1
    rejected, dead = told["wrong"]
    assert rejected.startswith("a candidate was rejected: ")
    assert dead == "1 dead letters of webhooks: storekey --stack storekey hooks redrive has them tried again"
    assert "AWSCURRENT, CANDIDATE" in words(run("status").stdout)


def test_a_new_stack_says_how_to_begin_and_shows_no_data(run: Run, watched: Watched, tmp_path: Path) -> None:
    status, told = read(run)
    assert status == 1
    refused, missing, empty, unchecked = told["wrong"]
    assert refused == "storekey-credentials-refused: there is no such alarm; deploy the stack again"
    assert missing.startswith("storekey-check-missing: there is no such alarm")
    assert empty.startswith("the secret is empty: storekey --stack storekey credentials set")
    assert unchecked == "no check has finished in the last 24 h: storekey --stack storekey check runs one"
    assert (told["calls"]["requests"], told["quota"]["left_percent"]) == (0, None)
    assert "no finished run" in words(run("status").stdout)
    run("status", "--html", str(tmp_path / "page.html"))
    assert (tmp_path / "page.html").read_text().count("No data in 24 h") == 8


def test_failing_exports_and_a_backfill_are_told(run: Run, healthy: Watched) -> None:
    since = int(time.time()) - 7200
    failing = {"error": "Forbidden", "message": "GET orders: lacks the scope", "at": since}
    healthy.keep("customers", failing=failing, failing_since=since)
    status, told = read(run)
    assert told["exports"]["customers"]["failing"] == "Forbidden: GET orders: lacks the scope"
    (line,) = told["wrong"]
    assert (status, line.startswith("customers: no finished run, failing since")) == (1, True)
    assert line.endswith("; storekey runs customers tells more")
    assert "Customers no finished run, failing since" in words(run("status").stdout)


def test_what_cannot_be_read_says_so_and_leaves_the_rest(run: Run, healthy: Watched, tmp_path: Path) -> None:
    healthy.register(ExportStateTableName="gone")
    status, told = read(run, "--html", str(tmp_path / "page.html"))
    assert status == 3, "AWS is not as it must be"
    assert told["wrong"] == ["exports: AWS refused GetItem (ResourceNotFoundException)"]
    assert told["credentials"]["state"] == "accepted"
    assert "cannot be read AWS refused GetItem" in words(run("status").stdout)
    assert "Cannot be read: AWS refused GetItem (ResourceNotFoundException)" in (tmp_path / "page.html").read_text()


def test_without_webhooks_nothing_is_told_of_them(run: Run, hooked: Hooked) -> None:
    register_stack(hooked.aws, {"CredentialsSecretArn": hooked.secret}, {"StoreName": hooked.store})
    _, told = read(run)
    assert told["wrong"][0] == "alarms: --stack: storekey has no output AlarmTopicArn; is it a storekey stack of today?"
    assert not {"webhooks", "exports"} & told.keys()
    assert told["credentials"]["state"] == "unknown: the alarm cannot be read"


def test_the_page_holds_all_and_needs_nothing_beside_itself(run: Run, healthy: Watched, tmp_path: Path) -> None:
    healthy.show(store_unavailable="ALARM")
    told = run("status", "--html", str(tmp_path / "page.html"), "--hours", "6")
    assert told.exit_code == 1
    assert "result 1 thing is wrong" in words(told.stdout)
    html = (tmp_path / "page.html").read_text()
    assert re.findall(r"(?:src|href|action|url)\s*[=(]|<script|@import|https?:", html) == []
    assert "default-src 'none'" in html
    assert f"<title>{healthy.store}: 1 thing is wrong</title>" in html
    assert "the last 6 h" in html and "store-unavailable rings" in html
    assert html.count("<svg") == 8
    assert "280" in html and "71 %" in html


def test_names_are_escaped(run: Run, watched: Watched) -> None:
    from ops.parts import Fact, Part, Status  # noqa: PLC0415 - what no stack could be called
    from ops.status_page import page  # noqa: PLC0415 - the same

    evil = '"><script>alert(1)</script>'
    part = Part(evil, [Fact(evil, evil, evil)], wrong=[evil])
    html = page(Status(evil, evil, evil, 0.0, 24.0, {evil: "ALARM"}, [part]))
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 7


def test_a_page_that_cannot_be_written_leaves_nothing(run: Run, healthy: Watched, tmp_path: Path) -> None:
    result = run("status", "--html", str(tmp_path / "none" / "page.html"))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"storekey: --html: cannot write {tmp_path}/none/page.html (No such file")
    (tmp_path / "folder").mkdir()
    assert run("status", "--html", str(tmp_path / "folder")).exit_code == 2
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
