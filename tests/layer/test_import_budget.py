"""What a cold start may import: measured beside ``import boto3`` in processes of the same run, and listed by name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sandbox.aws import Aws
from sandbox.functions import CREDENTIALS
from sandbox.store import SandboxStore
from tests.support import new_account

ROUNDS = 12
# The stack's own: what somebody adds may import what it needs.
FUNCTIONS = [
    "check_credentials",
    "export",
    "process_webhooks",
    "promote_credentials",
    "receive_webhook",
    "rotate_credentials",
    "sync_webhooks",
]
# For every function: what only calls to other services than the store need, and what only tests do.
TOO_MUCH = {"boto3", "s3transfer", "botocore.session", "botocore.client", "botocore.loaders", "botocore.hooks"} | {
    "aiohttp",
    "asyncio",
    "aws_xray_sdk",
    "multiprocessing",
    "pydantic",
    "sqlite3",
    "unittest",
    "yaml",
}
FOR_EXPORTS = {"msgspec", "storekey.exports"}
# Modules, and CPU seconds as a share of those that `import boto3` takes. The share is 0.9 (export: 1.05) without boto3
# and 1.3 (1.5) with it; what lies between is for noise.
BUDGETS = {"export": (470, 1.28), "process_webhooks": (700, 1.6)}
BUDGET = (430, 1.12)
# The queue waits for nobody: Powertools' idempotency brings boto3 with it, and both are needed for each event.
WITH_BOTO3 = {"process_webhooks"}

_IMPORT = """
import json, sys, time
before, began = set(sys.modules), time.process_time()
__import__(sys.argv[1])
taken = time.process_time() - began
print(json.dumps([taken, sorted(set(sys.modules) - before)]))
"""
_INVOKE = """
import app, gc, json, sys
class Context:
    aws_request_id = "r"
    get_remaining_time_in_millis = staticmethod(lambda: 30_000)
answers = [app.handler({}, Context())["status"] for _ in range(2)]
assert gc.isenabled()
print(json.dumps([answers, sorted(sys.modules)]))
"""


@dataclass
class Imported:
    """What importing took in CPU seconds, at best, and what it loaded."""

    seconds: float
    modules: set[str]


def run(script: str, module: str, folder: str = "", **environ: str) -> list[object]:
    """Run a script in a fresh process and return what it printed last."""
    path = os.pathsep.join([folder, "layers/storekey"])
    done = subprocess.run(
        [sys.executable, "-c", script, module],
        env={"PATH": os.defpath, "PYTHONPATH": path, **environ},
        stdout=subprocess.PIPE,
        check=True,
    )
    printed: list[object] = json.loads(done.stdout.splitlines()[-1])
    return printed


def measure(module: str, folder: str = "") -> Imported:
    seconds, modules = run(_IMPORT, module, folder)
    assert isinstance(seconds, float)
    assert isinstance(modules, list)
    return Imported(seconds, set(modules))


def _unwanted(function: str) -> set[str]:
    if function in WITH_BOTO3:
        return FOR_EXPORTS
    return TOO_MUCH if function == "export" else TOO_MUCH | FOR_EXPORTS


def test_each_function_keeps_its_import_budget() -> None:
    """What is over its budget is measured again, beside boto3 of the same seconds: a machine's speed comes and goes."""
    best: dict[str, float] = {}
    over = FUNCTIONS
    for _ in range(ROUNDS):
        boto3 = measure("boto3").seconds
        for name in over:
            found = measure("app", f"functions/{name}")
            assert not found.modules & _unwanted(name), name
            assert len(found.modules) <= BUDGETS.get(name, BUDGET)[0], name
            share = found.seconds / boto3
            best[name] = min(share, best.get(name, share))
        over = [name for name in over if best[name] > BUDGETS.get(name, BUDGET)[1]]
        if not over:
            break
    assert not over, best


def test_a_check_of_good_credentials_never_imports_boto3(aws: Aws, sandbox_store: SandboxStore, tmp_path: Path) -> None:
    fields = json.dumps(new_account(sandbox_store).secret())
    made = aws.client("secretsmanager").create_secret(Name="import-budget", SecretString=fields)
    (tmp_path / "ca.pem").write_text(sandbox_store.ca_pem)
    answers, modules = run(
        _INVOKE,
        "app",
        "functions/check_credentials",
        **CREDENTIALS,
        AWS_REGION="us-east-1",
        AWS_LAMBDA_FUNCTION_NAME="check",
        AWS_ENDPOINT_URL=aws.endpoint,
        CREDENTIALS_SECRET_ARN=made["ARN"],
        ALLOWED_HOSTS=sandbox_store.host,
        STORE_CA_BUNDLE=str(tmp_path / "ca.pem"),
        STORE_NAME="store",
    )
    assert answers == ["accepted", "accepted"]
    assert isinstance(modules, list)
    assert not set(modules) & TOO_MUCH
