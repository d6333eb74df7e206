"""The main job, played on this machine: a token is stored, accepted, revoked, and replaced by the secret alone."""

from __future__ import annotations

import getpass
import json
import os
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import demo_exports, demo_status, demo_webhooks
from .alarms import Alarms
from .aws import Aws, Inbox, Stack
from .functions import Function, Invocation
from .store import BasicAccount, SandboxStore, TokenAccount, Window
from .story import DisprovedError, Story
from .template import Template

ROOT = Path(__file__).resolve().parent.parent
ALARM = "storekey-credentials-refused"


@dataclass
class Scene:
    """A deployed stack, two warm environments of somebody's own function beside it, and all that was ever logged."""

    story: Story
    stack: Stack
    check: Function
    promote: Function
    own: Function
    other: Function
    alarms: Alarms
    inbox: Inbox
    logs: list[str] = field(default_factory=list)

    def run(self, function: Function) -> Invocation:
        """Invoke a function, and let the alarms see what it wrote."""
        invocation = function.invoke({})
        self.logs.append(f"{invocation.logs}{json.dumps([invocation.result, invocation.error])}")
        self.alarms.read(invocation.logs)
        self.alarms.evaluate()
        return invocation

    def update_secret(self, fields: dict[str, Any], label: str = "AWSCURRENT") -> None:
        """Do what an operator does to rotate a token, at once or by a candidate."""
        client = self.stack.aws.client("secretsmanager")
        client.put_secret_value(SecretId=self.stack.secret_id, SecretString=json.dumps(fields), VersionStages=[label])

    @contextmanager
    def traffic(self) -> Iterator[list[Invocation]]:
        """Let the second environment call the store all the time."""
        calls: list[Invocation] = []
        ended = threading.Event()

        def call() -> None:
            while not ended.is_set() or not calls:
                calls.append(self.other.invoke({}))

        thread = threading.Thread(target=call)
        thread.start()
        yield calls
        ended.set()
        thread.join()
        self.logs += [each.logs for each in calls]

    def roll_back(self) -> None:
        """Put the live label back on the version before."""
        client = self.stack.aws.client("secretsmanager")
        stages = client.describe_secret(SecretId=self.stack.secret_id)["VersionIdsToStages"]
        bearers = {label: version for version, labels in stages.items() for label in labels}
        client.update_secret_version_stage(
            SecretId=self.stack.secret_id,
            VersionStage="AWSCURRENT",
            MoveToVersionId=bearers["AWSPREVIOUS"],
            RemoveFromVersionId=bearers["AWSCURRENT"],
        )

    def expect_promotion(self, result: str, claim: str) -> None:
        """Run the promotion, as the event of the staged version does; it must end so, and tell the topic."""
        with self.traffic() as calls:
            answer = self.run(self.promote).result or {"result": "no answer", "detail": ""}
        failed = [call.error for call in calls if call.error]
        self.story.prove(
            bool(calls) and not failed, "meanwhile no call fails", f"{len(calls)} calls, {len(failed)} failed"
        )
        self.story.prove(answer["result"] == result, claim, f"{answer['result']}: {answer['detail']}")
        for text in self.inbox.texts():
            self.story.quote(text)

    def expect_check(self, status: str, claim: str) -> Invocation:
        """Run the check, which must find this status."""
        invocation = self.run(self.check)
        answer = invocation.result or {"status": "no answer", "detail": str(invocation.error)}
        self.story.prove(answer["status"] == status, claim, f"{answer['status']}: {answer['detail']}")
        return invocation

    def expect_orders(self, claim: str, function: Function | None = None) -> Invocation:
        """Run the function of somebody's own, which must read ten orders."""
        invocation = self.run(function or self.own)
        orders = invocation.result if isinstance(invocation.result, list) else []
        seen = f"{len(orders)} orders, {orders[0]} to {orders[-1]}" if orders else str(invocation.error or "no orders")
        self.story.prove(bool(orders), claim, seen)
        return invocation

    def expect_alarm(self, state: str, claim: str) -> list[dict[str, Any]]:
        """Read the queue on the alarms' topic; the alarm on refused credentials must have this state."""
        told = [message for message in self.inbox.read() if message["AlarmName"] == ALARM]
        states = " -> ".join(message["NewStateValue"] for message in told) or "nothing"
        self.story.prove(self.alarms.states[ALARM] == state, claim, f"the queue on the topic got: {states}")
        return told


@contextmanager
def scene(story: Story, parameters: dict[str, Any]) -> Iterator[Scene]:
    """Deploy the template on AWS by moto, with its functions as Lambda would start them."""
    template = Template.load(ROOT / "template.yaml", parameters)
    # Step Functions' waits take a hundredth of their time.
    with Aws() as aws, closing(aws.deploy(template, time_scale=0.01)) as stack:
        own = replace(
            stack.configuration("CheckFunction", {}), name="recent_orders", code=ROOT / "sandbox/recent_orders"
        )
        with (
            stack.function("CheckFunction") as check,
            stack.function("PromoteFunction") as promote,
            Function(own) as first,
            Function(own) as second,
        ):
            yield Scene(story, stack, check, promote, first, second, stack.alarms(), stack.subscribe_queue())


def play(story: Story) -> None:
    """Play the whole story against the sandbox store."""
    with SandboxStore(orders=250) as store:
        store.quota = Window(limit=450)
        parameters = {"StoreName": "sandbox", "AllowedHosts": store.host, "StoreCaBundle": store.ca_pem}
        with scene(story, parameters) as on:
            story.tell(f"A store over TLS at {store.origin}, AWS by moto, and the stack of template.yaml on it.")
            old = _accepted(on, store)
            new = _refused(on, store, old)
            _mended(on, store, new)
            _unnoticed(on, store)
            token = _staged(on, store, new)
            last = demo_exports.play(on, store, token)
            on.logs.append(on.stack.logs("ExportFunction"))
            others, webhooks = demo_webhooks.play(on, store)
            demo_status.play(on, webhooks)
            _nothing_leaked(on, [old, new], [token, last, *others])


def _accepted(on: Scene, store: SandboxStore) -> BasicAccount:
    on.expect_check("missing", "an empty secret is told as missing, and rings no alarm")
    account = store.create_account("orders-export")
    on.update_secret(account.secret())
    on.story.tell("The owner made an API account; its path, user name and token are in the secret now.")
    on.expect_check("accepted", "the store accepts the credentials over verified TLS")
    on.expect_orders("a function of your own reads orders")
    on.expect_orders("and so does a second environment of it", on.other)
    on.expect_alarm("OK", "the alarm is at rest")
    return account


def _refused(on: Scene, store: SandboxStore, account: BasicAccount) -> BasicAccount:
    new = store.regenerate(account)
    store.clear_requests()
    on.story.tell("The owner presses Generate New Token and Save: the old token dies at that moment.")
    refused = on.run(on.own)
    statuses = [seen.status for seen in store.requests]
    kind = (refused.error or {}).get("errorType")
    on.story.prove(
        kind == "Unauthorized" and statuses == [401, 401],
        "the next call is refused after one re-read of the secret",
        f"{kind}, the store saw {statuses}",
    )
    for message in on.expect_alarm("ALARM", "the alarm rings within the minute"):
        on.story.quote(f"{message['NewStateValue']} {message['AlarmName']}: {message['AlarmDescription']}")
    on.run(on.own)
    on.story.prove(
        len(store.requests) == len(statuses),
        "the dead token is not tried again for 30 s",
        f"another invocation, {len(store.requests) - len(statuses)} more requests",
    )
    return new


def _mended(on: Scene, store: SandboxStore, new: BasicAccount) -> None:
    on.update_secret(new.secret())
    on.story.tell(
        "The secret is updated, and nothing else. CloudWatch looks once a minute: its clock is set one minute on."
    )
    on.alarms.skip(60)
    mended = on.expect_orders("the first call after the update succeeds")
    on.story.prove(not mended.cold, "without a deploy or a restart", "the same process answered")
    on.expect_alarm("OK", "the alarm clears by itself, on proof")


def _unnoticed(on: Scene, store: SandboxStore) -> None:
    store.clear_requests()
    on.story.tell("The second environment is warm too, and still holds the dead token.")
    on.expect_orders("a call with the old token is repeated with the new one, and not lost", on.other)
    statuses = [seen.status for seen in store.requests]
    on.story.prove(statuses == [401, 200], "that costs one refused request", f"the store saw {statuses}")
    on.story.prove(on.inbox.read() == [], "a healthy rotation pages nobody", "the queue on the topic got: nothing")


def _staged(on: Scene, store: SandboxStore, account: BasicAccount) -> TokenAccount:
    on.story.tell("The owner moves to a store-level token, and stages it as a candidate - mistyped at first.")
    token = store.create_token_account("orders-export")
    on.update_secret(token.secret() | {"access_token": "mistyped"}, "CANDIDATE")
    on.expect_promotion("rejected", "a wrong candidate is tested and rejected")
    on.expect_orders("and changes nothing")
    on.update_secret(token.secret(), "CANDIDATE")
    on.expect_promotion("promoted", "a good one is tested and becomes live")
    on.roll_back()
    back = on.expect_check("accepted", "the way back is one label")
    on.roll_back()
    forth = on.expect_check("accepted", "and so is the way forth")
    kinds = [invocation.result["kind"] for invocation in (back, forth)]
    on.story.prove(kinds == ["Basic", "token"], "each time the other account is live", " and ".join(kinds))
    store.delete(account)
    on.story.tell("The old account is deleted.")
    on.expect_orders("from Basic to a token by the secret alone, in a warm environment")
    on.expect_orders("and in the other one", on.other)
    return token


def _nothing_leaked(on: Scene, accounts: list[BasicAccount], tokens: list[TokenAccount]) -> None:
    secrets = [secret for token in tokens for secret in (token.access_token, token.client_secret)]
    secrets += [account.api_token for account in accounts]
    secrets += [b64encode(f"{one.username}:{one.api_token}".encode()).decode() for one in accounts]
    lines = "".join(on.logs).splitlines()
    found = [line for line in lines if any(secret in line for secret in secrets)]
    on.story.prove(
        bool(lines) and not found,
        "no token and no header is in what the functions printed, returned or raised",
        f"{len(lines)} lines searched for {len(secrets)} values, {len(found)} found",
    )


def visit(story: Story, api_path: str) -> None:
    """Play the steps that only read against a real store, with credentials that are asked for and kept in memory."""
    url = urlsplit(api_path)
    if url.scheme != "https" or not url.hostname or url.path.rstrip("/").rpartition("/")[2] not in ("v2", "v3"):
        raise SystemExit("make demo: STORE is the API path of the control panel, https://.../v2/ or https://.../v3/")
    fields = _ask(api_path)
    hosts = f"*.mybigcommerce.com,api.bigcommerce.com,{url.netloc.rpartition('@')[2]}"
    story.tell("The credentials stay in this machine's memory; nothing is written to disk.")
    with scene(story, {"AllowedHosts": hosts, "StoreCaBundle": os.environ.get("STORE_CA_BUNDLE", "")}) as on:
        on.update_secret(fields)
        on.expect_check("accepted", "the store answers over verified TLS and accepts the credentials")
        on.expect_orders("a function of your own reads orders")


def _ask(api_path: str) -> dict[str, str]:
    if urlsplit(api_path).path.startswith("/stores/"):
        return {"api_path": api_path, "access_token": getpass.getpass("Access token (not shown): ")}
    return {
        "api_path": api_path,
        "username": input("User name: "),
        "api_token": getpass.getpass("API token (not shown): "),
    }


def run(api_path: str | None) -> int:
    """Play the demo, against a real store where one is named; return the exit status."""
    story = Story()
    try:
        visit(story, api_path) if api_path else play(story)
    except DisprovedError:
        story.close()
        return 1
    except (EOFError, KeyboardInterrupt):
        print("\nstopped")
        return 130
    story.close()
    return 0
