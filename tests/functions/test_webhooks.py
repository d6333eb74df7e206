"""Webhooks from the store to the bus, as they run deployed: hooks, deliveries over TLS, queue, events, functions."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sandbox.aws import Aws, Stack
from sandbox.store import SCOPES, Answer, SandboxStore, Slow, TokenAccount
from sandbox.template import Template
from tests import bursts
from tests.support import new_account, points

SCHEMA = json.loads(Path("docs/events.schema.json").read_text())
OWN_STACK = Path("sandbox/order_created/template.yaml")


@pytest.fixture
def store() -> Iterator[SandboxStore]:
    """A store of its own: faults and webhooks would meet other tests."""
    with SandboxStore(orders=300, customers=20, products=20) as running:
        running.delivery_scale = 0.001
        yield running


@pytest.fixture
def stack(aws: Aws, store: SandboxStore) -> Iterator[Stack]:
    with bursts.deployed(aws, store, time_scale=0.01) as running:
        assert running.outputs["WebhookUrl"]
        yield running


@pytest.fixture
def account(store: SandboxStore, put: Callable[..., str]) -> TokenAccount:
    """The account whose credentials are live."""
    made = store.create_token_account("first")
    put(made.secret())
    return made


def synced(stack: Stack, event: dict[str, Any] | None = None) -> dict[str, Any]:
    invocation = stack.pool("SyncFunction").invoke(event or {})
    assert invocation.error is None, invocation.error
    answer: dict[str, Any] = invocation.result
    return answer


def counts(answer: dict[str, Any]) -> list[int]:
    return [answer[name] for name in ("created", "updated", "deleted", "enabled")]


def published(stack: Stack, since: int = 0) -> list[dict[str, Any]]:
    """The events on the bus, each of which keeps to the schema."""
    return [valid(event) for event in stack.events()[since:]]


def valid(event: Any) -> Any:
    jsonschema.validate(event, SCHEMA)
    return event


def hashes(events: list[dict[str, Any]]) -> list[str]:
    return [event["detail"]["payload"]["hash"] for event in events]


@contextmanager
def processing(stack: Stack) -> Iterator[Callable[[], bool]]:
    """Run what takes messages out of the queue; gives what waits until it is empty."""
    feed = stack.feed("ProcessFunction")

    with feed.running():
        yield lambda: _comes_true(lambda: feed.left() == 0)


def _comes_true(what: Callable[[], bool]) -> bool:
    until = time.monotonic() + 30
    while not (true := what()) and time.monotonic() < until:
        time.sleep(0.01)
    return true


def test_an_order_of_the_store_starts_somebodys_function(
    aws: Aws, stack: Stack, store: SandboxStore, account: TokenAccount
) -> None:
    since = len(stack.events())
    assert counts(synced(stack)) == [3, 0, 0, 0]
    assert counts(synced(stack)) == [0, 0, 0, 0]
    own = Template.load(OWN_STACK, {"EventBusName": stack.outputs["EventBusName"], "StoreName": "wholesale"})
    with closing(aws.deploy(own, "own")) as listener, processing(stack) as emptied:
        order = store.add_order(status_id=1)
        store.change_product(3, name="renamed")
        store.remove_customer(7)
        assert store.settle()
        assert emptied()
        assert aws.buses.settle(20)
        assert f"new order {order['id']}, total" in listener.logs("OrderCreated")
    events = {event["detail-type"]: event["detail"] for event in published(stack, since)}
    assert events.keys() == {"store/order/created", "store/product/updated", "store/customer/deleted"}
    assert {event["source"] for event in stack.events()[since:]} == {"storekey.wholesale"}
    assert events["store/order/created"]["object"]["id"] == order["id"]
    assert events["store/product/updated"]["object"]["name"] == "renamed"
    assert events["store/customer/deleted"]["gone"] is True
    told = "".join(stack.logs(name) for name in ("ReceiveFunction", "ProcessFunction", "SyncFunction"))
    assert points(told, "DeliveriesRefused") == [0.0] * 3
    assert points(told, "EventsPublished") == [1.0] * 3
    assert points(told, "WebhooksOff") == [0.0, 0.0]
    hooks = store.hooks.all()
    secrets = [
        account.access_token,
        account.client_secret,
        *(next(iter((hook.headers or {}).values())) for hook in hooks),
    ]
    assert [secret for secret in secrets if secret in told + json.dumps(stack.events())] == []


def test_bursts_with_duplicates_and_a_store_in_trouble_lose_nothing(
    stack: Stack, store: SandboxStore, account: TokenAccount
) -> None:
    synced(stack)
    came = bursts.play(stack, store, [range(100, 115), range(115, 130)], duplicates=0.3, patience=20)
    assert len([valid(event) for event in came.events]) == len(came.sent) == 30
    assert (came.lost, came.repeated) == ([], []), "each change once"
    assert (came.waiting, came.dead) == (0, 0)
    assert came.statuses.keys() == {200}
    assert came.deliveries > 30, "some came twice"
    # The queue itself may give a message out twice.
    assert came.suppressed >= came.deliveries - 30


def test_an_event_is_forgotten_that_could_not_be_published_and_given_up_after_half_an_hour(
    stack: Stack, store: SandboxStore, account: TokenAccount
) -> None:
    synced(stack)
    store.fault(Answer(403), times=1, path="/orders/")
    change = store.change_order(100, staff_notes="once")
    assert change and store.settle()
    with processing(stack) as emptied:
        assert emptied(), "the first attempt fails, a later one does not"
    body = json.dumps({"scope": "store/order/created", "producer": "stores/another"})
    old = {"ApproximateReceiveCount": "9", "SentTimestamp": str(int((time.time() - 1900) * 1000))}
    record = {"messageId": "1", "receiptHandle": "none", "body": body, "attributes": old}
    answer = stack.pool("ProcessFunction").invoke({"Records": [record]})
    assert (answer.error, answer.result) == (None, {"batchItemFailures": []})
    letters = stack.aws.client("sqs").receive_message(QueueUrl=stack.outputs["WebhookDeadLetterQueueUrl"])["Messages"]
    assert [letter["Body"] for letter in letters] == [body]


def test_a_promotion_under_deliveries_makes_the_new_hooks_first_and_loses_nothing(
    stack: Stack, store: SandboxStore, account: TokenAccount, put: Callable[..., str]
) -> None:
    since, inbox, stop = len(stack.events()), stack.subscribe_queue(), threading.Event()
    synced(stack)
    second = store.create_token_account("second")

    def changes() -> None:
        number = 0
        while not stop.wait(0.1):
            store.change_order(100 + number % 300, staff_notes=str(number))
            number += 1

    def hooks_of(one: TokenAccount) -> list[bool]:
        return [hook.is_active for hook in store.hooks.all() if hook.client_id == one.client_id]

    changing = threading.Thread(target=changes)
    with processing(stack) as emptied:
        changing.start()
        put(second.secret(), "CANDIDATE")
        # The first request is the candidate's test.
        store.fault(Answer(200, {"data": [], "meta": {}}), times=1, path="/hooks")
        store.fault(Answer(403), times=None, path="/hooks")
        promote = stack.pool("PromoteFunction")
        answer = promote.invoke({}).result
        assert answer["result"] == "promoted"
        assert answer["detail"].startswith("live, but keep the old account: its webhooks are not there yet")
        assert inbox.texts() == [], "nobody is told that the old account may go"
        assert hooks_of(second) == []
        store.heal()
        answer = promote.invoke({}).result
        (told,) = inbox.texts()
        assert hooks_of(second) == [True] * 3
        assert "its webhooks are there (3); the old account may be deleted in ten minutes" in told
        before = store.deliveries
        assert _comes_true(lambda: all(delivery.done for delivery in before)), "the ten minutes"
        store.delete(account)
        assert hooks_of(account) == []
        number = len(store.deliveries)
        assert _comes_true(lambda: len(store.deliveries) > number + 3)
        stop.set()
        changing.join()
        assert store.settle(20)
        assert emptied()
    sent = {delivery.payload["hash"] for delivery in store.deliveries}
    got = hashes(published(stack, since))
    assert sent - set(got) == set()
    assert len(got) == len(set(got)), "both accounts' hooks deliver, and each event is published once"
    senders = {delivery.client_id for delivery in store.deliveries if delivery.statuses[-1:] == [200]}
    assert senders == {account.client_id, second.client_id}
    assert points(stack.logs("ReceiveFunction"), "DeliveriesRefused").count(1.0) == 0


@pytest.mark.parametrize("status", [408, 422])
def test_while_one_of_the_new_webhooks_is_refused_nobody_is_told_that_the_old_account_may_go(
    stack: Stack, store: SandboxStore, account: TokenAccount, put: Callable[..., str], status: int
) -> None:
    promote, inbox = stack.pool("PromoteFunction"), stack.subscribe_queue()
    put(store.create_token_account("second").secret(), "CANDIDATE")
    store.fault(Slow(), times=2, path="/hooks")  # the candidate's test, and the list
    store.fault(Answer(status, {"errors": {"scope": "is not to your liking"}}), path="/hooks")
    answer = promote.invoke({}).result
    assert (answer["result"], answer["detail"]) == (
        "promoted",
        "live, but keep the old account: its webhooks are not there yet: 2 of 3 wanted webhooks are there and active; "
        "the store refused store/order/*: if it goes on to, take that out of WebhookScopes",
    )
    assert inbox.texts() == []
    assert "its webhooks are there (3); the old account may" in promote.invoke({}).result["detail"]
    assert len(inbox.texts()) == 1


def test_a_candidate_that_could_have_no_webhooks_is_rejected_before_it_is_live(
    stack: Stack, store: SandboxStore, account: TokenAccount, put: Callable[..., str]
) -> None:
    promote = stack.pool("PromoteFunction")
    lacking = store.create_token_account("lacking", SCOPES - {"store_v2_information"}).secret()
    plain = {key: value for key, value in store.create_token_account("plain").secret().items() if "client" not in key}
    put(plain, "CANDIDATE")
    answer = promote.invoke({}).result
    assert (answer["result"], answer["detail"].partition(";")[0]) == (
        "rejected",
        "webhooks: client_id: is missing, and webhooks need it",
    )
    put(lacking, "CANDIDATE")
    assert promote.invoke({}).result["result"] == "rejected"


def test_with_basic_credentials_each_says_so_and_nothing_else_is_harmed(
    stack: Stack, store: SandboxStore, account: TokenAccount, put: Callable[..., str]
) -> None:
    synced(stack)
    store.emit("store/order/created", {"type": "order", "id": 100})
    assert store.settle()
    basic, inbox = new_account(store), stack.subscribe_queue()
    put(basic.secret(), "CANDIDATE")
    answer = stack.pool("PromoteFunction").invoke({}).result
    assert answer["result"] == "promoted"
    assert "its webhooks end with the old account" in inbox.texts()[0]
    answer = synced(stack)
    assert counts(answer) == [0, 0, 0, 0]
    assert answer["detail"] == "secret: holds a Basic account, and webhooks need a token account"
    assert points(stack.logs("SyncFunction"), "WebhooksOff") == [0.0, 1.0]
    batch = stack.feed("ProcessFunction").once()
    assert batch
    assert len(batch.result["batchItemFailures"]) == 1
    assert "webhooks need a token account" in batch.logs
    delivered = {"headers": store.hooks.all()[0].headers, "requestContext": {"http": {"method": "POST"}}, "body": "{}"}
    with stack.function("ReceiveFunction") as cold:
        received = cold.invoke(delivered)
    assert received.result["statusCode"] == 401
    assert "webhooks need a token account" in received.logs
    assert stack.pool("CheckFunction").invoke({}).result["status"] == "accepted"


def test_a_change_of_the_secret_or_the_stack_starts_a_sync(
    aws: Aws, stack: Stack, store: SandboxStore, account: TokenAccount
) -> None:
    arn = "arn:aws:cloudformation:us-east-1:123456789012:stack/storekey"
    done = {"status-details": {"status": "UPDATE_COMPLETE"}}
    for other in (f"{arn}-2/6c8f", f"{arn}2"):
        stack.put_event("aws.cloudformation", "CloudFormation Stack Status Change", {"stack-id": other, **done})
    stack.put_event(
        "aws.secretsmanager", "Secret Label Updated", {"labelUpdated": "AWSCURRENT"}, "arn:aws:secretsmanager:another"
    )
    assert aws.buses.settle(10)
    assert store.hooks.all() == []
    stack.put_event("aws.secretsmanager", "Secret Label Updated", {"labelUpdated": "AWSCURRENT"}, stack.secret_id)
    assert aws.buses.settle(20)
    assert len(store.hooks.all()) == 3
    for own in (f"{arn}/6c8f", arn):
        store.hooks.switch_off()
        stack.put_event("aws.cloudformation", "CloudFormation Stack Status Change", {"stack-id": own, **done})
        assert aws.buses.settle(20)
        assert all(hook.is_active for hook in store.hooks.all())


def test_a_sync_looks_enables_and_removes_when_it_is_asked_to(
    stack: Stack, store: SandboxStore, account: TokenAccount
) -> None:
    looked = synced(stack, {"action": "list"})
    assert (counts(looked), looked["hooks"]) == ([0, 0, 0, 0], [])
    assert store.hooks.all() == []
    synced(stack)
    store.hooks.switch_off()
    store.hooks.block("localhost", 60)
    (schedule,) = [each for each in stack.schedules() if each.target == "SyncFunction"]
    daily: Any = stack.fire(schedule)
    answer = daily.result
    assert counts(answer) == [0, 0, 0, 3]
    assert answer["blocked"] == ["localhost"]
    assert points(stack.logs("SyncFunction"), "WebhooksOff") == [0.0, 4.0]
    store.hooks.block("localhost", 0)
    for lose in (
        store.hooks.disguise,
        lambda: store.hooks.delete(store.hooks.all()[0]),
        lambda: synced(stack, {"action": "remove"}),
    ):
        lose()
        daily = stack.fire(schedule)
        assert sum(counts(daily.result)) in (1, 3)
        assert counts(synced(stack, {"action": "sync"})) == [0, 0, 0, 0]
    told = points(stack.logs("SyncFunction"), "WebhooksOff")[2:]
    assert told == [3.0, 0.0, 1.0, 0.0, 3.0, 0.0], "whoever took them away or made them others, events were missed"
    error = stack.pool("SyncFunction").invoke({"action": "delete"}).error
    assert error
    assert error["errorMessage"] == "action is 'delete'; it may be sync, list, remove, or be left out"
    assert counts(synced(stack, {"action": "remove"})) == [0, 0, 3, 0]
    assert store.hooks.all() == []


@pytest.mark.parametrize("secret", ["", "refused"])
def test_credentials_that_are_missing_or_refused_are_told_and_page_nobody_twice(
    stack: Stack, store: SandboxStore, put: Callable[..., str], secret: str
) -> None:
    if secret:
        gone = store.create_token_account("gone")
        put(gone.secret())
        store.delete(gone)
    answer = synced(stack)
    assert counts(answer) == [0, 0, 0, 0]
    assert answer["detail"]
    assert points(stack.logs("SyncFunction"), "WebhooksOff") == []


def test_a_store_that_is_down_is_asked_again_by_lambda_where_no_day_may_pass(
    stack: Stack, store: SandboxStore, account: TokenAccount
) -> None:
    store.fault(Answer(503), times=None, path="/hooks")
    assert synced(stack)["detail"].startswith("not now: ")
    for source in ("aws.secretsmanager", "aws.cloudformation", "aws.scheduler"):
        error = stack.pool("SyncFunction").invoke({"source": source}).error
        assert error
        assert error["errorType"] == "Unavailable"
    assert points(stack.logs("SyncFunction"), "WebhooksOff") == []
    store.heal()
    synced(stack)
    store.hooks.switch_off(store.hooks.all()[0].id)
    store.fault(Slow(), times=2, path="/hooks")  # the list and the change
    store.fault(Answer(503), times=None, path="/hooks")
    assert stack.pool("SyncFunction").invoke({"source": "aws.scheduler"}).error
    store.heal()
    assert counts(stack.pool("SyncFunction").invoke({"source": "aws.scheduler"}).result) == [0, 0, 0, 0]
    assert points(stack.logs("SyncFunction"), "WebhooksOff") == [0.0, 1.0, 0.0], "the next try finds it mended"
