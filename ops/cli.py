"""`storekey`: see how a stack is; hand over, look at and take back a store's credentials; run, list and verify its
exports and backfills; keep its webhooks; make a function of your own.

Exit status: 0 done, 1 the store did not accept the credentials or could not be asked, an export failed, what was
verified differs, or something is wrong with the stack or its webhooks, 2 wrong input (nothing was written or started),
3 AWS or the stack is not as it must be, 4 staged but not live yet, or started but not finished yet.
A secret is never taken from the command line, and never printed; neither is a row of an export.
"""

from __future__ import annotations

import getpass
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from storekey import CANDIDATE, LIVE, AllowedHosts, Settings, StoreError, rehearsal, store_of, store_test

from .answers import NOT_LIVE, REFUSED, Options, answer, told
from .backfill_commands import backfill
from .export_commands import export, runs, verify
from .hook_commands import hooks
from .new_command import new
from .sources import Given, from_file, from_prompts, from_text
from .status_command import status as stack_status

_ANY_STORE = "*.mybigcommerce.com,api.bigcommerce.com"

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
credentials = typer.Typer(no_args_is_help=True, help="Hand over, look at and take back the credentials.")
app.add_typer(credentials, name="credentials")
app.add_typer(hooks, name="hooks")
app.command("status")(stack_status)
for command in (export, backfill, runs, verify, new):
    app.command()(command)


@app.callback()
def common(
    context: typer.Context,
    stack: Annotated[str, typer.Option(help="Name of the deployed stack.")] = "storekey",
    endpoint_url: Annotated[str | None, typer.Option(help="Another AWS endpoint, as AWS_ENDPOINT_URL.")] = None,
    region: Annotated[str | None, typer.Option(help="AWS region, as AWS_DEFAULT_REGION.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, for scripts.")] = False,
) -> None:
    """Hand over, look at and take back a store's credentials; run, list and verify its exports; keep its webhooks."""
    os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")  # the functions' log lines are not for this terminal
    context.obj = Options(stack, endpoint_url, region, as_json)


@credentials.command("set")
def set_credentials(
    context: typer.Context,
    file: Annotated[
        str | None, typer.Option("--from-file", help="JSON, or the control panel's text file; - for standard input.")
    ] = None,
    no_test: Annotated[bool, typer.Option("--no-test", help="Do not ask the store first.")] = False,
    now: Annotated[bool, typer.Option("--now", help="Make them live at once, instead of staging a candidate.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to follow the promotion.")] = 180.0,
) -> None:
    """Store new credentials: checked, tested against the store, staged, and followed until they are live."""
    options: Options = context.obj
    with told(options):
        stack = options.open()
        given = _given(file, stack.hosts)
        if not no_test:
            _test(given, stack.settings, "nothing was written: ")
        version = stack.store(given.text, LIVE if now else CANDIDATE)
        if now:
            answer(options, {"result": "live", "version": version, "detail": "the check runs at once"})
            return
        with Console(stderr=True).status("staged; waiting for the promotion"):
            outcome = stack.follow(version, timeout)
        answer(options, asdict(outcome))
        if outcome.result not in ("promoted", "live"):
            raise typer.Exit(REFUSED if outcome.result == "rejected" else NOT_LIVE)


@credentials.command()
def status(context: typer.Context) -> None:
    """Show kind, user, host, version, age, labels and the last check of the credentials; never a token."""
    options: Options = context.obj
    with told(options):
        answer(options, options.open().status())


@credentials.command()
def rollback(context: typer.Context) -> None:
    """Make the version before live again."""
    options: Options = context.obj
    with told(options):
        version, previous = options.open().roll_back()
        answer(options, {"result": "rolled back", "version": version, "previous": previous})


@app.command()
def check(context: typer.Context) -> None:
    """Run the check, and tell whether the store accepts the live credentials."""
    options: Options = context.obj
    with told(options):
        checked = options.open().invoke("CheckFunctionName")
        answer(options, checked)
        if checked.get("status") != "accepted":
            raise typer.Exit(REFUSED)


@app.command("try")
def try_credentials(
    context: typer.Context,
    file: Annotated[
        str | None, typer.Option("--from-file", help="JSON, or the control panel's text file; - for standard input.")
    ] = None,
    hosts: Annotated[str, typer.Option(help="Hosts that the credentials may be sent to.")] = _ANY_STORE,
    ca_bundle: Annotated[str, typer.Option(help="PEM file that is trusted besides certifi's list.")] = "",
) -> None:
    """Ask a store whether it accepts credentials, and show its newest orders; without AWS, nothing is kept."""
    options: Options = context.obj
    with told(options):
        settings = Settings.from_environment(
            {"CREDENTIALS_SECRET_ARN": "none", "ALLOWED_HOSTS": hosts, "STORE_CA_BUNDLE": ca_bundle}
        )
        given = _given(file, settings.allowed_hosts)
        _test(given, settings)
        with rehearsal():
            orders = store_of(settings, given.credentials).get("orders", {"sort": "id:desc", "limit": 5})
        shown = [{name: order.get(name) for name in ("id", "date_created", "status")} for order in orders]
        answer(options, {"result": "accepted", "kind": given.credentials.kind, "orders": shown})


def _given(file: str | None, hosts: AllowedHosts) -> Given:
    if file == "-":
        return from_text(sys.stdin.buffer.read().decode("utf-8-sig", "replace"), hosts)
    if file:
        return from_file(Path(file), hosts)
    return from_prompts(_ask, hosts)


def _ask(question: str, hidden: bool) -> str:
    if hidden:
        return getpass.getpass(f"{question} (not shown): ")
    print(f"{question}: ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer:
        raise EOFError
    return answer.rstrip("\n")


def _test(given: Given, settings: Settings, consequence: str = "") -> None:
    verdict = store_test(settings)(given.credentials)
    if verdict:
        raise StoreError(f"{consequence}{verdict.detail}")
