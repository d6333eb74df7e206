"""Every command and snippet of the README is run, as it stands there."""

from __future__ import annotations

import io
import json
import re
import time
import uuid
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests

from sandbox.aws import Aws, Stack
from sandbox.console import register_stack, show_alarm, show_points
from sandbox.metrics import Point
from sandbox.playground import TOLD
from sandbox.store import SandboxStore
from sandbox.template import Template
from storekey._credentials import Credentials, parse_secret
from storekey._hidden import Hidden
from storekey._hosts import AllowedHosts
from tests.pages import ROOT, as_operator, blocks_of, run
from tests.support import new_account

README = (ROOT / "README.md").read_text()


BLOCKS = blocks_of("README.md")


def blocks(language: str) -> list[str]:
    found = [text for kind, text in BLOCKS if kind == language]
    assert found
    return found


@pytest.fixture
def operator(aws: Aws, sandbox_store: SandboxStore, tmp_path: Path) -> Any:
    """A deployed stack, and a shell as an operator has it."""
    parameters = {"AllowedHosts": sandbox_store.host, "StoreCaBundle": sandbox_store.ca_pem}
    with closing(aws.deploy(Template.load(ROOT / "template.yaml", parameters))) as stack:
        outputs = {**stack.outputs, "CheckFunctionName": lambda_in(aws)}
        register_stack(aws, outputs, parameters)
        yield stack, lambda command: run(command, tmp_path, **as_operator(aws))


def lambda_in(aws: Aws) -> str:
    """Make a function for the command line to invoke; moto answers with the payload and runs nothing."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "")
    requests.post(f"{aws.endpoint}/moto-api/config", json={"lambda": {"use_docker": False}}, timeout=5)
    name = f"check-{uuid.uuid4().hex[:8]}"
    role = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    aws.client("lambda").create_function(
        FunctionName=name, Role=role, Handler="app.handler", Runtime="python3.13", Code={"ZipFile": code.getvalue()}
    )
    return name


def current(stack: Stack) -> dict[str, Any]:
    answer = stack.aws.client("secretsmanager").get_secret_value(SecretId=stack.secret_id, VersionStage="AWSCURRENT")
    fields: dict[str, Any] = json.loads(answer["SecretString"])
    return fields


def test_there_is_no_command_that_no_test_runs() -> None:
    try_it, play, status, deploy, store, stage, back, export, backfill, hooks, new, take_down = blocks("sh")
    assert try_it.split() == ["make", "demo", "make", "test"], "tests/sandbox/test_demo.py runs the first"
    assert "  " + play.strip().replace("\n", "\n  ") in TOLD.format(
        origin="", endpoint="", seconds=1, folder=".tools/sandbox"
    ), "tests/sandbox/test_playground.py plays it"
    assert deploy.startswith("make deploy ARGS="), "tests/test_build.py runs it"
    assert "put-secret-value" in store
    assert "CANDIDATE" in stage
    assert "AWSPREVIOUS" in back
    assert "storekey export" in export
    assert "storekey backfill" in backfill
    assert "storekey hooks" in hooks
    assert "storekey status" in status
    assert take_down.startswith("aws cloudformation delete-stack"), "test_the_commands_on_webhooks runs it"
    assert new.endswith("\nmake deploy\n"), "tests/test_new_function.py runs the rest"
    assert {kind for kind, _ in BLOCKS} == {"sh", "json", "python", "yaml", "text"}


def test_make_test_and_make_say_what_they_do() -> None:
    assert "pytest" in run("make -n test")
    targets = re.findall(r"^  make ([a-z0-9]+) ", run("make"), re.MULTILINE)
    named = set(re.findall(r"`make ([a-z0-9]+)", README))
    assert named <= set(targets)
    assert {"demo", "test", "build", "deploy"} <= set(targets)


@pytest.mark.parametrize("block", [text for kind, text in BLOCKS if kind == "json"])
def test_both_shapes_of_the_secret_are_taken(block: str) -> None:
    hosts = AllowedHosts.parse("*.mybigcommerce.com,api.bigcommerce.com")
    assert isinstance(parse_secret(Hidden(block), hosts), Credentials)


def test_storing_staging_and_going_back(operator: Any, sandbox_store: SandboxStore, tmp_path: Path) -> None:
    stack, shell = operator
    *_, store, stage, back, _, _, _, _, _ = blocks("sh")
    first, second = new_account(sandbox_store).secret(), new_account(sandbox_store).secret()
    (tmp_path / "credentials.json").write_text(json.dumps(first))
    shell(store)
    assert current(stack) == first
    (tmp_path / "credentials.json").write_text(json.dumps(second))
    shell(f'SECRET="{stack.secret_id}"\n{stage}')
    assert current(stack) == first
    with stack.function("PromoteFunction") as promote:
        assert promote.invoke({}).result["result"] == "promoted"
    assert current(stack) == second
    shell(f'SECRET="{stack.secret_id}"\n{back}')
    assert current(stack) == first
    assert not (tmp_path / "credentials.json").exists()


def test_the_ways_of_docs_rotate_md(operator: Any) -> None:
    stack, shell = operator
    outputs, stage, rotation, overwrite, back = (text for kind, text in blocks_of("docs/rotate.md") if kind == "sh")
    assert rotation.startswith("aws secretsmanager rotate-secret"), "moto's own rotation runs no function"
    *_, store, staged, gone_back, _, _, _, _, _ = blocks("sh")
    ways = (overwrite, stage, back)
    assert ways == ("".join(store.splitlines(keepends=True)[2:]), staged, gone_back), "run above, for both pages"
    secret, check = shell(f'{outputs}echo "$SECRET" "$CHECK"').split()
    assert secret == stack.secret_id
    assert check.startswith("check-")


def commands_of_both_pages(named: str) -> str:
    pages = (blocks_of(page) for page in ("README.md", "docs/exports.md"))
    first, second = (next(text for kind, text in found if kind == "sh" and named in text) for found in pages)
    assert first == second, "run once for both pages"
    return first.replace(".venv/bin/", "")


def test_exporting_looking_and_verifying(operator: Any, sandbox_store: SandboxStore, tmp_path: Path) -> None:
    stack, shell = operator
    secret = json.dumps(new_account(sandbox_store).secret())
    stack.aws.client("secretsmanager").put_secret_value(SecretId=stack.secret_id, SecretString=secret)
    export, runs, verify = commands_of_both_pages("storekey export").splitlines()
    shell(export)
    (run_id,) = re.findall(r"\d{8}T\d{6}Z-full", shell(runs))
    assert str(len(sandbox_store.orders)) in shell(re.sub(r"\S+-full", run_id, verify))
    for alarm in stack.alarms().alarms:
        show_alarm(stack.aws, alarm, "OK")
    store = {"store": stack.template.parameters["StoreName"]}
    show_points(stack.aws, [Point("Storekey", "ChecksFinished", store, "Count", 0.0, [1.0])], 0.0, time.time())
    (status,) = [text for kind, text in BLOCKS if kind == "sh" and "status --html" in text]
    assert "all well" in shell(status.replace(".venv/bin/", ""))
    assert (tmp_path / "status.html").read_text().startswith("<!doctype html>")


def test_a_backfill_and_what_it_would_take(operator: Any, sandbox_store: SandboxStore) -> None:
    stack, shell = operator
    secret = json.dumps(new_account(sandbox_store).secret())
    stack.aws.client("secretsmanager").put_secret_value(SecretId=stack.secret_id, SecretString=secret)
    dry_run, backfill = commands_of_both_pages("storekey backfill").splitlines()
    assert "nothing was written" in shell(dry_run)
    assert "-backfill" in shell(backfill)


@pytest.fixture
def with_webhooks(aws: Aws) -> Any:
    """A stack with webhooks, its store, and a shell as an operator has it."""
    with SandboxStore(orders=1, customers=1, products=1) as store:
        parameters = {"AllowedHosts": store.host, "StoreCaBundle": store.ca_pem, "WebhooksEnabled": "true"}
        with closing(aws.deploy(Template.load(ROOT / "template.yaml", parameters))) as stack:
            register_stack(aws, stack.outputs, parameters)
            secret = json.dumps(store.create_token_account("webhooks").secret())
            aws.client("secretsmanager").put_secret_value(SecretId=stack.secret_id, SecretString=secret)
            yield stack, store, lambda command: run(command.replace(".venv/bin/", ""), ROOT, **as_operator(aws))


def test_the_commands_on_webhooks(with_webhooks: Any) -> None:
    stack, store, shell = with_webhooks
    here = [text for kind, text in BLOCKS if kind == "sh" and "storekey hooks" in text]
    on, off, again = [text for kind, text in blocks_of("docs/webhooks.md") if kind == "sh"]
    assert len(here) == 1
    assert "store/order/*" in shell(here[0])
    assert set(here[0].splitlines()) <= set(on.splitlines())
    assert "store/order/*" in shell(on.splitlines()[1])
    shell(off)
    assert store.hooks.all() == []
    shell(blocks("sh")[-1])
    with pytest.raises(AssertionError, match="there is no stack storekey here"):
        shell("storekey status")
    queue = stack.outputs["WebhookDeadLetterQueueUrl"]
    stack.aws.client("sqs").send_message(QueueUrl=queue, MessageBody="{}")
    assert again == ".venv/bin/storekey hooks redrive\n", "moto moves no messages; tests/ops/ plays it"


def test_the_rule_and_the_event_of_the_documents_are_those_that_work() -> None:
    snippet = next(text for kind, text in BLOCKS if kind == "yaml" and "EventBusName" in text)
    assert snippet in (ROOT / "sandbox/order_created/template.yaml").read_text()
    (event,) = [json.loads(text) for kind, text in blocks_of("docs/webhooks.md") if kind == "json"]
    jsonschema.validate(event, json.loads((ROOT / "docs/events.schema.json").read_text()))


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
