"""`make e2e STACK=name` calls `python -m tests.e2e`; see docs/e2e.md."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import botocore.exceptions

from ops.stack import Stack, StackError
from sandbox.store import SandboxStore
from sandbox.story import DisprovedError, Story
from storekey.exports import RESOURCES

from . import reading, whole
from .deployed import Deployed
from .inbox import listening
from .secret import HarmError

_STOPS = (HarmError, StackError, botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError)

Deploy = Callable[[SandboxStore], None]


def main(arguments: Sequence[str] | None = None, deploy: Deploy | None = None) -> int:
    """Prove a stack, and return the exit status; ``deploy`` takes the place of the command that deploys it."""
    given = parser().parse_args(arguments)
    os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")  # the functions' log lines are not for this terminal
    story, status = Story(), 0
    try:
        if given.store:
            _whole(story, given, deploy or (lambda store: whole.deploy(given.deploy, given.stack, store)))
        else:
            _reading(story, given)
    except DisprovedError:
        status = 1
    except _STOPS as error:
        story.tell(f"stopped: {error}", "bold red")
        status = 1
    except KeyboardInterrupt:
        story.tell("stopped")
        status = 130
    story.close()
    return status


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    parser = argparse.ArgumentParser(prog="make e2e", description="Proves a stack that is deployed; see docs/e2e.md.")
    parser.add_argument("--stack", required=True, help="name of the stack")
    parser.add_argument("--resource", choices=RESOURCES, help="what is exported; the stack's first if left out")
    parser.add_argument("--patience", type=float, default=300.0, help="seconds that an alarm or an event may take")
    parser.add_argument("--store", choices=["sandbox"], help="the whole story, with a store on this machine")
    parser.add_argument("--deploy", default="tests/e2e/deploy.sh", help="command that deploys the stack for that store")
    parser.add_argument(
        "--webhook-ca", type=Path, help="PEM file of the CA of the webhooks' address, if it is not public"
    )
    return parser


def _reading(story: Story, given: argparse.Namespace) -> None:
    stack = Stack(given.stack)
    with listening(stack, bus=False) as inbox:
        reading.play(Deployed(story, stack, inbox, given.patience), given.resource)


def _whole(story: Story, given: argparse.Namespace, deploy: Deploy) -> None:
    whole.check_replaceable(given.stack)
    with SandboxStore(orders=250, customers=40, products=20) as store:
        store.page_cap = 50  # several pages of few rows
        deploy(store)
        if given.webhook_ca:
            store.trust(given.webhook_ca.read_text())
        stack = Stack(given.stack)
        with listening(stack, bus=True) as inbox:
            whole.play(Deployed(story, stack, inbox, given.patience), store)


if __name__ == "__main__":
    sys.exit(main())
