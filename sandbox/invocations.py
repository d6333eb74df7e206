"""What moto leaves undone at AWS's endpoint: roles, Lambda's Invoke, events that start functions, times of queues."""

from __future__ import annotations

import io
import json
import re
import threading
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote

from moto.secretsmanager.models import secretsmanager_backends
from werkzeug.wrappers import Request, Response

from . import deployed, roles
from .asks import body_of
from .buses import DEFAULT, Buses
from .functions import Invocation
from .pool import ClosedError, Pool
from .resources import ACCOUNT, REGION

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]
_INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations/?")
_CONDITIONAL = re.compile(r"/(dynamodb|s3)/aws4_request")
_RESPONSE_BYTES = 6 * 1024 * 1024
_LOG_BYTES = 4096


class Invocations:
    """A WSGI application in front of moto's, which runs no function without Docker.

    Requests to DynamoDB and S3 are answered one after another: moto looks at a write's condition and then writes, and
    another request may come in between.
    """

    def __init__(self, otherwise: WsgiApp, buses: Buses) -> None:
        self._otherwise = otherwise
        self._buses = buses
        self._one_by_one = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if refused := roles.refusal(environ):
            return refused(environ, start_response)
        found = _INVOKE.fullmatch(unquote(environ["PATH_INFO"]))
        pool = deployed.function(found[1]) if found and environ["REQUEST_METHOD"] == "POST" else None
        if pool:
            return _answer(pool, Request(environ))(environ, start_response)
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if target == "AWSEvents.PutEvents":
            return self._put_events(environ, start_response)
        if target == "secretsmanager.UpdateSecretVersionStage":
            return self._move_label(environ, start_response)
        if target.startswith("AmazonSQS.ChangeMessageVisibility"):
            _scale(environ)
        if _CONDITIONAL.search(environ.get("HTTP_AUTHORIZATION", "")):
            with self._one_by_one:
                return list(self._otherwise(environ, start_response))
        return self._otherwise(environ, start_response)

    def _move_label(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """moto forgets that the live version is another one, and a value that is put later would be live beside it."""
        asked = json.loads(body_of(environ))
        answer = list(self._otherwise(environ, start_response))
        secret: Any = secretsmanager_backends[ACCOUNT][REGION].secrets.get(asked["SecretId"])
        live = [name for name, version in secret.versions.items() if "AWSCURRENT" in version["version_stages"]]
        secret.set_default_version_id(live[0] if live else None)
        return answer

    def _put_events(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = body_of(environ)
        answer = list(self._otherwise(environ, start_response))
        results = json.loads(b"".join(answer)).get("Entries", [])
        for entry, result in zip(json.loads(body).get("Entries", []), results, strict=False):
            if "EventId" in result:
                bus = entry.get("EventBusName", DEFAULT)
                self._buses.put(bus.rpartition("/")[2], entry)
        return answer


def _scale(environ: dict[str, Any]) -> None:
    """Multiply the times of a request with the scale of the queue's stack."""
    asked = json.loads(body_of(environ))
    scale = deployed.queue_scale(asked["QueueUrl"])
    for entry in asked.get("Entries", [asked]):
        entry["VisibilityTimeout"] = int(entry["VisibilityTimeout"] * scale)
    body = json.dumps(asked).encode()
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))


def _answer(pool: Pool, request: Request) -> Response:
    try:
        event = json.loads(request.get_data() or b"{}")
    except ValueError:
        return _refusal("InvalidRequestContentException", "Could not parse request body into json")
    kind = request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
    if kind == "DryRun":
        return Response(status=204)
    if kind == "Event":
        # Once: the template's own retries of asynchronous invocations are not played here.
        threading.Thread(target=_invoke, args=(pool, event), daemon=True).start()
        return Response(status=202)
    invocation = _invoke(pool, event)
    if invocation is None:
        return _refusal("ServiceException", "the stack has been closed", status=500)
    return _result(invocation, tail=request.headers.get("X-Amz-Log-Type") == "Tail")


def _invoke(pool: Pool, event: Any) -> Invocation | None:
    try:
        return pool.invoke(event)
    except ClosedError:
        return None


def _result(invocation: Invocation, tail: bool) -> Response:
    error = invocation.error
    payload = json.dumps(error or invocation.result).encode()
    if len(payload) > _RESPONSE_BYTES:
        message = f"Response payload size exceeded maximum allowed payload size ({_RESPONSE_BYTES} bytes)."
        error = {"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}
        payload = json.dumps(error).encode()
    headers = {"X-Amzn-RequestId": str(uuid.uuid4()), "X-Amz-Executed-Version": "$LATEST"}
    if error:
        headers["X-Amz-Function-Error"] = "Unhandled"
    if tail:
        headers["X-Amz-Log-Result"] = b64encode(invocation.logs.encode()[-_LOG_BYTES:]).decode()
    return Response(payload, status=200, headers=headers, content_type="application/json")


def _refusal(kind: str, message: str, status: int = 400) -> Response:
    body = json.dumps({"Type": "User" if status < 500 else "Service", "message": message})
    return Response(body, status=status, headers={"X-Amzn-ErrorType": kind}, content_type="application/json")
