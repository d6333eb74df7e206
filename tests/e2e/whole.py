"""The whole story on a deployed stack: a store on this machine, whose accounts are made, revoked and replaced."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import boto3
import botocore.exceptions

from ops.stack import Stack, StackError
from sandbox.store import SandboxStore
from tests.support import secret_forms

from . import credentials, exports, rotation, webhooks
from .deployed import Deployed
from .owner import Owner
from .secrecy import nothing_leaked
from .secret import HarmError, check_of_sandbox, mark_live, put_back

ROOT = Path(__file__).parent.parent.parent


def play(on: Deployed, store: SandboxStore) -> None:
    """Play the whole story; the labels of the secret are put back at its end."""
    on.story.tell(f"The store {store.origin} on this machine, and the stack {on.stack.name} in {on.stack.region}.")
    check_deployed(on.stack, store)
    owner, deployed = Owner(on, store), on.changed()
    with put_back(on.stack.secret):
        mark_live(on.stack.secret)
        last = exports.play(owner, credentials.play(owner))
        rotation.play(on)
        if "SyncFunctionName" in on.stack.outputs:
            webhooks.play(owner, last)
        nothing_leaked(on, [form for account in owner.accounts for form in secret_forms(account.secret())])
        on.story.prove(on.changed() == deployed, "all that without a deploy", f"the last one was at {deployed}")


def deploy(command: str, name: str, store: SandboxStore) -> None:
    """Run a command that deploys the stack for the store. Raises StackError where it fails."""
    variables = {"STACK": name, "ALLOWED_HOSTS": store.host, "STORE_CA_BUNDLE": store.ca_pem}
    done = subprocess.run(command, shell=True, cwd=ROOT, env=os.environ | variables, check=False)
    if done.returncode:
        raise StackError(f"--deploy: {command} ended with {done.returncode}; see what it printed")


def check_replaceable(name: str) -> None:
    """Raise HarmError for a stack that serves a real store, and so may not be deployed for another one."""
    try:
        boto3.client("cloudformation").describe_stacks(StackName=name)
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return  # there is none yet
        raise
    check_of_sandbox(Stack(name).secret)


def check_deployed(stack: Stack, store: SandboxStore) -> None:
    """Raise HarmError unless the stack may talk to this store alone, and holds no other store's account."""
    allowed = stack.parameters.get("AllowedHosts")
    if allowed != store.host:
        raise HarmError(f"{stack.name} has AllowedHosts={allowed} and not {store.host}: it is another store's stack")
    check_of_sandbox(stack.secret)
