"""The story's fourth part: an event of the store comes out of the bus, once, and a change of the account loses none."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

from ops.hooks import Webhooks
from sandbox.store import TokenAccount

from . import waiting
from .owner import Owner
from .waiting import wait_until

_CREATED = "store/order/created"


def play(owner: Owner, account: TokenAccount) -> None:
    """Play the part; ``account`` is the one that is live. The stack's webhooks are removed at the end."""
    on, store = owner.on, owner.store
    on.expect("the wanted webhooks are at the store", 0, "hooks", "sync")
    _expect_event(owner, "an order of the store comes out of the bus, with the order itself")
    store.duplicates = 1.0
    _expect_event(owner, "delivered twice, it is published once", tries=2)
    store.duplicates = 0.0
    store.hooks.disguise()
    _expect_refused(owner)
    on.expect("and the next sync puts the header right", 0, "hooks", "sync")
    owner.stage(new := owner.token(), "another account is staged and promoted")
    theirs = [hook.scope for hook in store.hooks.all() if hook.client_id == new.client_id]
    on.story.prove(bool(theirs), "its webhooks are made first", ", ".join(theirs), on.log_group("sync_webhooks"))
    store.delete(account)
    _expect_event(owner, "the old account is deleted, and events go on")
    wait_until(lambda: on.storekey("hooks", "sync").status + on.storekey("hooks", "status").status == 0, on.patience)
    on.expect("the webhooks are as they must be", 0, "hooks", "status")
    on.expect("and are removed again", 0, "hooks", "remove", "--yes")


def _expect_event(owner: Owner, claim: str, tries: int = 1) -> None:
    """Add an order; each of its deliveries is answered 200, and the bus brings one event."""
    on, order = owner.on, owner.store.add_order(status_id=1)["id"]
    came = wait_until(lambda: len(_answers(owner, order)) >= tries and _events(owner, order), on.patience)
    wait_until(lambda: not any(astuple(Webhooks(on.stack).backlog("WebhookQueueUrl"))), on.patience)
    waiting.pause()  # a second event would be on its way yet
    answers, events = _answers(owner, order), _events(owner, order)
    seen = f"order {order}: delivered {len(answers)} times, answered {answers}, {len(events)} event"
    right = came and answers == [200] * tries and [event["object"]["id"] for event in events] == [order]
    look = f"{on.log_group('receive_webhook')}, {on.log_group('process_webhooks')}, storekey hooks status"
    on.story.prove(right, claim, seen, look)


def _expect_refused(owner: Owner) -> None:
    on, order = owner.on, owner.store.add_order(status_id=1)["id"]
    wait_until(lambda: _answers(owner, order), on.patience)
    seen = f"order {order}: answered {_answers(owner, order)}, {len(_events(owner, order))} events"
    right = _answers(owner, order)[:1] == [401] and not _events(owner, order)
    on.story.prove(right, "a delivery without the stack's own header is refused", seen, on.log_group("receive_webhook"))


def _answers(owner: Owner, order: int) -> list[int]:
    """What the receiver answered to the deliveries about an order that was created."""
    about = (sent for sent in owner.store.deliveries if sent.payload["scope"] == _CREATED)
    return [status for sent in about if sent.payload["data"]["id"] == order for status in sent.statuses]


def _events(owner: Owner, order: int) -> list[dict[str, Any]]:
    found = owner.on.inbox.events(_CREATED)
    return [detail for detail in found if detail["payload"]["data"]["id"] == order]
