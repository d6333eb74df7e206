"""Requests to AWS as IAM sees them: which action on which resource, with which condition keys.

Source: AWS's service authorization reference. A request that the table does not know is refused where a role sends it,
so a function that begins to call something else has it added here, and nothing is allowed by oversight.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

from .policies import Ask
from .resources import arn

_INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations/?")
_CREDENTIAL = re.compile(r"Credential=([^/,]+)/\d+/[^/]*/([^/]+)/aws4_request")
_BATCH = re.compile(r"Batch$")
# Headers of S3 that ask for more than the action that the method stands for.
_MORE_THAN_AN_OBJECT = ("HTTP_X_AMZ_COPY", "HTTP_X_AMZ_TAGGING", "HTTP_X_AMZ_ACL", "HTTP_X_AMZ_GRANT")
_BUCKET_AND_KEY = re.compile(r"/([^/]+)/(.+)")


def signer(environ: Mapping[str, Any]) -> tuple[str, str]:
    """Return the access key that signed a request, and the service that it signed for; empty where nothing did."""
    found = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    return (found[1], found[2]) if found else ("", "")


def body_of(environ: dict[str, Any]) -> bytes:
    """Read a request's body, and leave it there for who comes next."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def asks_of(environ: dict[str, Any]) -> list[Ask]:
    """Return what a request needs to be allowed. Raises LookupError for one that is not known."""
    _, service = signer(environ)
    if service not in _READERS:
        raise LookupError(f"nobody has said what {service} needs (sandbox/asks.py)")
    return list(_READERS[service](environ))


def _s3(environ: dict[str, Any]) -> Iterator[Ask]:
    found = _BUCKET_AND_KEY.fullmatch(unquote(environ["PATH_INFO"]))
    action = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject"}.get(environ["REQUEST_METHOD"])
    queries = set(parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)) - {"x-id"}
    others = {name for name in environ if name.startswith(_MORE_THAN_AN_OBJECT)}
    if not found or not action or queries or others:
        raise LookupError(f"nobody has said what {environ['REQUEST_METHOD']} {environ['PATH_INFO']} needs")
    yield Ask(f"s3:{action}", f"arn:aws:s3:::{found[1]}/{found[2]}")


def _lambda(environ: dict[str, Any]) -> Iterator[Ask]:
    found = _INVOKE.fullmatch(unquote(environ["PATH_INFO"]))
    if not found:
        raise LookupError(f"nobody has said what {environ['PATH_INFO']} needs")
    yield Ask("lambda:InvokeFunction", arn("lambda", f"function:{found[1].rpartition(':function:')[2]}"))


def _sns(environ: dict[str, Any]) -> Iterator[Ask]:
    asked = {name: values[0] for name, values in parse_qs(body_of(environ).decode()).items()}
    yield Ask(f"sns:{_BATCH.sub('', asked['Action'])}", asked["TopicArn"])


def _secretsmanager(operation: str, asked: Mapping[str, Any]) -> Iterator[Ask]:
    stage = {"secretsmanager:VersionStage": asked["VersionStage"]} if "VersionStage" in asked else {}
    yield Ask(f"secretsmanager:{operation}", asked["SecretId"], stage)


def _dynamodb(operation: str, asked: Mapping[str, Any]) -> Iterator[Ask]:
    table = asked["TableName"].rpartition("table/")[2]  # its name or its ARN
    index = f"/index/{asked['IndexName']}" if "IndexName" in asked else ""
    yield Ask(f"dynamodb:{operation}", arn("dynamodb", f"table/{table}{index}"))


def _sqs(operation: str, asked: Mapping[str, Any]) -> Iterator[Ask]:
    yield Ask(f"sqs:{_BATCH.sub('', operation)}", arn("sqs", asked["QueueUrl"].rpartition("/")[2]))


def _events(operation: str, asked: Mapping[str, Any]) -> Iterator[Ask]:
    for entry in asked["Entries"]:
        bus = entry.get("EventBusName", "default").rpartition("/")[2]
        context = {"events:source": entry["Source"], "events:detail-type": entry["DetailType"]}
        yield Ask(f"events:{operation}", arn("events", f"event-bus/{bus}"), context)


def _json(read: Callable[[str, Mapping[str, Any]], Iterator[Ask]]) -> Callable[[dict[str, Any]], Iterator[Ask]]:
    def asks(environ: dict[str, Any]) -> Iterator[Ask]:
        operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        try:
            yield from read(operation, json.loads(body_of(environ)))
        except KeyError as error:
            raise LookupError(f"nobody has said what {operation} without {error} needs") from None

    return asks


_READERS: Mapping[str, Callable[[dict[str, Any]], Iterator[Ask]]] = {
    "dynamodb": _json(_dynamodb),
    "events": _json(_events),
    "lambda": _lambda,
    "s3": _s3,
    "secretsmanager": _json(_secretsmanager),
    "sns": _sns,
    "sqs": _json(_sqs),
}
