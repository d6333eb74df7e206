"""The comparison as tables: on the terminal, and in docs/comparison.md between two marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .faults import Outcome
from .measure import Tally
from .play import Played

PAGE = Path(__file__).parents[2] / "docs/comparison.md"
WIDTH = 120
# By the sign of its skew.
_CLOCKS = ("right", "ahead", "behind")
_BEGIN, _END = "<!-- make compare ARGS=--write: from here", "<!-- to here -->"


@dataclass(frozen=True)
class Sheet:
    """A table: its title, the heads of its columns, its rows."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def histories_sheet(results: Sequence[Played], title: str) -> Sheet:
    """The histories' counts added up, apart for each system and for how the store's clock was to the reader's."""
    sums: dict[tuple[str, str], Tally] = {}
    for one in sorted(results, key=lambda one: _CLOCKS.index(_clock(one))):
        group = (one.system, _clock(one))
        sums[group] = sums.get(group, Tally()) + one.tally
    systems = list(dict.fromkeys(one.system for one in results))
    groups = sorted(sums, key=lambda group: systems.index(group[0]))
    return Sheet(
        title,
        (
            *("System", "Store's clock", "Histories", "With a loss", "Orders", "Never", "Stale"),
            *("Repeated", "Requests", "per 1,000 rows", "Broken syncs"),
        ),
        tuple(_history_row(*group, sums[group]) for group in groups),
    )


def single_sheet(results: Sequence[Played]) -> Sheet:
    """What one thing does that happens once."""
    return Sheet(
        "One thing at a time",
        ("System", "What happens", "Lost", "Repeated"),
        tuple((one.system, one.name, f"{one.tally.lost:,}", f"{one.tally.repeated:,}") for one in results),
    )


def faults_sheet(results: Sequence[Outcome]) -> Sheet:
    """The faults' outcomes."""
    return Sheet(
        "Faults",
        ("System", "Fault", "First sync", "Missing then", "Missing after a second sync", "Repeated"),
        tuple(_fault_row(result) for result in results),
    )


def show(sheets: Sequence[Sheet], console: Console) -> None:
    """Print the tables."""
    for sheet in sheets:
        table = Table(*sheet.heads, title=sheet.title, title_justify="left", box=SIMPLE_HEAD, padding=0)
        for row in sheet.rows:
            table.add_row(*row)
        console.print(table)


def written(page: str, sheets: Sequence[Sheet]) -> str:
    """The page with these tables between its marks; raises ValueError if it has none."""
    before, begun, rest = page.partition(_BEGIN)
    rest_of_mark, _, after_mark = rest.partition("\n")
    _, ended, after = after_mark.partition(_END)
    if not (begun and ended):
        raise ValueError(f"no place for the tables between {_BEGIN} and {_END}")
    tables = "\n\n".join(_markdown(sheet) for sheet in sheets)
    return f"{before}{begun}{rest_of_mark}\n\n{tables}\n\n{ended}{after}"


def _markdown(sheet: Sheet) -> str:
    rule = tuple("---" for _ in sheet.heads)
    rows = (f"| {' | '.join(row)} |" for row in (sheet.heads, rule, *sheet.rows))
    return "\n".join((f"**{sheet.title}**", "", *rows))


def _clock(played: Played) -> str:
    return _CLOCKS[(played.skew > 0) - (played.skew < 0)]


def _history_row(name: str, clock: str, tally: Tally) -> tuple[str, ...]:
    per_thousand = tally.requests_per_thousand
    return (
        name,
        clock,
        *(f"{count:,}" for count in (tally.histories, tally.lossy, tally.rows, tally.never, tally.stale)),
        *(f"{count:,}" for count in (tally.repeated, tally.requests)),
        "-" if per_thousand is None else f"{per_thousand:,.0f}",
        f"{tally.broken} of {tally.syncs}",
    )


def _fault_row(outcome: Outcome) -> tuple[str, ...]:
    if not outcome.met:
        return (outcome.system, outcome.case, "makes no such request", "-", "-", "-")
    counts = (outcome.first.lost, outcome.both.lost, outcome.both.repeated)
    ended = "broke off" if outcome.error else "ended well"
    return (outcome.system, outcome.case, ended, *(f"{count:,}" for count in counts))
