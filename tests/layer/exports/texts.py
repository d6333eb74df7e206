"""JSON as it may be written: any spacing, any spelling of a number, any escape."""

from __future__ import annotations

import json

from hypothesis import strategies as st

SPACES = st.sampled_from(["", "", " ", "\n", "\r\n\t", "  "])
_NUMBERS = st.sampled_from(
    [
        "0",
        "-0.0",
        "1.10",
        "361.9500",
        "1E+2",
        "12345678901234567890123",
        "0.12345678901234567890",
        "-7e-400",
        "1.7976931348623157e308",
    ]
)
_ODD = st.sampled_from([r'"\/"', r'"A\u00e9\n"', '"\u2028"', '"\x85"', '"}]"', r'"\\\""', '"\U0001f600"'])
_STRINGS = st.text(max_size=8).map(lambda text: json.dumps(text, ensure_ascii=len(text) % 2 == 0))
_NAMES = st.sampled_from(['"name"', '"line_items"', '"meta"', '"data"', '"_run"', '"a\\u0062"', '""']) | _STRINGS


def _encodable(text: str) -> bool:
    """Lone surrogates come only as escapes: no bytes of UTF-8 are one."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _listed(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    items = st.lists(st.tuples(SPACES, values, SPACES).map("".join), max_size=4)
    return items.map(lambda found: f"[{','.join(found)}]")


def _member(names: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(SPACES, names, SPACES, st.just(":"), SPACES, values, SPACES).map("".join)


def _mapped(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(_member(_NAMES, values), max_size=4).map(lambda found: f"{{{','.join(found)}}}")


VALUES = st.recursive(
    st.sampled_from(["null", "true", "false"]) | _NUMBERS | _ODD | _STRINGS,
    lambda inner: _listed(inner) | _mapped(inner),
    max_leaves=12,
).filter(_encodable)


@st.composite
def row_texts(draw: st.DrawFn, row_id: int) -> str:
    """A row's text: members of any kind, and somewhere among them its id."""
    others = draw(st.lists(_member(_NAMES, VALUES).filter(_encodable), max_size=5))
    place = draw(st.integers(0, len(others)))
    identity = f'{draw(SPACES)}"id"{draw(SPACES)}:{draw(SPACES)}{row_id}{draw(SPACES)}'
    return f"{{{','.join([*others[:place], identity, *others[place:]])}}}"


@st.composite
def list_texts(draw: st.DrawFn) -> tuple[list[str], str]:
    """Texts of rows with ascending ids, and the array that they make up."""
    ids = sorted(draw(st.sets(st.integers(1, 10**18), max_size=4)))
    rows = [draw(row_texts(row_id)) for row_id in ids]
    spaced = [f"{draw(SPACES)}{row}{draw(SPACES)}" for row in rows]
    return rows, f"{draw(SPACES)}[{','.join(spaced) or draw(SPACES)}]{draw(SPACES)}"
