"""Bursts of deliveries through a deployed stack, from a store that is in trouble now and then: what came of them."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from sandbox.aws import Aws, Stack
from sandbox.functions import Invocation
from sandbox.store import Answer, SandboxStore
from sandbox.template import Template
from tests.support import points

_AGAIN = 0.1  # the share of deliveries that come twice, and of changes to what was changed just before
_FIRST_ORDER, _ORDERS, _BURST = 100, 300, 100
_TROUBLE = (
    (Answer(503), 3),
    (Answer(429, headers={"X-Rate-Limit-Time-Reset-Ms": "200"}), 2),
)


@dataclass(frozen=True)
class Outcome:
    """What was sent, and what came out: ``events`` are those on the bus, ``waiting`` and ``dead`` messages of queues.

    ``written`` is the last note that each order was given, ``receiver`` has the seconds of its warm invocations.
    """

    sent: Sequence[str]
    deliveries: int
    statuses: Mapping[int, int]
    events: Sequence[Mapping[str, Any]]
    suppressed: int
    waiting: int
    dead: int
    written: Mapping[int, str]
    receiver: Sequence[float] = field(repr=False)

    @property
    def published(self) -> Counter[str]:
        """How often each event was published, by its hash."""
        return Counter(event["detail"]["payload"]["hash"] for event in self.events)

    @property
    def lost(self) -> list[str]:
        """The events that were not published, and the orders whose last change no event holds."""
        events = [digest for digest in self.sent if not self.published[digest]]
        found = {(event["detail"]["object"]["id"], event["detail"]["object"]["staff_notes"]) for event in self.events}
        return [*events, *(f"order {order}" for order in self.written if (order, self.written[order]) not in found)]

    @property
    def repeated(self) -> list[str]:
        """The events that were published more than once."""
        return [digest for digest, times in self.published.items() if times > 1]


@contextmanager
def deployed(aws: Aws, store: SandboxStore, time_scale: float = 1.0) -> Iterator[Stack]:
    """A stack with webhooks on for a store, whose deliveries trust its address."""
    parameters = {
        "AllowedHosts": store.host,
        "StoreCaBundle": store.ca_pem,
        "StoreName": "wholesale",
        "WebhooksEnabled": "true",
    }
    with closing(aws.deploy(Template.load("template.yaml", parameters), time_scale=time_scale)) as stack:
        store.trust(stack.url_ca_pem)
        yield stack


def play(
    stack: Stack, store: SandboxStore, bursts: Iterable[Sequence[int]], duplicates: float, patience: float
) -> Outcome:
    """Change the orders of each burst one after another, in trouble, and wait until all has been worked on.

    ``duplicates`` is the share of deliveries that come twice, ``patience`` how many seconds a burst may take.
    """
    before, since = len(store.deliveries), len(stack.events())
    warm = _Warm(stack)
    told = {name: len(stack.logs(name)) for name in ("ReceiveFunction", "ProcessFunction")}
    store.duplicates = duplicates
    feed, written = stack.feed("ProcessFunction"), {}
    with feed.running():
        for number, burst in enumerate(bursts):
            for fault, times in _TROUBLE:
                store.fault(fault, times=times, path="/orders/")
            for place, order in enumerate(burst):
                written[order] = f"{number}.{place}"
                store.change_order(order, staff_notes=written[order])
            end = time.monotonic() + patience
            store.settle(patience)
            while feed.left() and time.monotonic() < end:
                time.sleep(0.05)
    letters = stack.outputs["WebhookDeadLetterQueueUrl"]
    attributes = stack.aws.client("sqs").get_queue_attributes(QueueUrl=letters, AttributeNames=["All"])["Attributes"]
    logs = {name: stack.logs(name)[length:] for name, length in told.items()}
    return Outcome(
        sent=list(dict.fromkeys(delivery.payload["hash"] for delivery in store.deliveries[before:])),
        deliveries=len(points(logs["ReceiveFunction"], "DeliveriesRefused")),
        statuses=Counter(status for delivery in store.deliveries[before:] for status in delivery.statuses),
        events=stack.events()[since:],
        suppressed=len(points(logs["ProcessFunction"], "EventsSuppressed")),
        waiting=feed.left(),
        dead=int(attributes["ApproximateNumberOfMessages"]),
        written=written,
        receiver=warm.seconds,
    )


def soak(deliveries: int, seed: int = 0) -> Outcome:
    """Play so many deliveries at the times that the template sets, in bursts of a hundred.

    An order may be changed twice in a second, when both events share a hash: only the object that is read tells them
    apart.
    """
    random = Random(seed)

    def orders(length: int) -> list[int]:
        several = [_FIRST_ORDER + random.randrange(_ORDERS) for _ in range(length)]
        return [several[place - 1] if place and random.random() < _AGAIN else one for place, one in enumerate(several)]

    lengths = [min(_BURST, deliveries - begun) for begun in range(0, deliveries, _BURST)]
    with SandboxStore(orders=_ORDERS) as store, Aws() as aws, deployed(aws, store) as stack:
        text = json.dumps(store.create_token_account("soak").secret())
        aws.client("secretsmanager").put_secret_value(SecretId=stack.secret_id, SecretString=text)
        stack.pool("SyncFunction").invoke({})
        return play(stack, store, map(orders, lengths), _AGAIN, patience=300)


class _Warm:
    """Notes the seconds of the receiver's warm invocations from now on."""

    def __init__(self, stack: Stack) -> None:
        self.seconds: list[float] = []
        self._pool = stack.pool("ReceiveFunction")
        self._invoke = self._pool.invoke
        setattr(self._pool, "invoke", self._timed)  # noqa: B010 - a method of this one alone

    def _timed(self, event: Any = None) -> Invocation:
        invocation = self._invoke(event)
        if not invocation.cold:
            self.seconds.append(invocation.seconds)
        return invocation
