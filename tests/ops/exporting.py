"""Exports that a test plays: a bucket, the state's table, and a state machine whose executions end when it says so."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from boto3.dynamodb.types import TypeSerializer
from moto.stepfunctions.models import stepfunctions_backends

from sandbox.aws import ACCOUNT, REGION, Aws

_WAITING = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}}}


class Exporting:
    """What an export works with, in moto, which keeps executions and runs none."""

    def __init__(self, aws: Aws) -> None:
        name = f"exports-{uuid.uuid4().hex[:12]}"
        self.bucket = self.table = name
        self.s3, self._dynamodb = aws.client("s3"), aws.client("dynamodb")
        self.s3.create_bucket(Bucket=name)
        self._dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "resource", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "resource", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self._machines = aws.client("stepfunctions")
        self.machine = self._machines.create_state_machine(
            name=name, definition=json.dumps(_WAITING), roleArn=f"arn:aws:iam::{ACCOUNT}:role/{name}"
        )["stateMachineArn"]

    @property
    def outputs(self) -> dict[str, str]:
        return {
            "ExportBucketName": self.bucket,
            "ExportStateTableName": self.table,
            "ExportStateMachineArn": self.machine,
            "BackfillStateMachineArn": self.machine,
            "ExportFunctionName": "export",
        }

    def note(self, resource: str, **attributes: Any) -> None:
        """Write a resource's item of the state."""
        serialize = TypeSerializer().serialize
        item = {name: serialize(value) for name, value in {"resource": resource, **attributes}.items()}
        self._dynamodb.put_item(TableName=self.table, Item=item)

    @property
    def executions(self) -> list[Any]:
        """The executions as moto keeps them: name, execution_input, status, output, error, cause."""
        machines = stepfunctions_backends[ACCOUNT][REGION].state_machines
        (machine,) = (one for one in machines if one.arn == self.machine)
        return list(machine.executions)

    def start(self, name: str, resource: str = "orders") -> None:
        """Start an execution, as others than the command do."""
        given = json.dumps({"resource": resource})
        self._machines.start_execution(stateMachineArn=self.machine, name=name, input=given)

    def stop(self) -> None:
        self._machines.stop_execution(executionArn=self.executions[-1].execution_arn)

    def end(self, answer: Any = None, error: str | None = None, cause: str | None = None) -> None:
        """End the last execution, with an answer of the function or with an error."""
        execution = self.executions[-1]
        execution.output = None if error else json.dumps(answer)
        execution.error, execution.cause = error, cause
        execution.status = "FAILED" if error else "SUCCEEDED"

    @contextmanager
    def playing(self, story: Callable[[], None]) -> Iterator[None]:
        """Let a story begin as soon as an execution was started."""
        given_up = threading.Event()

        def play() -> None:
            while not self.executions and not given_up.wait(0.02):
                pass
            if not given_up.is_set():
                try:
                    story()
                except BaseException:
                    self.end(error="BadStory")  # else the command would wait for its end
                    raise

        thread = threading.Thread(target=play)
        thread.start()
        try:
            yield
        finally:
            given_up.set()
            thread.join()
