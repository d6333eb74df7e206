"""A function of somebody's own, from the command that makes it to its removal: all that README.md and its page say."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import storekey
from ops.new_function import NewFunction
from sandbox.aws import Aws, Stack
from sandbox.functions import Function, Invocation
from sandbox.store import Answer, Reset, SandboxStore
from sandbox.template import Template
from storekey import Store
from tests.pages import BIN, ROOT, as_operator, blocks_of, run
from tests.support import Secret, emf

PAGE = "docs/your-own-function.md"
SHELL, PYTHON, YAML = ([text for kind, text in blocks_of(PAGE) if kind == each] for each in ("sh", "python", "yaml"))
MAKE, MAKE_SCHEDULED, TRY, LOOK, REMOVE = SHELL
CALLS, WALK, CURSOR, LIMITED, IN_TIME, WRITE, MEASURE, ON_EVENT, FAULTS, TRY_IT = PYTHON
STATEMENT, VARIABLE, EVENT = YAML
COPIED = ("template.yaml", "docs", "functions", "layers", "ops", "sandbox", "tests", "pyproject.toml")
IMPORTS = """
import os
from collections import Counter
from typing import Any
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from storekey import RateLimited, Store, lambda_handler
logger = Logger(service="recent_orders")
"""


def with_the_pages_yaml(template: str) -> str:
    """A template in which the page's lines stand where the page says."""
    head, block = template.split("  RecentOrdersFunction:\n")
    code, policy = "      CodeUri: functions/recent_orders\n", "secretsmanager:VersionStage: AWSCURRENT}}\n"
    block = block.replace(code, code + VARIABLE + EVENT, 1).replace(policy, policy + STATEMENT, 1)
    assert all(each in block for each in YAML)
    return f"{head}  RecentOrdersFunction:\n{block}"


def removed(folder: Path) -> None:
    """Take away what somebody who has followed the page has in his clone already."""
    for name, stem in (("recent_orders", "RecentOrders"), ("late_orders", "LateOrders")):
        if (folder / "functions" / name).exists():
            run(REMOVE.replace("recent_orders", name).replace("RecentOrders", stem), folder)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of the project, with the two commands that `make` puts into its environment."""
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    if (cache := ROOT / ".mypy_cache").exists():
        shutil.copytree(cache, tmp_path / cache.name)  # what `make lint` knows of the same files already
    (commands := tmp_path / ".venv/bin").mkdir(parents=True)
    for name, arguments in (("python", ""), ("storekey", "-m ops ")):
        path = f"{tmp_path}:{tmp_path}/layers/storekey" if arguments else ""
        (commands / name).write_text(f'#!/bin/sh\nPYTHONPATH="{path}" exec "{BIN}/python" {arguments}"$@"\n')
        (commands / name).chmod(0o755)
    removed(tmp_path)
    return tmp_path


@pytest.fixture
def small_clone(tmp_path: Path) -> Path:
    """What the function needs, with the function in it."""
    for name in ("functions", "tests/functions"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "template.yaml", tmp_path)
    for name in ("layers", "sandbox"):
        (tmp_path / name).symlink_to(ROOT / name)
    removed(tmp_path)
    NewFunction("recent_orders").make(tmp_path)
    return tmp_path


@pytest.fixture
def stack(small_clone: Path, aws: Aws, sandbox_store: SandboxStore) -> Iterator[Stack]:
    """The function deployed with the page's additions, and with token credentials."""
    template = small_clone / "template.yaml"
    template.write_text(with_the_pages_yaml(template.read_text()))
    parameters = {"AllowedHosts": sandbox_store.host, "StoreCaBundle": sandbox_store.ca_pem}
    with closing(aws.deploy(Template.load(template, parameters))) as deployed:
        secret = json.dumps(sandbox_store.create_token_account("own").secret())
        aws.client("secretsmanager").put_secret_value(SecretId=deployed.secret_id, SecretString=secret)
        yield deployed


@pytest.fixture
def store(sandbox_store: SandboxStore) -> Iterator[Store]:
    secret = Secret(sandbox_store.host, sandbox_store.ca_pem)
    secret.put(sandbox_store.create_token_account("own").secret())
    with secret.store() as opened:
        yield opened


def executed(snippet: str, **names: Any) -> dict[str, Any]:
    """The names of a snippet that was run with everything that it may import."""
    given = {"datetime": datetime, "timedelta": timedelta, "UTC": UTC, "Any": Any, "Iterator": Iterator}
    known = {**vars(storekey), **given, **names}
    exec(compile(snippet, PAGE, "exec"), known)
    return known


def test_a_function_of_your_own_passes_its_test_and_the_projects_own(clone: Path) -> None:
    """Two of them, one as it was made, one with all that the page adds."""
    run(MAKE.splitlines()[0], clone)
    run(MAKE_SCHEDULED, clone)
    template = clone / "template.yaml"
    template.write_text(with_the_pages_yaml(template.read_text()))
    (clone / "tests/functions/test_recent_orders_faults.py").write_text(f'"""What goes wrong."""\n\n{FAULTS}')
    run("cfn-lint template.yaml --append-rules cfn_lint_serverless.rules", clone)
    others = "tests/functions/test_recent_orders_faults.py tests/functions/test_late_orders.py tests/template"
    others += " tests/security/test_threat_model.py tests/docs/test_architecture.py"
    run(f"{MAKE.splitlines()[1]} {others} -k 'not view and not link'", clone)  # the views know nothing of functions
    run("ruff check --no-cache .", clone)
    for number, snippet in enumerate(PYTHON):
        (clone / f"snippet_{number}.py").write_text(snippet)
    run("ruff format --no-cache --check . && ruff check --no-cache --select E,W snippet_*.py", clone)
    made = "functions/recent_orders/app.py tests/functions/test_recent_orders.py tests/functions/test_late_orders.py"
    run(f"mypy {made}", clone)


def test_the_readme_shows_what_is_made_and_how() -> None:
    code = [text for kind, text in blocks_of("README.md") if kind == "python"]
    assert code == [(ROOT / "sandbox/recent_orders/app.py").read_text()]
    (commands,) = [text for kind, text in blocks_of("README.md") if "storekey new" in text]
    assert commands == f"{MAKE}make deploy\n", "tests/test_build.py runs the last"


def test_the_calls_of_the_page(store: Store, sandbox_store: SandboxStore) -> None:
    found = executed(CALLS, store=store)
    assert [order["id"] for order in found["newest"]] == sorted(sandbox_store.snapshot("orders"), reverse=True)[:10]
    assert found["order"] == found["newest"][0]
    assert isinstance(found["shipments"], list)
    assert [customer["id"] for customer in found["customers"]] == [found["order"]["customer_id"]]
    order = sandbox_store.add_order(status_id=11)["id"]
    assert order in executed(WALK, store=store)["changed"]


def test_a_walk_by_cursor_finds_every_customer(store: Store, sandbox_store: SandboxStore) -> None:
    sandbox_store.page_cap = 7
    rows = list(executed(CURSOR)["all_customers"](store))
    assert [row["id"] for row in rows] == sorted(sandbox_store.snapshot("customers"))
    assert len(sandbox_store.requests) == len(rows) // 7 + 2


def test_a_write_is_looked_for_before_it_is_given_up(store: Store, sandbox_store: SandboxStore) -> None:
    note, order = executed(WRITE)["note_packed"], sandbox_store.add_order(status_id=11)["id"]
    sandbox_store.fault(Reset("request"), path=f"orders/{order}")
    with pytest.raises(storekey.Unreachable):
        note(store, order)
    sandbox_store.fault(Reset("headers"), path=f"orders/{order}")
    note(store, order)
    assert sandbox_store.snapshot("orders")[order]["staff_notes"] == "packed"
    assert [seen.method for seen in sandbox_store.requests] == ["PUT", "GET", "PUT", "GET"]


@pytest.mark.parametrize("inclusive", [True, False])
def test_work_goes_on_where_it_stopped_in_time(inclusive: bool, stack: Stack, sandbox_store: SandboxStore) -> None:
    sandbox_store.inclusive = inclusive
    orders = sandbox_store.snapshot("orders")
    halfway = sorted(orders)[len(orders) // 2]
    with of_snippet(stack, IN_TIME) as function:
        stopped = answer(function.invoke({"after": halfway, "counts": {"Shipped": 1000}}, timeout=9))
        assert stopped == {"complete": False, "after": halfway, "counts": {"Shipped": 1000}}
        done = answer(function.invoke({**stopped, "counts": {}}, timeout=60))
    assert (done["complete"], done["after"]) == (True, max(orders))
    assert sum(done["counts"].values()) == sum(each > halfway for each in orders)


def test_a_spent_quota_is_an_answer_and_what_is_measured_is_written(stack: Stack, sandbox_store: SandboxStore) -> None:
    waiting = {sandbox_store.add_order(status_id=9)["id"]}
    waiting |= {each for each, order in sandbox_store.snapshot("orders").items() if order["status_id"] == 9}
    with of_snippet(stack, LIMITED) as function:
        sandbox_store.fault(Answer(429, headers={"X-Retry-After": "600"}))
        assert answer(function.invoke({"status_id": 9})) == {"wait_seconds": 600}
        assert answer(function.invoke({"status_id": 9})) == {"orders": sorted(waiting), "wait_seconds": 0}
    with of_snippet(stack, MEASURE) as function:
        invocation = function.invoke({})
    answer(invocation)
    (metric,) = [each for each in emf(invocation.logs) if "OrdersWaiting" in each]
    (described,) = metric["_aws"]["CloudWatchMetrics"]
    assert (described["Namespace"], described["Dimensions"]) == ("RecentOrders", [["store"]])
    assert (metric["OrdersWaiting"], metric["store"]) == ([len(waiting)], "store")
    (line,) = [json.loads(each) for each in invocation.logs.splitlines() if "orders wait" in each]
    assert (line["count"], line["oldest"]) == (len(waiting), min(waiting))


def of_snippet(stack: Stack, snippet: str) -> Function:
    """An environment of the function whose code is a snippet."""
    configuration = stack.configuration("RecentOrdersFunction", {})
    (configuration.code / "snippet.py").write_text(IMPORTS + snippet)
    return Function(replace(configuration, handler="snippet.handler"))


def answer(invocation: Invocation) -> Any:
    assert invocation.error is None, invocation.error
    return invocation.result


def test_an_order_of_the_store_starts_it(stack: Stack, aws: Aws, sandbox_store: SandboxStore) -> None:
    order = max(sandbox_store.snapshot("orders"))
    (shown,) = [json.loads(text)["detail"] for kind, text in blocks_of("docs/webhooks.md") if kind == "json"]
    payload = {"data": {"type": "order", "id": order}}
    configuration = stack.configuration("RecentOrdersFunction", {})
    assert configuration.variables["EXPORT_BUCKET"] == stack.outputs["ExportBucketName"]
    (configuration.code / "app.py").write_text(IMPORTS + ON_EVENT)
    for detail in (shown, {**shown, "payload": payload, "object": None, "too_large": True}, {**shown, "gone": True}):
        event = {"Source": "storekey.store", "DetailType": "store/order/created", "Detail": json.dumps(detail)}
        aws.buses.put(stack.outputs["EventBusName"], event)
        assert aws.buses.settle(20)
    logs = stack.logs("RecentOrdersFunction")
    assert [json.loads(line)["order"] for line in logs.splitlines() if "new order" in line] == [250, order]


def test_it_runs_here(small_clone: Path) -> None:
    (small_clone / "try_it.py").write_text(TRY_IT)
    *_, printed = run(TRY.replace(".venv/bin/", f"{BIN}/"), small_clone).splitlines()
    ids = json.loads(printed.strip())
    assert len(ids) == 10
    assert ids == sorted(ids, reverse=True)


def test_it_is_found_started_and_looked_at(stack: Stack, aws: Aws) -> None:
    """CloudFormation knows the function by the name under which the sandbox runs it."""
    name = stack.names["RecentOrdersFunction"]
    role = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    properties = {
        "FunctionName": name,
        "Handler": "app.handler",
        "Runtime": "python3.13",
        "Role": role,
        "Code": {"ZipFile": "#"},
    }
    template = {"Resources": {"RecentOrdersFunction": {"Type": "AWS::Lambda::Function", "Properties": properties}}}
    cloudformation = aws.client("cloudformation")
    cloudformation.delete_stack(StackName="storekey")
    cloudformation.create_stack(StackName="storekey", TemplateBody=json.dumps(template))
    logs, stream = aws.client("logs"), {"logGroupName": "/aws/lambda/storekey/recent_orders", "logStreamName": name}
    logs.create_log_group(logGroupName=stream["logGroupName"])
    logs.create_log_stream(**stream)
    logs.put_log_events(**stream, logEvents=[{"timestamp": int(time.time() * 1000), "message": "what it logged"}])
    said = run(LOOK, ROOT, **as_operator(aws))
    cloudformation.delete_stack(StackName="storekey")
    ids, end = json.JSONDecoder().raw_decode(said)
    assert len(ids) == 10
    assert '"StatusCode": 200' in said[end:]
    assert said.endswith("what it logged\n")


def test_it_is_gone_again(small_clone: Path) -> None:
    template, block = small_clone / "template.yaml", f"{NewFunction('recent_orders').block()}\n"
    made = template.read_text()
    assert made.count(block) == 1
    run(REMOVE, small_clone)
    assert template.read_text() == made.replace(block, "")
    assert not [path for path in small_clone.rglob("*") if "recent_orders" in path.name and "sandbox" not in path.parts]
    assert not (small_clone / "template.yaml.bak").exists()


def test_every_link_of_the_page_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / PAGE).read_text())
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
