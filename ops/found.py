"""What was found that does not hold, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Difference:
    """What does not hold: in which part and field, at which line first, and at how many more lines."""

    part: str
    field: str
    expected: str
    found: str
    line: int | None = None
    more: int = 0


class Found:
    """Differences as they are found; what repeats at further lines of a part is counted, not kept."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], Difference] = {}

    def note(self, part: str, field: str, expected: object, found: object, line: int | None = None) -> None:
        """Note a difference."""
        first = self._first.setdefault((part, field), Difference(part, field, str(expected), str(found), line, -1))
        self._first[part, field] = replace(first, more=first.more + 1)

    def compare(self, part: str, field: str, expected: object, found: object, line: int | None = None) -> None:
        """Note a difference where there is one; True is no 1."""
        if type(expected) is not type(found) or expected != found:
            self.note(part, field, text_of(expected), text_of(found), line)

    def all(self) -> list[Difference]:
        """Return what was found, in that order."""
        return list(self._first.values())


def text_of(value: object) -> str:
    """Write a value for a person."""
    return "nothing" if value is None else str(value)


def kind_of(value: object) -> str:
    """Name the kind of a value, and nothing of it."""
    return "nothing" if value is None else type(value).__name__
