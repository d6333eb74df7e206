"""The demo's third part: events of the store start functions, each once, and a change of the account loses none."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .store import SandboxStore, TokenAccount
from .template import Template

if TYPE_CHECKING:
    from .demo import Scene
    from .stack import Stack

OWN = Path(__file__).parent / "order_created/template.yaml"
_PATIENCE = 20.0


@dataclass
class Webhooks:
    """A stack with webhooks on, and one of somebody's own that listens to its bus."""

    on: Scene
    store: SandboxStore
    stack: Stack
    own: Stack
    since: int

    def put(self, account: TokenAccount, label: str = "AWSCURRENT") -> None:
        """Store an account's credentials under a label."""
        client = self.stack.aws.client("secretsmanager")
        text = json.dumps(account.secret())
        client.put_secret_value(SecretId=self.stack.secret_id, SecretString=text, VersionStages=[label])

    def run(self, function: str) -> dict[str, Any]:
        """Run a function of the stack once."""
        return self.stack.pool(function).invoke({}).result or {}

    def order(self, tries: int = 1) -> int:
        """Let the store get an order, and wait until its event has done all that it does; return the order's id."""
        order: int = self.store.add_order(status_id=1)["id"]
        _wait(lambda: len(self.answers(order)) >= tries)
        feed = self.stack.feed("ProcessFunction")
        _wait(lambda: feed.left() == 0)
        self.stack.aws.buses.settle(_PATIENCE)
        return order

    def answers(self, order: int) -> list[int]:
        """What the receiver answered to the deliveries about an order."""
        about = (each for each in self.store.deliveries if each.payload["data"]["id"] == order)
        return [status for each in about for status in each.statuses]

    def events_about(self, order: int) -> int:
        """How many events about an order have been published."""
        return sum(event["detail"]["payload"]["data"]["id"] == order for event in self.stack.events()[self.since :])

    def started_for(self, order: int) -> int:
        """How often somebody's own function was started for an order."""
        return self.own.logs("OrderCreated").count(f"new order {order},")


def play(on: Scene, store: SandboxStore) -> tuple[list[TokenAccount], dict[str, Any]]:
    """Play the part; returns the accounts that were made, and the outputs of the stack."""
    first, second = (store.create_token_account(name) for name in ("webhooks", "webhooks-next"))
    with _scene(on, store) as at:
        at.put(first)
        _from_the_store_to_a_function(at)
        _promoted(at, first, second)
        on.logs += [at.stack.logs(name) for name in ("ReceiveFunction", "ProcessFunction", "SyncFunction")]
        outputs = at.stack.outputs
    return [first, second], outputs


@contextmanager
def _scene(on: Scene, store: SandboxStore) -> Iterator[Webhooks]:
    parameters = {
        "StoreName": "sandbox",
        "AllowedHosts": store.host,
        "StoreCaBundle": store.ca_pem,
        "WebhooksEnabled": "true",
        "WebhookScopes": "store/order/created",
    }
    aws = on.stack.aws
    with closing(aws.deploy(on.stack.template, "webhooks", parameters, time_scale=0.01)) as stack:
        listening = {"EventBusName": stack.outputs["EventBusName"], "StoreName": "sandbox"}
        with (
            closing(aws.deploy(Template.load(OWN, listening), "own")) as own,
            stack.feed("ProcessFunction").running(),
        ):
            store.trust(stack.url_ca_pem if stack.outputs["WebhookUrl"] else "")
            yield Webhooks(on, store, stack, own, len(stack.events()))


def _from_the_store_to_a_function(at: Webhooks) -> None:
    prove = at.on.story.prove
    at.on.story.tell("Webhooks are turned on in the stack. Another stack, of your own, listens to its bus.")
    synced = at.run("SyncFunction")
    prove(synced.get("created") == 1, "the wanted webhook is made at the store", f"{synced.get('detail')}")
    order = at.order()
    prove(at.started_for(order) == 1, "an order of the store starts a function of your own", f"order {order}")
    at.store.duplicates = 1.0
    order = at.order(tries=2)
    at.store.duplicates = 0.0
    delivered = len(at.answers(order))
    seen = f"delivered {delivered} times, {at.events_about(order)} event"
    prove((delivered, at.events_about(order)) == (2, 1), "an event that is delivered twice is published once", seen)
    at.store.hooks.disguise()
    order = at.order()
    seen = f"the receiver answered {at.answers(order)}, {at.events_about(order)} events"
    prove(
        (at.answers(order), at.events_about(order)) == ([401], 0),
        "a delivery without the stack's own header is refused",
        seen,
    )
    synced = at.run("SyncFunction")
    prove(synced.get("updated") == 1, "and the next sync puts the header right", f"{synced.get('detail')}")


def _promoted(at: Webhooks, first: TokenAccount, second: TokenAccount) -> None:
    prove, store = at.on.story.prove, at.store
    at.put(second, "CANDIDATE")
    answer = at.run("PromoteFunction")
    theirs = [hook for hook in store.hooks.all() if hook.client_id == second.client_id]
    prove(len(theirs) == 1, "a promotion makes the new account's webhook first", str(answer.get("detail")))
    store.delete(first)
    order = at.order()
    seen = f"order {order}, by webhook {store.deliveries[-1].hook_id}"
    prove(at.started_for(order) == 1, "the old account is deleted, and events go on", seen)


def _wait(what: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE
    while not what() and time.monotonic() < until:
        time.sleep(0.01)
