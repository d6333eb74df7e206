"""`storekey hooks sync`, `list` and `remove`, as an operator runs them; the function's answers are its own reports."""

from __future__ import annotations

import json

import pytest

from ops.answers import Options
from ops.hooks import Webhooks
from sandbox.console import register_stack
from tests.ops.backfilling import Function, function
from tests.ops.hooking import BASIC, SCOPES, URL, Hooked, all_there, answered, hook, hooked, unavailable
from tests.ops.operator import Run

__all__ = ["function", "hooked"]

pytestmark = pytest.mark.usefixtures("hooked")
COMMANDS = ("sync", "list", "status", "redrive", "remove")


def words(text: str) -> str:
    return " ".join(text.split())


def test_a_sync_shows_what_it_did_and_how_the_hooks_stand(run: Run, function: Function) -> None:
    elsewhere = hook("store/cart/*", "https://warehouse.example/in?key=planted", active=False)
    function.answers = [answered(elsewhere, *map(hook, SCOPES), created=1, enabled=1)]
    result = run("hooks", "sync")
    assert result.exit_code == 0, result.output
    assert function.events == [{}]
    shown = words(result.stdout)
    rows = [line.split()[:4] for line in result.stdout.splitlines()[1:4]]
    assert rows == [[scope, "yes", "yes", "yes"] for scope in SCOPES] + [["store/cart/*", "no", "no", "no"]]
    assert "scope active ours wanted id destination" in shown
    assert f"{elsewhere.id} warehouse.example/in" in shown
    assert "result complete created 1 updated 0 enabled 1 deleted 0" in shown
    assert "2 of 2 wanted webhooks are there and active" in shown
    assert "planted" not in result.output


def test_a_scope_that_the_store_does_not_take_leaves_the_sync_incomplete(run: Run, function: Function) -> None:
    failed = [{"scope": SCOPES[1], "error": "POST hooks: the store rejected the request: [no such scope] (status 422)"}]
    given = answered(hook(SCOPES[0]), failed=failed, blocked=["abc.lambda-url.us-east-1.on.aws"])
    function.answers = [given, given]
    result = run("hooks", "sync")
    assert result.exit_code == 1
    shown = words(result.stdout)
    assert "result incomplete" in shown
    assert f"failed {SCOPES[1]} POST hooks: the store rejected the request: [no such scope] (status 422)" in shown
    assert f"missing {SCOPES[1]}" in shown
    assert "blocked abc.lambda-url.us-east-1.on.aws" in shown
    told = run("--json", "hooks", "sync")
    answer = json.loads(told.stdout)
    assert told.exit_code == 1
    assert (answer["result"], answer["failed"], answer["missing"]) == ("incomplete", failed, [SCOPES[1]])
    (one,) = answer["hooks"]
    assert (one["scope"], one["ours"], one["wanted"]) == (SCOPES[0], True, True)


@pytest.mark.parametrize("command", ["sync", "list"])
def test_credentials_that_can_have_no_hooks_are_told(run: Run, function: Function, command: str) -> None:
    function.answers = [answered(trouble=BASIC)]
    result = run("hooks", command)
    assert result.exit_code == 1
    assert BASIC in words(result.stdout)
    assert "no webhooks of this account" not in words(result.stdout), "nobody has looked"


def test_hooks_are_listed(run: Run, function: Function) -> None:
    function.answers = [all_there(), all_there(), answered()]
    result = run("hooks", "list")
    assert result.exit_code == 0, result.output
    assert f"url {URL} missing - blocked - detail 2 of 2 wanted webhooks are there" in words(result.stdout)
    told = json.loads(run("--json", "hooks", "list").stdout)
    assert sorted(told) == ["blocked", "detail", "hooks", "missing", "url"]
    assert [one["scope"] for one in told["hooks"]] == list(SCOPES)
    empty = words(run("hooks", "list").stdout)
    assert empty.startswith(f"no webhooks of this account url {URL} missing {', '.join(SCOPES)}")
    assert function.events == [{"action": "list"}] * 3


def test_removing_asks_first(run: Run, function: Function) -> None:
    function.answers = [all_there()]
    result = run("hooks", "remove", typed="n\n")
    assert result.exit_code == 0, result.output
    assert f"storekey: remove 2 webhooks that deliver to {URL}? [y/N]" in result.stderr
    assert "result kept" in words(result.stdout)
    function.answers = [all_there()]
    silent = run("hooks", "remove", typed="")
    assert silent.exit_code == 2
    assert "hooks remove: asks whether it is meant; answer y, or give --yes as well" in silent.stderr
    assert function.events == [{"action": "list"}] * 2


@pytest.mark.parametrize(("arguments", "typed"), [((), "y\n"), (("--yes",), None)])
def test_what_delivers_to_this_stack_is_removed(
    run: Run, function: Function, arguments: tuple[str, ...], typed: str | None
) -> None:
    function.answers = [all_there(), answered(hook("store/cart/*", "https://warehouse.example/in"), deleted=2)]
    result = run("hooks", "remove", *arguments, typed=typed)
    assert result.exit_code == 0, result.output
    assert function.events == [{"action": "list"}, {"action": "remove"}]
    shown = words(result.stdout)
    assert "result removed created 0 updated 0 enabled 0 deleted 2" in shown
    assert "next deploy with WebhooksEnabled=false now; the next sync would make them again" in shown


def test_what_stays_is_told(run: Run, function: Function) -> None:
    function.answers = [all_there(), answered(hook(), deleted=1)]
    result = run("--json", "hooks", "remove", "--yes")
    assert (result.exit_code, json.loads(result.stdout)["result"]) == (1, "incomplete")


def test_nothing_to_remove_and_nobody_to_remove_it(run: Run, function: Function) -> None:
    function.answers = [answered(hook("store/cart/*", "https://warehouse.example/in")), answered(trouble=BASIC)]
    nothing = run("--json", "hooks", "remove")
    assert (nothing.exit_code, json.loads(nothing.stdout)["result"]) == (0, "nothing to remove")
    nobody = run("hooks", "remove")
    assert (nobody.exit_code, nobody.stdout) == (1, "")
    assert nobody.stderr == f"storekey: nothing was removed: {BASIC}\n"
    assert function.events == [{"action": "list"}] * 2


@pytest.mark.parametrize("command", ["sync", "list", "remove"])
def test_a_store_that_cannot_be_asked_is_told(run: Run, function: Function, command: str) -> None:
    function.answers = [unavailable(), unavailable()]
    result = run("hooks", command)
    assert result.exit_code == 1
    told = words(result.stdout + result.stderr)
    assert "not now: GET hooks: the store is down (status 503, 3 attempts)" in told
    assert "no webhooks of this account" not in told
    answer = json.loads(run("--json", "hooks", command).stdout)
    assert not answer.get("missing"), "nobody has looked"


@pytest.mark.parametrize("command", ["sync", "list", "status", "remove"])
def test_a_function_that_fails_otherwise_is_a_fault_of_the_stack(run: Run, function: Function, command: str) -> None:
    function.answers = [{"errorType": "SettingsError", "errorMessage": "WEBHOOK_URL is not set"}]
    result = run("--json", "hooks", command)
    assert result.exit_code == 3
    assert json.loads(result.stdout) == {"error": "SyncFunctionName: failed (SettingsError); see its log"}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_stack_without_webhooks_says_how_to_turn_them_on(run: Run, hooked: Hooked, command: str) -> None:
    register_stack(
        hooked.aws, {"CredentialsSecretArn": hooked.outputs["CredentialsSecretArn"]}, {"StoreName": "retail"}
    )
    result = run("hooks", command)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == ("storekey: --stack: webhooks are off in storekey; deploy with WebhooksEnabled=true\n")


def test_trouble_is_told_apart_from_how_hooks_stand(function: Function) -> None:
    webhooks = Webhooks(Options().open())
    failed = [{"scope": SCOPES[0], "error": "refused"}]
    for given in (all_there(), answered(), answered(blocked=["a"]), answered(failed=failed)):
        function.answers = [given]
        assert not webhooks.call("list").trouble
    function.answers = [answered(trouble=BASIC)]
    assert webhooks.call("list").trouble == BASIC
