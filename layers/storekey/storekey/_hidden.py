"""Text that must not be shown by accident."""

from __future__ import annotations


class Hidden:
    """A text that shows itself only where it is asked to: not in repr, str, a format, a pickle or a traceback."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hidden) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "<hidden>"

    def __reduce__(self) -> tuple[type[Hidden], tuple[str]]:
        return Hidden, ("<hidden>",)
