"""`python -m tests.docs` prints the picture of docs/architecture.md; with `--write` it refreshes the page."""

from __future__ import annotations

import sys

from tests.template.source import TEMPLATE

from .pages import ROOT
from .picture import Picture

PAGE = ROOT / "docs/architecture.md"
BEGIN, END = "```mermaid\n", "```\n"


def written(page: str) -> str:
    """Return the page with the picture of the template as it is."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{Picture(TEMPLATE)}{END}{after}"


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(written(PAGE.read_text()))
    else:
        print(Picture(TEMPLATE), end="")
