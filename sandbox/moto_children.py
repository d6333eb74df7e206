"""The executions that a Distributed Map starts, told of as Step Functions tells of them; moto has none of them.

Imported late, as this loads moto's grammar. moto_maps.py has the map run that starts them.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from datetime import UTC, datetime
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

from moto.core.responses import ActionResult
from moto.stepfunctions import responses
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor import map_run_record
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution

from . import roles
from .policies import Ask

PENDING, SUCCEEDED, FAILED = "PENDING", "SUCCEEDED", "FAILED"
# By map run, for as long as moto keeps the executions.
CHILDREN: dict[str, list[Child]] = {}


def put_right(backend: Any, replace: Any) -> None:
    """Let the children be seen and stopped: ``replace(owner, name, make)`` puts what make(original) returns there."""
    replace(backend, "describe_execution", _child_too)
    replace(backend, "stop_execution", _stopped_child_too)
    replace(backend, "list_map_runs", _once_begun)
    replace(responses.StepFunctionResponse, "list_executions", _listed_too)
    replace(map_run_record.MapRunRecord, "describe", _counts)


class Child(Execution):  # type: ignore[misc]
    """The execution of one item, in all it does like one that was started by itself."""

    def __init__(self, env: Any, record: Any, program: Any, item: Any) -> None:
        details, name = env.aws_execution_details, str(uuid.uuid4())
        self.arn_of_machine: str = record.map_state_machine_arn
        machine: Any = SimpleNamespace(
            arn=self.arn_of_machine, name=self.arn_of_machine.split(":")[6], sm_type=env.execution_type, definition=""
        )
        super().__init__(
            name=name,
            sm_type=env.execution_type,
            role_arn=details.role_arn,
            exec_arn=f"{self.arn_of_machine.replace(':stateMachine:', ':execution:')}:{name}",
            account_id=details.account,
            region_name=details.region,
            state_machine=machine,
            start_date=datetime.now(UTC),
            cloud_watch_logging_session=None,
            activity_store={},
            input_data=json.dumps(item),
        )
        self._program = program
        self.ended: SimpleQueue[Child] = SimpleQueue()

    @property
    def status(self) -> str:
        return str(self.exec_status.value) if self.exec_status else PENDING

    @property
    def kind(self) -> str:
        """Which of the result files tells of it; that of the failures has those that were stopped as well."""
        return self.status if self.status in (PENDING, SUCCEEDED) else FAILED

    def begin(self, ended: SimpleQueue[Child]) -> None:
        """Start it; it will put itself into a queue when it has ended."""
        roles.check_arn(self.role_arn, Ask("states:StartExecution", self.arn_of_machine.partition("/")[0]))
        self.ended, self.start_date = ended, datetime.now(UTC)
        self.start()

    def facts(self) -> dict[str, Any]:
        """What a result file tells of it: its input and output are JSON in a string."""
        asked: dict[str, Any] = {
            "Input": self.execution_input,
            "InputDetails": {"Included": True},
            "Status": self.status,
        }
        if self.status == PENDING:
            return asked
        told: dict[str, Any] = {"Error": self.error, "Cause": self.cause, "StopDate": _iso(self.stop_date)}
        if self.status == SUCCEEDED:
            told |= {"Output": json.dumps(self.output), "OutputDetails": {"Included": True}}
        return {
            **asked,
            **{key: value for key, value in told.items() if value is not None},
            "ExecutionArn": self.exec_arn,
            "Name": self.name,
            "RedriveCount": 0,
            "RedriveStatus": "NOT_REDRIVABLE" if self.status == SUCCEEDED else "REDRIVABLE",
            "StartDate": _iso(self.start_date),
            "StateMachineArn": self.arn_of_machine,
        }

    def _get_start_execution_worker(self) -> Any:
        worker: Any = super()._get_start_execution_worker()
        worker._get_evaluation_entrypoint = lambda: self._program
        return worker

    def _get_start_execution_worker_comm(self) -> BaseExecutionWorkerCommunication:
        return _Telling(self)


class _Telling(BaseExecutionWorkerCommunication):  # type: ignore[misc]
    """Puts a child that has ended where its map run waits for it."""

    def terminated(self) -> None:
        super().terminated()
        child: Any = self.execution
        child.ended.put(child)


def _iso(date: Any) -> str | None:
    return date.isoformat(timespec="milliseconds").replace("+00:00", "Z") if date else None


def _counts(original: Any) -> Any:
    """moto counts a child that failed as one that runs."""

    def describe(self: Any) -> Any:
        seen = Counter(child.status for child in CHILDREN.get(self.map_run_arn, ()))
        told = {name: seen[name.upper()] for name in ("aborted", "failed", "pending", "running", "succeeded")}
        told |= {"timedOut": seen["TIMED_OUT"], "total": seen.total(), "resultsWritten": 0}
        return original(self) | {"itemCounts": told, "executionCounts": told}

    return describe


def _child_too(original: Any) -> Any:
    """moto finds no execution in a map run."""

    def describe_execution(execution_arn: str) -> Any:
        return _child(execution_arn) or original(execution_arn)

    return describe_execution


def _stopped_child_too(original: Any) -> Any:
    """moto stops no execution in a map run."""

    def stop_execution(execution_arn: str) -> Any:
        if child := _child(execution_arn):
            child.stop(datetime.now(UTC), None, None)
        return child or original(execution_arn)

    return stop_execution


def _child(arn: str) -> Child | None:
    return next((child for run in CHILDREN.values() for child in run if child.exec_arn == arn), None)


def _listed_too(original: Any) -> Any:
    """moto lists the executions of a machine, but not those of a map run."""

    def list_executions(self: Any) -> Any:
        if not (arn := self._get_param("mapRunArn")):
            return original(self)
        wanted = self._get_param("statusFilter")
        begun = [child for child in CHILDREN.get(arn, ()) if child.exec_status and wanted in (None, child.status)]
        names = ("executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate")
        items: list[Any] = [child.to_execution_list_item() for child in reversed(begun)]
        return ActionResult(
            {"executions": [{name: item[name] for name in names if item[name]} | {"mapRunArn": arn} for item in items]}
        )

    return list_executions


def _once_begun(original: Any) -> Any:
    """moto fails while an execution has only just been started."""

    def list_map_runs(execution_arn: str) -> Any:
        begun = original.__self__.describe_execution(execution_arn).exec_worker.env
        return original(execution_arn) if begun else {"mapRuns": []}

    return list_map_runs
