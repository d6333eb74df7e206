"""What the commands share: what each is told, how it answers, and what became of it as an exit status."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import botocore.exceptions
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from storekey import LabelMovedError, StoreError

from .sources import InputError
from .stack import Stack, StackError

REFUSED, WRONG_INPUT, AWS_FAILED, NOT_LIVE = 1, 2, 3, 4
FAILED, DIFFERS, STILL_RUNNING = REFUSED, REFUSED, NOT_LIVE


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


@contextmanager
def told(options: Options) -> Iterator[None]:
    """Turn what went wrong into one line and an exit status."""
    try:
        yield
    except (InputError, ValueError, EOFError) as error:
        fail(options, str(error) or "input: ended early; answer all questions", WRONG_INPUT)
    except StoreError as error:
        fail(options, str(error), REFUSED)
    except StackError as error:
        fail(options, str(error), AWS_FAILED)
    except LabelMovedError:
        fail(options, "the label was moved by somebody else meanwhile; look at credentials status", AWS_FAILED)
    except botocore.exceptions.ClientError as error:
        fail(options, f"AWS: {error.operation_name} was refused ({error.response['Error']['Code']})", AWS_FAILED)
    except botocore.exceptions.BotoCoreError as error:
        fail(options, f"AWS: cannot be asked ({type(error).__name__}); check credentials and network", AWS_FAILED)


def fail(options: Options, line: str, code: int) -> NoReturn:
    """Say what went wrong in one line, and end with the status."""
    line = " ".join(line.split())
    if options.as_json:
        print(json.dumps({"error": line}))
    else:
        print(f"storekey: {line}", file=sys.stderr)
    raise typer.Exit(code)


def agreed(what: str, asking: str) -> bool:
    """Ask whether ``what`` is meant; ``asking`` names the asker. Raises InputError where none answers."""
    print(f"storekey: {what}? [y/N] ", end="", file=sys.stderr, flush=True)
    typed = sys.stdin.readline()
    if not typed:
        print(file=sys.stderr)
        raise InputError(f"{asking}: asks whether it is meant; answer y, or give --yes as well")
    return typed.strip().lower() in ("y", "yes")


def answer(options: Options, given: Mapping[str, Any], *, shown: Mapping[str, Any] | None = None) -> None:
    """Answer in JSON, or else as a table of names and values; ``shown`` takes the place of what persons read."""
    if options.as_json:
        print(json.dumps(given))
        return
    rows = Table(show_header=False, box=None)
    rows.add_column()
    rows.add_column(overflow="fold")  # a key that is cut off is good for nothing
    for name, value in (given if shown is None else shown).items():
        text = "\n".join("  ".join(map(str, row.values())) for row in value) if isinstance(value, list) else value
        text = ", ".join(f"{label} {version}" for label, version in value.items()) if isinstance(value, dict) else text
        rows.add_row(name, Text("-" if text is None else str(text)))
    show(rows)


def show(what: Table | str) -> None:
    """Print a table, or a text as it is, where answers go."""
    Console(highlight=False).print(Text(what) if isinstance(what, str) else what)


def table(columns: Mapping[str, str], rows: list[list[str]]) -> Table:
    """Make a table of texts as they are; a column is a ``number``, a ``name``, or a ``text`` that may be folded."""
    made = Table(box=None, pad_edge=False)
    for name, layout in columns.items():
        made.add_column(
            name, justify="right" if layout == "number" else "left", no_wrap=layout != "text", overflow="fold"
        )
    for row in rows:
        made.add_row(*map(Text, row))
    return made
