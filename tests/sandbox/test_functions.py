"""The runner: an environment lives, fails, times out and ends as one of Lambda's does."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.functions import Configuration, Function
from tests.support import until

CODE = """
import os, subprocess, sys, time
import shared

calls = 0

def handler(event, context):
    global calls
    calls += 1
    return globals()[event.get("do", "count")](event, context)

def count(event, context):
    return calls

def environment(event, context):
    return dict(os.environ)

def facts(event, context):
    return {"cwd": os.getcwd(), "path": sys.path, "shared": shared.__file__, "arn": context.invoked_function_arn,
            "name": context.function_name, "memory": context.memory_limit_in_mb, "id": context.aws_request_id,
            "remaining": context.get_remaining_time_in_millis()}

def speak(event, context):
    print("to the one, ä")
    print("to the other", file=sys.stderr)
    subprocess.run(["echo", "from a child"], check=True)
    os.write(2, b"raw")

def fail(event, context):
    raise shared.Refused("no entry")

def opaque(event, context):
    return object()

def leave(event, context):
    os._exit(3)

def sleep(event, context):
    print("going to sleep")
    child = subprocess.Popen(["sleep", "60"])
    with open(event["pids"], "w") as file:
        file.write(f"{os.getpid()} {child.pid}")
    time.sleep(60)
"""
Make = Callable[..., Function]


@pytest.fixture(params=["forked", "started"])
def make(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setattr("sandbox.processes.FORKS", request.param == "forked")
    (tmp_path / "code").mkdir()
    (tmp_path / "layer").mkdir()
    (tmp_path / "code" / "app.py").write_text(CODE)
    (tmp_path / "code" / "broken.py").write_text("import nowhere_to_be_found\n")
    (tmp_path / "layer" / "shared.py").write_text("class Refused(Exception):\n    pass\n")
    made: list[Function] = []

    def make(**changes: Any) -> Function:
        facts: dict[str, Any] = {
            "name": "work",
            "arn": "arn:work",
            "handler": "app.handler",
            "timeout": 20.0,
            "memory": 256,
        }
        folders = {"code": tmp_path / "code", "layers": [tmp_path / "layer"]}
        made.append(Function(Configuration(**(facts | folders | changes))))
        return made[-1]

    yield make
    for function in made:
        function.close()


def gone(pid: int) -> bool:
    """Wait a little for a process to end; one that nobody has reaped yet counts as ended."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
            if ") Z" in Path(f"/proc/{pid}/stat").read_text():
                return True
        except ProcessLookupError:
            return True
        except FileNotFoundError:  # a system without /proc, or the process has just gone
            pass
        time.sleep(0.02)
    return False


def test_an_environment_is_cold_once_and_keeps_its_state(make: Make) -> None:
    function, other = make(), make()
    answers = [function.invoke(), function.invoke({"do": "count"}), other.invoke()]
    assert [(answer.result, answer.cold) for answer in answers] == [(1, True), (2, False), (1, True)]
    function.close()
    assert function.invoke().cold


def test_the_handler_sees_code_layer_and_context(make: Make, tmp_path: Path) -> None:
    facts = make().invoke({"do": "facts"}, timeout=8).result
    assert facts["cwd"] == str(tmp_path / "code")
    assert facts["path"][:2] == [str(tmp_path / "code"), str(tmp_path / "layer")]
    assert not {str(Path.cwd()), str(Path(sys.modules["sandbox.functions"].__file__ or "").parent)} & {*facts["path"]}
    assert (facts["name"], facts["arn"], facts["memory"]) == ("work", "arn:work", "256")
    assert 6000 < facts["remaining"] <= 8000 and facts["id"]


def test_the_environment_is_lambdas_and_nothing_of_ours(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/ours")
    monkeypatch.setenv("AWS_PROFILE", "ours")
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    monkeypatch.setenv("COVERAGE_PROCESS_START", "/dev/null")
    variables = make(variables={"STORE_NAME": "shop"}).invoke({"do": "environment"}).result
    trace = variables.pop("_X_AMZN_TRACE_ID")
    assert trace.startswith("Root=1-")
    assert variables["STORE_NAME"] == "shop" and variables["_HANDLER"] == "app.handler"
    assert {*variables} - {"LC_CTYPE"} == {
        *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "_HANDLER"),
        *("LAMBDA_TASK_ROOT", "PATH", "PYTHONPATH", "HOME", "TMPDIR", "COVERAGE_PROCESS_START", "STORE_NAME"),
    }


def test_nothing_of_the_project_is_loaded_before_its_code(make: Make, tmp_path: Path) -> None:
    """Nor are its paths known, and what Python would read at its start is read."""
    (tmp_path / "layer" / "sitecustomize.py").write_text("import shared\nshared.customized = True\n")
    loaded = "import sys\nfound = [*sys.modules]\nimport shared\ndef handler(event, context):\n"
    (tmp_path / "code" / "app.py").write_text(loaded + "    return {'found': found, 'customized': shared.customized}\n")
    told = make().invoke().result
    assert told["customized"]
    assert not {"storekey", "sandbox", "functions", "tests"} & {name.partition(".")[0] for name in told["found"]}


def test_everything_printed_is_in_the_log_of_its_invocation(make: Make) -> None:
    function = make()
    assert function.invoke({"do": "speak"}).logs == "to the one, ä\nto the other\nfrom a child\nraw"
    assert function.invoke().logs == ""


def test_an_exception_is_reported_as_lambda_does_and_the_environment_stays(make: Make) -> None:
    function = make()
    failed = function.invoke({"do": "fail"})
    assert failed.result is None and failed.error is not None
    assert (failed.error["errorType"], failed.error["errorMessage"]) == ("Refused", "no entry")
    assert "in handler" in failed.error["stackTrace"][0] and "bootstrap" not in str(failed.error["stackTrace"])
    assert "[ERROR] Refused: no entry" in failed.logs
    assert (function.invoke().result, function.invoke().cold) == (2, False)


@pytest.mark.parametrize(
    ("handler", "event", "kind", "message"),
    [
        ("app.handler", {"do": "opaque"}, "Runtime.MarshalError", "not JSON serializable"),
        ("app.handler", {"do": "leave"}, "Runtime.ExitError", "status 3"),
        ("broken.handler", {}, "Runtime.ImportModuleError", "nowhere_to_be_found"),
        ("app.nothing", {}, "AttributeError", "nothing"),
    ],
)
def test_what_goes_wrong_around_a_handler(make: Make, handler: str, event: Any, kind: str, message: str) -> None:
    error = make(handler=handler).invoke(event).error or {}
    assert error["errorType"] == kind and message in error["errorMessage"]


def test_a_time_out_kills_and_the_next_invocation_is_cold(make: Make, tmp_path: Path) -> None:
    function = make()
    function.invoke()
    late = function.invoke({"do": "sleep", "pids": str(tmp_path / "pids")}, timeout=0.5)
    assert late.error is not None and late.error["errorMessage"].endswith("Task timed out after 0.50 seconds")
    assert late.logs == "going to sleep\n" and 0.5 <= late.seconds < 5
    assert all(gone(int(pid)) for pid in (tmp_path / "pids").read_text().split())
    recovered = function.invoke()
    assert (recovered.result, recovered.cold) == (1, True)


def test_an_environment_that_died_between_invocations_is_replaced(make: Make) -> None:
    function = make()
    function.invoke()
    assert function.pid is not None
    os.kill(function.pid, 9)
    assert (function.invoke().error or {})["errorType"] == "Runtime.ExitError"
    assert function.invoke().cold


def test_an_environment_at_work_can_be_ended_at_once(make: Make, tmp_path: Path) -> None:
    function, pids, errors = make(), tmp_path / "pids", list[Any]()
    thread = threading.Thread(target=lambda: errors.append(function.invoke({"do": "sleep", "pids": str(pids)}).error))
    thread.start()
    until(lambda: pids.exists() and " " in pids.read_text())
    function.kill()
    thread.join(5)
    assert [error["errorType"] for error in errors] == ["Runtime.ExitError"]
    assert all(gone(int(pid)) for pid in pids.read_text().split()) and function.invoke().cold


def test_environments_that_end_at_once_leave_room_for_others(make: Make) -> None:
    for _ in range(5):
        functions = [make() for _ in range(4)]
        assert [function.invoke().result for function in functions] == [1] * 4
        for pid in [function.pid for function in functions]:
            os.kill(pid or 0, 9)
        assert all(function.invoke().error for function in functions)
    assert make().invoke().result == 1


def test_two_environments_work_side_by_side_and_one_does_one_thing_at_a_time(make: Make) -> None:
    functions = [make(), make()]
    results: list[Any] = []
    threads = [
        threading.Thread(target=lambda function=function: results.append(function.invoke().result))
        for function in functions * 3
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [1, 1, 2, 2, 3, 3]


def test_nothing_is_left_running_after_close(make: Make) -> None:
    with make() as function:
        function.invoke()
        pid = function.pid
        assert pid is not None
    assert gone(pid) and function.pid is None


def test_nothing_is_left_running_when_the_parent_dies(make: Make, tmp_path: Path) -> None:
    make()
    script = f"""
import os, pathlib
from sandbox.functions import Configuration, Function
function = Function(Configuration("work", "arn", "app.handler", pathlib.Path({str(tmp_path / "code")!r}),
                                  [pathlib.Path({str(tmp_path / "layer")!r})]))
function.invoke()
print(function.pid, flush=True)
os._exit(0)
"""
    root = Path(__file__).parents[2]
    env = os.environ | {"TMPDIR": str(tmp_path)}  # it cannot clear up its temporary files
    command = [sys.executable, "-c", script]
    parent = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=True)
    assert gone(int(parent.stdout))


def test_coverage_is_measured_in_the_child(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "coverage.ini"
    settings.write_text(f"[run]\nparallel = true\ndata_file = {tmp_path / 'data'}\nsource = {tmp_path / 'code'}\n")
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    monkeypatch.setenv("COVERAGE_PROCESS_START", str(settings))
    with make() as function:
        function.invoke()
    assert list(tmp_path.glob("data.*"))
