"""The function ``receive_webhook``: proves a delivery, keeps it in the queue, and answers, all in milliseconds.

The account is found by our header first: what does not bear it costs one comparison. BigCommerce takes every answer but
2xx for a failure and delivers again, for two days; so what could not be kept is answered 503, and nothing is lost.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storekey._credentials import Problem
from storekey._invocation import invocation
from storekey._observability import logger
from storekey._secret import Secret
from storekey._settings import Settings
from storekey._signed import SQS, Signed

from . import _signature
from ._account import HEADER, Account
from ._accounts import Accounts
from ._delivery import Delivery, Refused, Unwanted, raw_body, read_delivery
from ._settings import WebhookSettings

OK, BAD_REQUEST, UNAUTHORIZED, UNAVAILABLE = 200, 400, 401, 503


class Unproven(Exception):
    """Nothing proves that a hook of ours sent this."""


@dataclass(frozen=True)
class Receiver:
    """What an environment keeps between two deliveries: the accounts, and the connection to the queue."""

    settings: WebhookSettings
    store_name: str
    accounts: Accounts
    queue: Queue

    def receive(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one delivery. One that bears our header is told of by the metric DeliveriesRefused, 0 or 1."""
        headers = _headers(event)
        try:
            account = self.accounts.bearing(headers.get(HEADER.lower(), ""))
        except Exception as error:  # noqa: BLE001 - whatever it is, the delivery must come again
            # Of a stranger's header nobody need be told: what bears ours was known before.
            return self._failed("the secret cannot be read", error, told=not self.accounts.are_known)
        if isinstance(account, Problem):
            if account.field != "header" and self.accounts.is_news():
                logger().warning("webhooks are off", extra={"store": self.store_name, "reason": str(account)})
            return _answer(UNAUTHORIZED)
        return self._genuine(event, headers, account)

    def _genuine(self, event: Mapping[str, Any], headers: Mapping[str, str], account: Account) -> dict[str, Any]:
        try:
            delivery = self._proven(event, headers, account)
        except Unproven as error:
            return self._refused(UNAUTHORIZED, str(error))
        except Unwanted as error:
            return self._refused(BAD_REQUEST, str(error), told=False)
        except Refused as error:
            return self._refused(BAD_REQUEST, str(error))
        try:
            self.queue.send(delivery)
        except Exception as error:  # noqa: BLE001 - whatever it is, the delivery must come again
            return self._failed("the queue does not take it", error)
        self._note(0.0)
        return _answer(OK)

    def _proven(self, event: Mapping[str, Any], headers: Mapping[str, str], account: Account) -> Delivery:
        if _method(event) != "POST":
            raise Refused("the method is not POST")
        body = raw_body(event)
        must_prove = _signature.is_signed(headers) or self.settings.require_signature
        if must_prove and (wrong := _signature.wrong(headers, body, account.secret, time.time())):
            raise Unproven(wrong)
        return read_delivery(body, self.accounts.producer(account), self.settings.scopes)

    def _refused(self, status: int, reason: str, *, told: bool = True) -> dict[str, Any]:
        logger().warning("delivery refused", extra={"store": self.store_name, "reason": reason, "status": status})
        if told:
            self._note(1.0)
        return _answer(status)

    def _failed(self, reason: str, error: Exception, *, told: bool = True) -> dict[str, Any]:
        kind = type(error).__name__
        logger().error("delivery not kept", extra={"store": self.store_name, "reason": reason, "error": kind})
        if told:
            self._note(1.0)
        return _answer(UNAVAILABLE)

    def _note(self, refused: float) -> None:
        with invocation() as running:
            running.count(self.store_name, "DeliveriesRefused", refused)


class Queue:
    """The queue behind the receiver. A message is the payload as ASCII JSON: SQS refuses some characters."""

    def __init__(self, url: str, signed: Signed) -> None:
        self._url = url
        self._signed = signed

    def send(self, delivery: Delivery) -> None:
        """Keep a delivery; what AWS refuses or cannot do is raised as botocore's errors.

        Sent again by boto3 where the first answer is not sure: a delivery that lies there twice is published once.
        """
        message = {"QueueUrl": self._url, "MessageBody": json.dumps(delivery.payload)}
        answer = self._signed.ask("SendMessage", message)
        if not (answer and answer.get("MessageId")):
            _client().send_message(**message)


@functools.cache
def _client() -> Any:
    import boto3  # noqa: PLC0415 - importing it takes longer than all the rest, and is seldom needed
    from botocore.config import Config  # noqa: PLC0415 - the same

    config = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})  # BigCommerce tries again
    return boto3.client("sqs", config=config)


@functools.cache
def _receiver(settings: Settings, webhooks: WebhookSettings) -> Receiver:
    secret = Secret(settings.secret_id, settings.allowed_hosts)
    accounts = Accounts(secret.live, secret.previous, settings.credentials_max_age)
    return Receiver(webhooks, settings.store_name, accounts, Queue(webhooks.queue, Signed(SQS)))


def receive(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer of receive_webhook: ``statusCode`` 200, 400, 401 or 503, and no body."""
    return _receiver(Settings.from_environment(), WebhookSettings.from_environment("WEBHOOK_QUEUE_URL")).receive(event)


def forget() -> None:
    """Drop what the environment has kept, as a cold start would; for tests."""
    _receiver.cache_clear()
    _client.cache_clear()


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    given = event.get("headers") or {}
    return {name.lower(): value for name, value in given.items() if isinstance(value, str)}


def _method(event: Mapping[str, Any]) -> str:
    http = (event.get("requestContext") or {}).get("http") or {}
    return str(http.get("method", ""))


def _answer(status: int) -> dict[str, Any]:
    return {"statusCode": status, "body": ""}
