"""Clients share what is the same for all of a service, and nothing that is their own."""

from __future__ import annotations

from typing import Any

import boto3.session
import pytest
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.config import Config
from botocore.exceptions import UnknownServiceError
from moto.core.botocore_stubber import MockRawResponse

from sandbox import clients

clients.share()


def client(service: str, **more: Any) -> Any:
    new: Any = boto3.session.Session("key", "secret", region_name="us-east-1").client
    return new(service, **more)


@pytest.mark.parametrize("service", ["dynamodb", "s3", "secretsmanager"])
def test_class_and_description_are_those_of_every_session(service: str) -> None:
    one, other = client(service), client(service)
    assert one is not other
    assert type(one) is type(other)
    assert one.meta.service_model is other.meta.service_model
    assert client("s3").upload_file, "boto3 adds it to the class"
    assert not hasattr(client("dynamodb"), "upload_file")


def test_region_endpoint_configuration_and_events_are_a_clients_own() -> None:
    asked: list[tuple[str, str]] = []

    def heard(name: str, **more: Any) -> Any:
        def answer(request: Any, **_: Any) -> AWSResponse:
            asked.append((name, request.url))
            headers: Any = HeadersDict()
            return AWSResponse(request.url, 200, headers, MockRawResponse(b"{}"))

        made = client("sqs", **more)
        made.meta.events.register("before-send", answer)
        made.list_queues()
        return made

    near = heard("near")
    far = heard("far", region_name="eu-west-1", config=Config(read_timeout=7))
    heard("here", endpoint_url="http://127.0.0.1:1")
    near.list_queues()
    there = ("near", "https://sqs.us-east-1.amazonaws.com/")
    assert asked == [there, ("far", "https://sqs.eu-west-1.amazonaws.com/"), ("here", "http://127.0.0.1:1/"), there]
    assert (near.meta.config.read_timeout, far.meta.config.read_timeout) == (60, 7)


def test_a_service_that_is_not_there_is_refused_each_time() -> None:
    for _ in range(2):
        with pytest.raises(UnknownServiceError):
            client("no-such-service")
