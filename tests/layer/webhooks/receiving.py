"""A receiver with its queue and its secret, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from storekey._cache import Version
from storekey.webhooks._accounts import Accounts
from storekey.webhooks._delivery import Delivery
from storekey.webhooks._scopes import Scopes
from storekey.webhooks._settings import WebhookSettings
from storekey.webhooks.receiver import Queue, Receiver

from .deliveries import PAYLOAD, secret, url_event, version, written

SCOPES = Scopes.parse("store/order/*,store/product/updated")
BODY = written(PAYLOAD)


class Kept(Queue):
    """A queue that keeps what it is sent, or refuses it."""

    def __init__(self) -> None:
        self.payloads: list[Any] = []
        self.error: Exception | None = None

    def send(self, delivery: Delivery) -> None:
        if self.error:
            raise self.error
        self.payloads.append(delivery.payload)


@dataclass
class Live:
    """A secret with a live version and one before it, and how often each was read."""

    current: Version | None = field(default_factory=lambda: version(secret("A")))
    before: Version | None = None
    readings: list[str] = field(default_factory=list)
    now: float = 1000.0

    def accounts(self) -> Accounts:
        return Accounts(self._live, self._previous, 300.0, clock=lambda: self.now)

    def _live(self) -> Version | None:
        self.readings.append("live")
        return self.current

    def _previous(self) -> Version | None:
        self.readings.append("previous")
        return self.before


@dataclass
class At:
    """A receiver with its queue and its secret."""

    live: Live
    queue: Kept
    receiver: Receiver

    def __call__(self, body: bytes | str, headers: dict[str, str], **how: Any) -> int:
        answer = self.receiver.receive(url_event(body, headers, **how))
        assert answer.keys() == {"statusCode", "body"}
        assert answer["body"] == ""
        status: int = answer["statusCode"]
        return status


def receiver(live: Live | None = None, *, require_signature: bool = False) -> At:
    live, queue = live or Live(), Kept()
    settings = WebhookSettings(SCOPES, queue="queue", require_signature=require_signature)
    return At(live, queue, Receiver(settings, "store", live.accounts(), queue))
