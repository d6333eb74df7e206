"""People are in what is delivered and in an event's detail, and nowhere else, whatever the store answers."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from moto.secretsmanager.models import secretsmanager_backends

from sandbox.aws import Aws, Stack
from sandbox.functions import Invocation
from sandbox.store import Answer, SandboxStore
from sandbox.template import Template
from tests.layer.webhooks.deliveries import url_event
from tests.planted import PERSON, found, kept
from tests.support import points
from tests.test_secrecy import echoing

FUNCTIONS = ("CheckFunction", "PromoteFunction", "RotateFunction", "ReceiveFunction", "ProcessFunction", "SyncFunction")
Put = Callable[..., str]


@pytest.fixture
def store() -> Iterator[SandboxStore]:
    """A store of its own, in which everybody is the planted person."""
    with SandboxStore(orders=3, customers=3, products=1) as running:
        running.delivery_scale = 0.001
        running.change_orders(list(running.orders), billing_address=PERSON, **PERSON)
        for customer_id in running.customers:
            running.change_customer(customer_id, **PERSON)
        yield running


@pytest.fixture
def stack(aws: Aws, store: SandboxStore) -> Iterator[Stack]:
    parameters = {"AllowedHosts": store.host, "StoreCaBundle": store.ca_pem, "WebhooksEnabled": "true"}
    with closing(aws.deploy(Template.load("template.yaml", parameters), time_scale=0.01)) as deployed:
        assert deployed.outputs["WebhookUrl"]
        store.trust(deployed.url_ca_pem)
        for name in FUNCTIONS:
            deployed.pool(name).variables |= {"POWERTOOLS_LOG_LEVEL": "DEBUG", "AWS_LAMBDA_LOG_LEVEL": "DEBUG"}
        yield deployed


def rotation(stack: Stack) -> dict[str, str]:
    """The event of a rotation's third step, for a version that Secrets Manager has staged; no API can."""
    versions = secretsmanager_backends["123456789012"]["us-east-1"].secrets[stack.secret_id].versions
    live, token = next(each for each in versions.values() if "AWSCURRENT" in each["version_stages"]), str(uuid.uuid4())
    versions[token] = {**live, "version_stages": ["AWSPENDING"], "version_id": token}
    return {"Step": "testSecret", "SecretId": stack.secret_id, "ClientRequestToken": token}


def told(invocation: Invocation | None) -> str:
    assert invocation
    return json.dumps([invocation.result, invocation.error])


def published(stack: Stack, store: SandboxStore) -> None:
    """Let genuine deliveries that name the person come in and go out as events."""
    store.emit("store/order/created", {"type": "order", "id": 101, **PERSON})
    store.emit("store/customer/updated", {"type": "customer", "id": 2, "note": PERSON})
    assert store.settle()
    assert stack.feed("ProcessFunction").drain(20)


def refusals(stack: Stack, store: SandboxStore) -> Iterator[str]:
    """Deliver what names the person and is refused; what is answered."""
    ours = dict(store.hooks.all()[0].headers or {})
    body = json.dumps({"scope": PERSON["email"], "producer": PERSON["street_1"], "data": PERSON, "hash": "h"})
    tries: list[tuple[dict[str, str], str]] = [
        ({"X-Storekey-Key": PERSON["email"]}, body),
        (ours, body),
        (ours, body[:-1]),
        (ours | {"webhook-id": PERSON["email"], "webhook-timestamp": PERSON["phone"]}, body),
        (ours, body.replace(PERSON["email"], "store/order/created", 1)),
    ]
    for headers, text in tries:
        answer = stack.pool("ReceiveFunction").invoke(url_event(text, headers))
        assert answer.result["statusCode"] in (400, 401)
        yield told(answer)


def troubles(stack: Stack, store: SandboxStore, put: Put) -> Iterator[str]:
    """Have each function ask a store whose answers name the person; what it returns or raises."""
    for status in (200, 403, 404, 422):
        put(store.create_token_account(f"candidate {status}").secret(), "CANDIDATE")
        store.emit("store/order/updated", {"type": "order", "id": 102}, created_at=status)
        assert store.settle()
        store.fault(echoing(Answer(status, "ECHO"), "", json.dumps(PERSON)), times=None)
        yield told(stack.feed("ProcessFunction").once())
        events: dict[str, Any] = {name: {} for name in ("CheckFunction", "PromoteFunction", "SyncFunction")}
        for name, event in {**events, "RotateFunction": rotation(stack)}.items():
            yield told(stack.pool(name).invoke(event))
        store.heal()


def test_nobody_is_named_but_in_the_detail_of_an_event(stack: Stack, store: SandboxStore, put: Put) -> None:
    alarms, inbox, since = stack.alarms(), stack.subscribe_queue(), len(stack.events())
    put(store.create_token_account("first").secret())
    assert len(stack.pool("SyncFunction").invoke({}).result["hooks"]) == 3
    published(stack, store)
    shown = [*refusals(stack, store), *troubles(stack, store, put)]
    events = stack.events()[since:]
    logs = "".join(stack.logs(name) for name in FUNCTIONS)
    alarms.read(logs)
    shown += [logs, str(alarms.evaluate()), str(inbox.texts()), kept(stack)]
    shown += [json.dumps(event | {"detail": None}) for event in events]
    details = json.dumps([event["detail"] for event in events])
    assert {form for form in PERSON.values() if json.dumps(form)[1:-1] in details} == set(PERSON.values())
    assert points(logs, "DeliveriesRefused").count(1.0) == 2, "strangers and other stores ring nothing"
    silent = [kind for kind in ("Forbidden", "RequestRejected", "BadAnswer", "rejected") if kind not in "".join(shown)]
    assert silent == [], "little went wrong: the search would prove nothing"
    assert found(PERSON.values(), "\n".join(shown)) == []
