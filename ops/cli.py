"""`storekey`: hand over, look at and take back a store's credentials.

Exit status: 0 done, 1 the store did not accept them or could not be asked, 2 wrong input (nothing was written), 3 AWS
or the stack is not as it must be, 4 staged but not live yet.
A secret is never taken from the command line, and never printed.
"""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import botocore.exceptions
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from storekey import (
    CANDIDATE,
    LIVE,
    AllowedHosts,
    LabelMovedError,
    Settings,
    StoreError,
    rehearsal,
    store_of,
    store_test,
)

from .sources import Given, InputError, from_file, from_prompts, from_text
from .stack import Stack, StackError

REFUSED, WRONG_INPUT, AWS_FAILED, NOT_LIVE = 1, 2, 3, 4
_ANY_STORE = "*.mybigcommerce.com,api.bigcommerce.com"

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
credentials = typer.Typer(no_args_is_help=True, help="Hand over, look at and take back the credentials.")
app.add_typer(credentials, name="credentials")


@dataclass
class Options:
    """What every command is told."""

    stack: str = "storekey"
    endpoint_url: str | None = None
    region: str | None = None
    as_json: bool = False

    def open(self) -> Stack:
        """Find the stack."""
        return Stack(self.stack, self.endpoint_url, self.region)


@app.callback()
def common(
    context: typer.Context,
    stack: Annotated[str, typer.Option(help="Name of the deployed stack.")] = "storekey",
    endpoint_url: Annotated[str | None, typer.Option(help="Another AWS endpoint, as AWS_ENDPOINT_URL.")] = None,
    region: Annotated[str | None, typer.Option(help="AWS region, as AWS_DEFAULT_REGION.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, for scripts.")] = False,
) -> None:
    """Hand over, look at and take back a store's credentials."""
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
            _answer(options, {"result": "live", "version": version, "detail": "the check runs at once"})
            return
        with Console(stderr=True).status("staged; waiting for the promotion"):
            outcome = stack.follow(version, timeout)
        _answer(options, asdict(outcome))
        if outcome.result != "promoted":
            raise typer.Exit(REFUSED if outcome.result == "rejected" else NOT_LIVE)


@credentials.command()
def status(context: typer.Context) -> None:
    """Show kind, user, host, version, age, labels and the last check of the credentials; never a token."""
    options: Options = context.obj
    with told(options):
        _answer(options, options.open().status())


@credentials.command()
def rollback(context: typer.Context) -> None:
    """Make the version before live again."""
    options: Options = context.obj
    with told(options):
        version, previous = options.open().roll_back()
        _answer(options, {"result": "rolled back", "version": version, "previous": previous})


@app.command()
def check(context: typer.Context) -> None:
    """Run the check, and tell whether the store accepts the live credentials."""
    options: Options = context.obj
    with told(options):
        answer = options.open().invoke("CheckFunctionName")
        _answer(options, answer)
        if answer.get("status") != "accepted":
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
        _answer(options, {"result": "accepted", "kind": given.credentials.kind, "orders": shown})


@contextmanager
def told(options: Options) -> Iterator[None]:
    """Turn what went wrong into one line and an exit status."""
    try:
        yield
    except (InputError, ValueError, EOFError) as error:
        _fail(options, str(error) or "input: ended early; answer all questions", WRONG_INPUT)
    except StoreError as error:
        _fail(options, str(error), REFUSED)
    except StackError as error:
        _fail(options, str(error), AWS_FAILED)
    except LabelMovedError:
        _fail(options, "the label was moved by somebody else meanwhile; look at credentials status", AWS_FAILED)
    except botocore.exceptions.ClientError as error:
        _fail(options, f"AWS: {error.operation_name} was refused ({error.response['Error']['Code']})", AWS_FAILED)
    except botocore.exceptions.BotoCoreError as error:
        _fail(options, f"AWS: cannot be asked ({type(error).__name__}); check credentials and network", AWS_FAILED)


def _fail(options: Options, line: str, code: int) -> None:
    line = " ".join(line.split())
    if options.as_json:
        print(json.dumps({"error": line}))
    else:
        print(f"storekey: {line}", file=sys.stderr)
    raise typer.Exit(code)


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


def _answer(options: Options, answer: dict[str, Any]) -> None:
    if options.as_json:
        print(json.dumps(answer))
        return
    table = Table(show_header=False, box=None)
    for name, value in answer.items():
        text = "\n".join("  ".join(map(str, row.values())) for row in value) if isinstance(value, list) else value
        text = ", ".join(f"{label} {version}" for label, version in value.items()) if isinstance(value, dict) else text
        table.add_row(name, Text("-" if text is None else str(text)))
    Console(highlight=False).print(table)
