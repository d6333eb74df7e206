"""Lambda's Invoke on AWS's endpoint, with boto3, as operators' tools, functions and state machines use it."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from sandbox.aws import Aws, Stack
from tests.sandbox.deploying import deploying, machine


@pytest.fixture(scope="module")
def running() -> Iterator[Aws]:
    with Aws() as aws:
        yield aws


@pytest.fixture
def stack(running: Aws, tmp_path: Path) -> Iterator[Stack]:
    deployed = deploying(running, tmp_path)(machine(Done={"Type": "Succeed"}))
    yield deployed
    deployed.close()


def payload(answer: Any) -> Any:
    return json.loads(answer["Payload"].read())


def test_a_function_answers_by_its_name_and_its_arn(running: Aws, stack: Stack) -> None:
    client, arn = running.client("lambda"), stack.names["Work.Arn"]
    names = [stack.names["Work"], arn, f"{arn}:$LATEST", arn.partition(":lambda:us-east-1:")[2]]
    for position, name in enumerate(names, 1):
        answer = client.invoke(FunctionName=name, Payload=json.dumps({"name": "ä"}))
        assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
        assert "FunctionError" not in answer
        seen = payload(answer)
        assert (seen["name"], seen["call"]) == ("ä", position), "one environment, and it stays warm"
    assert payload(client.invoke(FunctionName=names[0], Qualifier="$LATEST"))["call"] == 5, "without a payload too"
    assert stack.logs("Work").count('"saw"') == 5


def test_an_error_of_the_function_is_no_error_of_the_call(running: Aws, stack: Stack) -> None:
    event = json.dumps({"do": "fail", "kind": "Unauthorized", "says": "no"})
    answer = running.client("lambda").invoke(FunctionName=stack.names["Work"], Payload=event, LogType="Tail")
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    error = payload(answer)
    assert (error["errorType"], error["errorMessage"]) == ("Unauthorized", "no")
    assert "[ERROR] Unauthorized: no" in b64decode(answer["LogResult"]).decode()


def test_an_event_is_run_once_and_not_waited_for(running: Aws, stack: Stack, tmp_path: Path) -> None:
    event = {"do": "fail_until", "kind": "Unavailable", "file": str(tmp_path / "attempts"), "times": 9}
    answer = running.client("lambda").invoke(
        FunctionName=stack.names["Work"], InvocationType="Event", Payload=json.dumps(event)
    )
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    deadline = time.monotonic() + 10
    while "[ERROR]" not in stack.logs("Work") and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.2)
    assert (tmp_path / "attempts").read_text() == "x"


def test_a_dry_run_runs_nothing(running: Aws, stack: Stack) -> None:
    answer = running.client("lambda").invoke(FunctionName=stack.names["Work"], InvocationType="DryRun")
    assert answer["StatusCode"] == 204
    assert stack.pool("Work").environments == []


def test_invocations_at_the_same_time_run_at_the_same_time(running: Aws, stack: Stack) -> None:
    name, answers = stack.names["Work"], list[Any]()
    event = json.dumps({"do": "sleep", "seconds": 1})

    def invoke() -> None:
        answers.append(payload(running.client("lambda").invoke(FunctionName=name, Payload=event)))

    threads = [threading.Thread(target=invoke) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [{"slept": 1}] * 3
    assert len(stack.pool("Work").environments) == 3


def test_variables_and_time_out_of_the_shared_environments_can_be_set(running: Aws, stack: Stack) -> None:
    stack.pool("Work").timeout, stack.pool("Work").variables = 1.5, {"PACE": "slow"}
    event = json.dumps({"do": "variable", "name": "PACE"})
    assert payload(running.client("lambda").invoke(FunctionName=stack.names["Work"], Payload=event)) == "slow"
    event = json.dumps({"do": "sleep", "seconds": 60})
    error = payload(running.client("lambda").invoke(FunctionName=stack.names["Work"], Payload=event))
    assert error["errorType"] == "Sandbox.Timedout"


def test_what_lambda_refuses_is_refused(running: Aws, stack: Stack) -> None:
    client = running.client("lambda")
    with pytest.raises(ClientError, match="InvalidRequestContentException"):
        client.invoke(FunctionName=stack.names["Work"], Payload=b"{")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.invoke(FunctionName="nowhere")
    stack.close()
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.invoke(FunctionName=stack.names["Work"])


def test_functions_that_moto_knows_stay_motos(running: Aws, stack: Stack) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "")
    requests.post(f"{running.endpoint}/moto-api/config", json={"lambda": {"use_docker": False}}, timeout=5)
    role = running.client("iam").create_role(RoleName="motos", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    running.client("lambda").create_function(
        FunctionName="motos", Role=role, Handler="app.handler", Runtime="python3.13", Code={"ZipFile": code.getvalue()}
    )
    answer = running.client("lambda").invoke(FunctionName="motos", Payload=b'{"a": 1}')
    assert answer["StatusCode"] == 200
    requests.post(f"{running.endpoint}/moto-api/config", json={"lambda": {"use_docker": True}}, timeout=5)
