"""Distributed Maps in moto's interpreter, played as Step Functions plays them.

moto runs the items inside their parent: they have its name, input and history, a failed one counts as done, a parent
that is stopped waits for them, and the result files stay empty. Here each is an execution of its own, begun by a map
run that minds its limits. Imported late, as this loads moto's grammar. tests/sandbox/test_maps.py shows each.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.api import HistoryEventType, MapRunStatus
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_map import state_map
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import distributed_iteration_component
from moto.stepfunctions.parser.asl.component.state.exec.state_map.result_writer import result_writer_decl

from .moto_children import CHILDREN, FAILED, PENDING, SUCCEEDED, Child
from .moto_states import client_of

# What Step Functions takes where a Map names no limit.
_UNLIMITED = 10_000
# A parent that is stopped is noticed after this at the latest.
_POLL_SECONDS = 0.02


def put_right(replace: Any) -> None:
    """Replace what is wrong with a Map: ``replace(owner, name, make)`` puts what make(original) returns there."""
    replace(distributed_iteration_component.DistributedIterationComponent, "_eval_body", _map_run)
    replace(state_map.StateMap, "_eval_execution", _failed_results)
    replace(result_writer_decl.ResultWriter, "_eval_body", _results)


def _map_run(_: Any) -> Any:
    """moto's map run knows no tolerance and no end but its own."""

    def evaluate(self: Any, env: Any) -> None:
        asked = env.stack.pop()
        record, program = asked.map_run_record, self._get_iteration_program()
        details = {"mapRunArn": record.map_run_arn}
        _note(env, HistoryEventType.MapRunStarted, mapRunStartedEventDetails=details)
        status = MapRunStatus.FAILED
        try:
            children = [Child(env, record, program, each) for each in _inputs(env, asked)]
            CHILDREN[record.map_run_arn] = children
            status = _played(env, record, children)
        finally:
            record.set_stop(status=status)
        if status is MapRunStatus.FAILED:
            cause = "The specified tolerated failure threshold was exceeded"
            failure = _failure(env, StatesErrorNameType.StatesExceedToleratedFailureThreshold, cause)
            _note(env, HistoryEventType.MapRunFailed, mapRunFailedEventDetails=_told(failure))
            raise failure
        if status is MapRunStatus.ABORTED:
            _note(env, HistoryEventType.MapRunAborted)
            raise _failure(env, StatesErrorNameType.StatesRuntime, "stopped", HistoryEventType.ExecutionFailed)
        _note(env, HistoryEventType.MapRunSucceeded)
        env.stack.append([child.output if child.kind == SUCCEEDED else child.facts() for child in children])

    return evaluate


def _inputs(env: Any, asked: Any) -> Iterator[Any]:
    """The inputs of the children; the context of an item is known to the ItemSelector alone."""
    for index, item in enumerate(asked.input_items):
        if not asked.item_selector:
            yield item
            continue
        frame = env.open_inner_frame()
        frame.states.context_object.context_object_data["Map"] = {"Item": {"Index": index, "Value": item}}
        frame.states.reset(input_value=env.stack[-1])
        frame.stack = [env.stack[-1]]
        asked.item_selector.eval(frame)
        env.delete_frame(frame)
        yield frame.stack[-1]


def _played(env: Any, record: Any, children: list[Child]) -> MapRunStatus:
    waiting, at_work, failed = deque(children), set[Child](), 0
    ended: SimpleQueue[Child] = SimpleQueue()
    try:
        while env.is_running() and (waiting or at_work) and _tolerates(record, failed, len(children)):
            while waiting and len(at_work) < (record.max_concurrency or _UNLIMITED):
                at_work.add(waiting[0])
                waiting.popleft().begin(ended)
            with suppress(Empty):
                child = ended.get(timeout=_POLL_SECONDS)
                at_work.remove(child)
                failed += child.kind == FAILED
    finally:
        for child in at_work:
            child.stop(datetime.now(UTC), None, None)
    if not env.is_running():
        return MapRunStatus.ABORTED
    return MapRunStatus.SUCCEEDED if _tolerates(record, failed, len(children)) else MapRunStatus.FAILED


def _tolerates(record: Any, failed: int, of: int) -> bool:
    """A definition has a number or a percentage, so that the other is 0."""
    return bool(failed <= record.tolerated_failure_count or 100 * failed <= record.tolerated_failure_percentage * of)


def _note(env: Any, kind: HistoryEventType, **details: Any) -> None:
    told: Any = details
    env.event_manager.add_event(context=env.event_history_context, event_type=kind, event_details=told or None)


def _failure(
    env: Any, error: StatesErrorNameType, cause: str, kind: HistoryEventType = HistoryEventType.MapRunFailed
) -> FailureEventException:
    details: Any = {"mapRunFailedEventDetails": {"error": error.to_name(), "cause": cause}}
    return FailureEventException(FailureEvent(env, StatesErrorName(typ=error), kind, details))


def _told(failure: FailureEventException) -> dict[str, Any]:
    return dict(zip(("error", "cause"), failure.extract_error_cause_pair() or (), strict=False))


def _failed_results(original: Any) -> Any:
    """A map run that failed has its results written as well; moto leaves them."""

    def evaluate(self: Any, env: Any) -> None:
        try:
            original(self, env)
        except FailureEventException as error:
            if self.result_writer and error.failure_event.event_type is HistoryEventType.MapRunFailed:
                env.stack.append([])
                self.result_writer.eval(env)
            raise

    return evaluate


def _results(_: Any) -> Any:
    """moto writes a manifest that names no file, and looks up what was asked in the results instead of the input."""

    def write(self: Any, env: Any) -> None:
        env.stack.pop()
        self.parargs.eval(env)
        parameters = env.stack.pop()
        arn = env.map_run_record_pool_manager.get_all()[-1].map_run_arn
        prefix = parameters.get("Prefix", "").rstrip("/")
        folder = f"{prefix}/{arn.split(':')[-1]}" if prefix else arn.split(":")[-1]
        try:
            s3 = client_of(env.aws_execution_details.role_arn, "s3")
            key = _written(s3, parameters["Bucket"], folder, arn)
        except ClientError as error:
            raise _failure(
                env, StatesErrorNameType.StatesResultWriterFailed, str(error), HistoryEventType.TaskFailed
            ) from error
        where = {"Bucket": parameters["Bucket"], "Key": key}
        env.stack.append({"MapRunArn": arn, "ResultWriterDetails": where})

    return write


def _written(s3: Any, bucket: str, folder: str, arn: str) -> str:
    """Write a file for each kind of child that there is, and what names them; return the key of the latter."""
    files = {}
    for kind in (FAILED, PENDING, SUCCEEDED):
        body = json.dumps([child.facts() for child in CHILDREN.get(arn, ()) if child.kind == kind]).encode()
        key = f"{folder}/{kind}_0.json"
        files[kind] = [{"Key": key, "Size": len(body)}] if body != b"[]" else []
        if files[kind]:
            s3.put_object(Bucket=bucket, Key=key, Body=body)
    manifest = {"DestinationBucket": bucket, "MapRunArn": arn, "ResultFiles": files}
    s3.put_object(Bucket=bucket, Key=f"{folder}/manifest.json", Body=json.dumps(manifest).encode())
    return f"{folder}/manifest.json"
