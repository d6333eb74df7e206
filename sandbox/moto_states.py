"""moto's interpreter of state machines, set right where it departs from Step Functions.

The interpreter (LocalStack's) is sound in most of what the project uses: order, paths, Retry, Catch, the context
object, the history. What differs from AWS, or ties it to a moto server of its own, is replaced here, for the rest of
the process, as moto keeps its state for the life of the process too. tests/sandbox/test_state_machines.py shows each.
"""

from __future__ import annotations

import logging
import sys
import time
import uuid
from collections.abc import Callable
from functools import cache, lru_cache, partial
from types import ModuleType, SimpleNamespace
from typing import Any

from . import deployed
from .template import PSEUDO_PARAMETERS

ALL, TERMINAL = "States.ALL", ("States.Runtime", "States.DataLimitExceeded")


@cache
def interpreter() -> Any:
    """Return moto's backend that runs state machines; its own setting would make it that of all of them.

    Replaces what is wrong first. Importing it takes half a second, so this is for templates with a state machine.
    """
    # Tasks of AWS Batch, which definitions.py refuses, would load all of EC2 for one name: half of what this takes.
    batch = ModuleType("moto.batch.utils")
    batch.__dict__["JobStatus"] = SimpleNamespace(SUCCEEDED="SUCCEEDED", FAILED="FAILED")
    spared = sys.modules.setdefault(batch.__name__, batch) is batch
    # Each is a module of moto's own, imported late because it loads the whole grammar.
    from moto.stepfunctions import responses  # noqa: PLC0415
    from moto.stepfunctions.parser.asl.component.common.error_name import error_equals_decl, error_name  # noqa: PLC0415
    from moto.stepfunctions.parser.asl.component.common.path import result_path  # noqa: PLC0415
    from moto.stepfunctions.parser.asl.component.common.retry import jitter_strategy_decl  # noqa: PLC0415
    from moto.stepfunctions.parser.asl.component.state.choice.comparison import comparison_variable  # noqa: PLC0415
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils  # noqa: PLC0415
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (  # noqa: PLC0415
        state_task_service_sns,
    )
    from moto.stepfunctions.parser.asl.component.state.fail import state_fail  # noqa: PLC0415
    from moto.stepfunctions.parser.asl.component.state.wait.wait_function import wait_function  # noqa: PLC0415
    from moto.stepfunctions.parser.asl.eval.environment import Environment  # noqa: PLC0415
    from moto.stepfunctions.parser.asl.parse import asl_parser, preprocessor  # noqa: PLC0415
    from moto.stepfunctions.parser.asl.utils import json_path  # noqa: PLC0415
    from moto.stepfunctions.parser.backend.execution import (  # noqa: PLC0415
        BaseExecutionWorkerCommunication,
        Execution,
    )
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends  # noqa: PLC0415

    from . import moto_children, moto_maps  # noqa: PLC0415

    if spared:
        del sys.modules[batch.__name__]
    # It logs every error that a definition is about to catch.
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
    backend = stepfunctions_parser_backends[PSEUDO_PARAMETERS["AWS::AccountId"]][PSEUDO_PARAMETERS["AWS::Region"]]
    _replace(responses.StepFunctionResponse, "stepfunction_backend", lambda usual: _chosen(backend, usual))
    for task in (lambda_eval_utils, state_task_service_sns):  # definitions.py refuses others
        _replace(task, "boto_client_for", _in_its_role)
    # Definitions are checked more strictly before they come here (definitions.py); this takes half of a stack's time.
    _replace(type(backend), "_validate_definition", lambda _: staticmethod(lambda definition: None))
    # An execution is short here, and most of its time would be grammar that was read before.
    _replace(asl_parser.AmazonStateLanguageParser, "parse", partial(_read_once, preprocessor.Preprocessor))
    _replace(json_path, "parse", cache)
    _replace(result_path, "parse", cache)
    _replace(backend, "start_execution", _named)
    _replace(Execution, "stop", _at_once)
    _replace(BaseExecutionWorkerCommunication, "_reflect_execution_status", _told_whole)
    _replace(Environment, "set_error", _unless_stopped)
    _replace(error_equals_decl.ErrorEqualsDecl, "_eval_body", _not_terminal)
    _replace(comparison_variable.ComparisonVariable, "_eval_body", _present)
    _replace(state_fail, "CustomErrorName", lambda _: error_name.ErrorName)
    _replace(jitter_strategy_decl.JitterStrategyDecl, "_eval_body", _interruptible)
    _replace(wait_function.WaitFunction, "_wait_interval", lambda _: _wait)
    moto_maps.put_right(_replace)
    moto_children.put_right(backend, _replace)
    return backend


def _replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    setattr(owner, name, make(getattr(owner, name)))


def _read_once(preprocessor: Any, original: Any) -> Any:
    """moto reads a definition anew for each execution; the components it makes of it are each execution's own."""

    @lru_cache(maxsize=64)
    def read(definition: str) -> Any:
        return original(definition)[1]

    def parse(definition: str) -> tuple[Any, Any]:
        return preprocessor().visit(read(definition)), read(definition)

    return staticmethod(parse)


def _told_whole(usual: Any) -> Any:
    """moto tells how an execution ended before what came of it, to who asks in between."""

    def reflect(worker: Any) -> None:
        execution, environment = worker.execution, worker.execution.exec_worker.env
        execution.output = environment.states.get_input()
        state = environment.program_state()
        if isinstance(error := getattr(state, "error", None), dict):
            execution.error, execution.cause = error.get("error"), error.get("cause")
        usual(worker)

    return reflect


def client_of(role: str, service: str) -> Any:
    """Return the client of a role (its ARN) to the AWS of this process."""
    return deployed.aws().client(service, role.rpartition("/")[2])


def _in_its_role(_: Any) -> Any:
    """moto's tasks call port 5000, and in nobody's role."""

    def boto_client_for(region: str, service: str, state_credentials: Any) -> Any:
        return client_of(state_credentials.role_arn, service)

    return boto_client_for


def _chosen(backend: Any, usual: Any) -> Any:
    """Requests about a machine that runs here, or an execution of one, go to the interpreter, others where they did."""

    def choose(response: Any) -> Any:
        asked = ("stateMachineArn", "executionArn", "mapRunArn")
        arn = next((arn for each in asked if (arn := response._get_param(each))), "")
        ours = {machine.name for machine in backend.state_machines}
        return backend if ours & {part.partition("/")[0] for part in arn.split(":")[6:7]} else usual.fget(response)

    return property(choose)


def _named(original: Any) -> Any:
    """moto calls every execution without a name None, and so refuses the second."""

    def start_execution(arn: str, name: str | None = None, *more: Any, **named: Any) -> Any:
        return original(arn, name or str(uuid.uuid4()), *more, **named)

    return start_execution


def _at_once(original: Any) -> Any:
    """moto tells of an end only when the function that was called has answered."""

    def stop(self: Any, stop_date: Any, error: str, cause: str) -> None:
        until = time.monotonic() + 5
        while not (self.exec_worker.env and self.exec_worker.env.program_state()) and time.monotonic() < until:
            time.sleep(0.01)  # it has only just been started, and would not hear
        original(self, stop_date, error, cause)
        if _stopped(self.exec_worker.env):
            self.exec_status, self.stop_date = type(self.exec_status)("ABORTED"), stop_date

    return stop


def _unless_stopped(original: Any) -> Any:
    """In moto an execution that was stopped fails when the function that it had called does."""

    def set_error(self: Any, error: Any) -> None:
        if not _stopped(self):
            original(self, error)

    return set_error


def _stopped(env: Any) -> bool:
    return type(env.program_state()).__name__ == "ProgramStopped"


def _not_terminal(original: Any) -> Any:
    """States.ALL does not match States.Runtime: a path that leads nowhere ends an execution, moto would catch it."""

    def match(self: Any, env: Any) -> None:
        names = [name.error_name for name in self.error_names]
        if names == [ALL] and env.stack[-1].error_name in TERMINAL:
            env.stack[-1] = False
        else:
            original(self, env)

    return match


def _present(original: Any) -> Any:
    """A Choice that compares what is not there fails with States.Runtime; moto takes it for unequal."""

    def compare(self: Any, env: Any) -> None:
        if self.comparison_function.operator_type.name != "IsPresent":
            self.variable.string_sampler.eval(env=env)  # raises where there is nothing
            env.stack.pop()
        original(self, env)

    return compare


def _interruptible(original: Any) -> Any:
    """moto sleeps before another attempt, whatever happens; this has the last word on how long that is."""

    def strategy(self: Any, env: Any) -> None:
        original(self, env)
        _wait(self, env, env.stack.pop())
        env.stack.append(0)

    return strategy


def _wait(_: Any, env: Any, wait_seconds: float) -> None:
    """moto's own never ends with fractions of a second."""
    until = time.monotonic() + wait_seconds * _scale(env)
    while env.is_running() and (left := until - time.monotonic()) > 0:
        env.program_state_event.wait(left)


def _scale(env: Any) -> float:
    machine = env.states.context_object.context_object_data["StateMachine"]["Id"]
    return deployed.time_scale(machine.partition("/")[0])  # what follows is the label of a map run
