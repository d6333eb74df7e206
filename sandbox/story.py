"""Tells a demo line by line with times, and closes it with a table of what it proved."""

from __future__ import annotations

import textwrap
import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table
from rich.text import Text


class DisprovedError(Exception):
    """A step of the demo did not show what it claims."""


@dataclass
class Story:
    """A demo's voice. Colours are used on a terminal alone."""

    console: Console = field(default_factory=lambda: Console(highlight=False))
    _started: float = field(default_factory=time.monotonic)
    _proofs: list[tuple[bool, str, str]] = field(default_factory=list)

    def tell(self, line: str, style: str = "") -> None:
        """Print one line with the seconds since the beginning."""
        seconds = f"{time.monotonic() - self._started:6.1f} s  "
        self.console.print(Text(seconds, style="dim") + Text(line, style=style), soft_wrap=True)

    def quote(self, text: str) -> None:
        """Print what somebody was told, set in and wrapped."""
        width = max(40, self.console.width - 14)
        for line in textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False):
            self.console.print(Text("          | ", style="dim") + Text(line, style="yellow"), soft_wrap=True)

    def prove(self, holds: bool, claim: str, seen: str, look: str = "") -> None:
        """Note a claim with what was seen of it; one that does not hold ends the demo by DisprovedError.

        ``look`` is where to look for the cause.
        """
        self._proofs.append((holds, claim, seen))
        self.tell(f"{'ok' if holds else 'NO'}: {claim} ({seen})", "green" if holds else "bold red")
        if not holds:
            if look:
                self.tell(f"look at: {look}", "bold red")
            raise DisprovedError(claim)

    def close(self) -> None:
        """Print the table of what was proved, if anything was."""
        if not self._proofs:
            return
        table = Table("", "proved", "seen", title=f"{len(self._proofs)} claims", title_justify="left")
        for holds, claim, seen in self._proofs:
            table.add_row(Text("ok", "green") if holds else Text("NO", "bold red"), claim, seen)
        self.console.print(table)
