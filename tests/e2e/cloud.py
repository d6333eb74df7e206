"""What AWS does by itself, done on this machine: logs, alarms, rotations and queues of a stack that moto holds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from moto.secretsmanager.models import secretsmanager_backends

from sandbox.alarms import Alarm
from sandbox.aws import ACCOUNT, REGION, Aws, Stack
from sandbox.console import register_stack, show_alarm
from sandbox.queues import Feed
from sandbox.store import SandboxStore
from sandbox.template import Template
from tests.support import begin_rotation

# What passes for CloudWatch while the test pauses once.
_PASSES = 30.0
_MOST_PAUSES = 60


@dataclass
class Cloud:
    """A stack of the template, and its surroundings. It is looked at whenever the test pauses, and nobody waits."""

    aws: Aws
    deployed: list[Stack] = field(default_factory=list)
    pauses: int = 0
    _read: dict[str, int] = field(default_factory=dict)
    _feed: Feed | None = None
    _shown: dict[str, str] = field(default_factory=dict)

    def deploy(self, store: SandboxStore, **parameters: str) -> None:
        """Deploy the stack for a store."""
        given = {"AllowedHosts": store.host, "StoreCaBundle": store.ca_pem, "StoreName": "sandbox", **parameters}
        stack = self.aws.deploy(Template.load("template.yaml", given), time_scale=0.001)
        register_stack(self.aws, stack.outputs, {**given, "ExportResources": "orders,customers,products"})
        self.deployed.append(stack)
        secret: Any = secretsmanager_backends[ACCOUNT][REGION].secrets[stack.secret_id]
        secret.rotation_requested = secret.rotation_enabled = True
        self._alarms = stack.alarms()
        self._groups = dict(self._make_groups(stack))
        self.look()
        if "WebhookUrl" in stack.outputs:
            self._feed = stack.feed("ProcessFunction")
            store.trust(stack.url_ca_pem)

    @property
    def stack(self) -> Stack:
        return self.deployed[-1]

    def pause(self) -> None:
        """Let time pass for CloudWatch alone."""
        self.pauses += 1
        time.sleep(0.05)
        assert self.pauses < _MOST_PAUSES, "it waits for what does not come"
        self._alarms.skip(_PASSES)
        while self._feed and self._feed.once():
            pass
        self.look()

    def look(self) -> None:
        """Bring new lines to CloudWatch's logs, and the alarms to their states."""
        for function, group in self._groups.items():
            logs = self.stack.logs(function)
            new, self._read[function] = logs[self._read.get(function, 0) :], len(logs)
            self._alarms.read(new)
            events = [{"timestamp": int(time.time() * 1000), "message": line} for line in new.splitlines() if line]
            if events:
                self.aws.client("logs").put_log_events(logGroupName=group, logStreamName="all", logEvents=events)
        self._alarms.evaluate()
        for alarm in self._alarms.alarms:
            self._show(alarm, self._alarms.states[alarm.name])

    def rotate(self, secret_id: str, client_request_token: str, **_: Any) -> str:
        """Rotate as Secrets Manager does; moto's own looks for a function in Docker."""
        event = {"SecretId": secret_id, "ClientRequestToken": begin_rotation(self.stack, client_request_token)}
        pool = self.stack.pool("RotateFunction")
        for step in ("createSecret", "setSecret", "testSecret", "finishSecret"):
            if pool.invoke({**event, "Step": step}).error:
                break
        return "{}"

    def close(self) -> None:
        """Stop all, and take away what other tests would see."""
        self.aws.client("cloudwatch").delete_alarms(AlarmNames=list(self._shown))
        for stack in self.deployed:
            stack.close()

    def _make_groups(self, stack: Stack) -> Iterator[tuple[str, str]]:
        logs = self.aws.client("logs")
        for function, properties in stack.template.functions().items():
            group = stack.template.resolve(properties["LoggingConfig"]["LogGroup"], stack.names)
            if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
                logs.create_log_group(logGroupName=group)
                logs.create_log_stream(logGroupName=group, logStreamName="all")
            yield function, group

    def _show(self, alarm: Alarm, state: str) -> None:
        if self._shown.get(alarm.name) != state:
            show_alarm(self.aws, alarm, state)
            self._shown[alarm.name] = state
