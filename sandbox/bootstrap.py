"""Runs inside a child process as Lambda's runtime does: loads a handler once and answers invocations to the end.

Started as ``bootstrap.py app.handler FD``, where FD is a socket that carries one JSON object a line: first ``{}`` when
the handler is loaded, then an answer ``{"result"}`` or ``{"error"}`` for each invocation. The end of the stream ends
the process. Standard output and error belong to the function.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

Handler = Callable[[Any, Any], Any]
# The parent kills a function that is out of time; were the parent gone, this many seconds later the system does.
GRACE_SECONDS = 5


class Context:
    """What a handler may know about its invocation; the names are Lambda's."""

    def __init__(self, invocation: dict[str, Any]) -> None:
        self.aws_request_id: str = invocation["request_id"]
        self.invoked_function_arn: str = invocation["arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self.log_stream_name = f"{self.function_version}/{os.getpid()}"
        self.client_context = self.identity = None
        self._deadline: float = invocation["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the function is stopped, 0 when they are over."""
        return max(0, int((self._deadline - time.time()) * 1000))


def described(kind: str, error: BaseException, own_frames: int = 0) -> dict[str, Any]:
    """Describe an error as Lambda reports it, and log it as the runtime does."""
    stack = traceback.format_list(traceback.extract_tb(error.__traceback__)[own_frames:])
    print(f"[ERROR] {kind}: {error}\nTraceback (most recent call last):\n{''.join(stack)}", end="", flush=True)
    return {"error": {"errorType": kind, "errorMessage": str(error), "stackTrace": stack}}


def loaded(name: str) -> Handler:
    """Import a handler by its name ``module.function``."""
    module, _, function = name.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module.replace("/", ".")), function)
    return handler


def answer(handler: Handler, invocation: dict[str, Any]) -> str:
    """Run one invocation; whatever the handler raises is its answer."""
    os.environ["_X_AMZN_TRACE_ID"] = invocation["trace"]
    context = Context(invocation)
    signal.alarm(math.ceil(max(0.0, invocation["deadline"] - time.time())) + GRACE_SECONDS)
    try:
        result = handler(invocation["event"], context)
    except Exception as error:  # noqa: BLE001 - Lambda too reports any error and keeps the environment
        return json.dumps(described(type(error).__name__, error, own_frames=1))
    finally:
        signal.alarm(0)
    try:
        return json.dumps({"result": result})
    except (TypeError, ValueError) as error:
        return json.dumps(described("Runtime.MarshalError", error, own_frames=1))


def main(name: str, descriptor: str) -> int:
    """Serve invocations until the stream ends; returns the exit status."""
    channel = socket.socket(fileno=int(descriptor))
    channel.set_inheritable(False)
    with channel, channel.makefile("rw", encoding="utf-8", newline="\n") as stream:
        try:
            handler = loaded(name)
        except Exception as error:  # noqa: BLE001 - Lambda too reports any error of the module
            kind = "Runtime.ImportModuleError" if isinstance(error, ImportError) else type(error).__name__
            print(json.dumps(described(kind, error)), file=stream, flush=True)
            return 1
        print("{}", file=stream, flush=True)
        for line in stream:
            reply = answer(handler, json.loads(line))
            sys.stdout.flush()
            sys.stderr.flush()
            print(reply, file=stream, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
