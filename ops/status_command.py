"""`storekey status`: how a stack is, on a terminal, as a page or for scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from .answers import AWS_FAILED, REFUSED, Options, answer, told
from .looking import Look
from .sources import InputError
from .status_page import page, write
from .status_text import rendered, verdict_of


def status(
    context: typer.Context,
    html: Annotated[Path | None, typer.Option(help="Write a page to this file, with plots.")] = None,
    hours: Annotated[float, typer.Option(min=1, max=168, help="How far to look back.")] = 24.0,
) -> None:
    """Show how the stack is and what to do about what is wrong; AWS alone is asked. Exit 1 if something is wrong."""
    options: Options = context.obj
    with told(options):
        found = Look(options.open(), hours).status()
        if html:
            text = page(found)
            try:
                write(html, text)
            except OSError as error:
                raise InputError(
                    f"--html: cannot write {html} ({error.strerror}); name a file in a folder that is there"
                ) from None
        if html and not options.as_json:
            answer(
                options, {"result": verdict_of(found.wrong), "page": str(html), "wrong": "\n".join(found.wrong) or None}
            )
        elif options.as_json:
            answer(options, found.as_json())
        else:
            Console(highlight=False).print(rendered(found))
    if found.wrong:
        raise typer.Exit(AWS_FAILED if found.is_unread_alone else REFUSED)
