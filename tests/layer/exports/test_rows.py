"""Rows keep the text that the store sent, on one line, and bear more members at its end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storekey.exports._rows import Row, decode_v2, decode_v3
from tests.layer.exports.texts import SPACES, VALUES, list_texts

SUFFIX = b'"_run":"20261124T084200Z-full","_exported_at":"2026-11-24T08:43:12.345Z","_api":"v2"'
NEW = [("_run", "20261124T084200Z-full"), ("_exported_at", "2026-11-24T08:43:12.345Z"), ("_api", "v2")]


def pairs(text: str) -> list[tuple[str, Any]]:
    """An object's members in order, repeated names and all, its numbers as they are spelt."""
    found: list[tuple[str, Any]] = json.loads(text, object_pairs_hook=list, parse_float=str, parse_int=str)
    return found


def assert_untouched(row: Row, sent: str) -> None:
    assert row.json.decode() == sent.replace("\r", " ").replace("\n", " ")
    line = row.extended(SUFFIX).decode()
    assert line.endswith("}\n") and "\n" not in line[:-1] and "\r" not in line
    assert line.encode().startswith(row.json[:-1])
    assert pairs(line) == pairs(sent) + NEW


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_a_row_stands_on_one_line_however_lines_end(end: str) -> None:
    sent = f'{{"id": 1,{end} "name": "a"}}'
    assert_untouched(decode_v2(f"[{sent}]".encode()).rows[0], sent)


@settings(max_examples=60)
@given(list_texts())
def test_a_v2_row_keeps_its_text_and_gets_more_members(texts: tuple[list[str], str]) -> None:
    sent, body = texts
    page = decode_v2(body.encode())
    assert (len(page.rows), page.total, page.cursor) == (len(sent), None, None)
    for row, text in zip(page.rows, sent, strict=True):
        assert_untouched(row, text)


@settings(max_examples=40)
@given(texts=list_texts(), space=SPACES, other=VALUES, meta_first=st.booleans(), has_meta=st.booleans())
def test_a_v3_row_keeps_its_text_wherever_the_rows_stand(
    texts: tuple[list[str], str], space: str, other: str, meta_first: bool, has_meta: bool
) -> None:
    sent, body = texts
    meta = '"meta":{"pagination":{"total":7},"cursor_pagination":{"end_cursor":"abc"}}'
    members = [f'"data"{space}:{body}', *([meta] if has_meta else []), f'"other":{space}{other}{space}']
    text = f"{space}{{{','.join(reversed(members) if meta_first else members)}}}{space}"
    page = decode_v3(text.encode())
    assert (page.total, page.cursor) == ((7, "abc") if has_meta else (None, None))
    for row, one in zip(page.rows, sent, strict=True):
        assert_untouched(row, one)


@given(
    row=st.dictionaries(st.text(max_size=6), st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.text()),
    indent=st.none() | st.integers(0, 3),
    ascii_only=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-be"]),
)
def test_any_object_survives_any_style(
    row: dict[str, Any], indent: int | None, ascii_only: bool, encoding: str
) -> None:
    sent = json.dumps({**row, "id": 5}, indent=indent, ensure_ascii=ascii_only)
    (found,) = decode_v2(f"[{sent}]".encode(encoding)).rows
    assert found.id == 5
    assert_untouched(found, sent)


def test_a_row_is_not_told_in_its_repr() -> None:
    assert repr(decode_v2(b'[{"id":3,"email":"somebody"}]')) == "Page(rows=[Row(id=3)], total=None, cursor=None)"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xef\xbb\xbf",
        b"null",
        b'{"id": 1}',
        b"[1]",
        b"[{}]",
        b'[{"id": "1"}]',
        b'[{"id": 0}]',
        b'[{"id": 9223372036854775808}]',
        b'[{"id": -4}]',
        b'[{"id": 1.0}]',
        b'[{"id": true}]',
        b'[{"id": null}]',
        b'[{"id": 1},]',
        b'[{"id": 1} {"id": 2}]',
        b'[{"id": 1}',
        b'[{"id": 1, "total": NaN}]',
        b'[{"id": 1, "total": -Infinity}]',
        b'[{"id": 1, "name": "a\nb"}]',
        b'[{"id": 1, "name": "\xff"}]',
        b'[{"id": 1, "name": "\xed\xa0\x80"}]',
        b'[{"id": 1}][{"id": 2}]',
        b"<html>",
        b'[{"id": ' + b"9" * 5000 + b"}]",
    ],
)
def test_what_is_no_list_of_rows_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its text is never told
        decode_v2(body)
    with pytest.raises(ValueError):  # noqa: PT011 - the same
        decode_v3(b'{"data":' + body + b"}")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"data":null}',
        b'{"data":{}}',
        b'{"meta":{}}',
        b'{"data":[]',
        b'{"data" []}',
        b'{"a":1 "data":[]}',
    ],
)
def test_what_is_no_envelope_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its text is never told
        decode_v3(body)


def test_an_envelope_with_something_behind_it_is_a_value_error() -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its text is never told
        decode_v3(b'{"data":[{"id":1}],"meta":{}}<br />Fatal error')


@pytest.mark.parametrize(
    "meta",
    [
        "null",
        "[]",
        '"x"',
        "{}",
        '{"pagination":null}',
        '{"pagination":{"total":"7"},"cursor_pagination":{"end_cursor":7}}',
    ],
)
def test_an_odd_meta_tells_nothing(meta: str) -> None:
    page = decode_v3(f'{{"meta":{meta},"data":[{{"id":1}}]}}'.encode())
    assert (page.total, page.cursor) == (None, None)


def test_the_last_of_repeated_names_counts_as_in_every_parser() -> None:
    (row,) = decode_v2(b'[{"id":1,"id":2}]').rows
    assert (row.id, row.json) == (2, b'{"id":1,"id":2}')


def test_the_biggest_id_of_64_bits_is_one() -> None:
    assert [row.id for row in decode_v2(b'[{"id":9223372036854775807}]').rows] == [2**63 - 1]


def test_line_separators_of_unicode_stay_in_a_row() -> None:
    body = '[{"id":1,"name":"a\u2028b\u2029c\x85d"}]'
    (row,) = decode_v2(body.encode()).rows
    assert row.json.decode() == body[1:-1]


def test_half_a_character_becomes_the_sign_for_one_and_whole_ones_stay() -> None:
    body = rb'[{"id":1,"cut":"a\ud83d","low":"\uDE00b","whole":"\ud83d\ude00","escaped":"\\ud83d","quote":"\"\ud800"}]'
    (row,) = decode_v2(body).rows
    cured = rb'{"id":1,"cut":"a\ufffd","low":"\ufffdb","whole":"\ud83d\ude00","escaped":"\\ud83d","quote":"\"\ufffd"}'
    assert row.json == cured


def test_what_is_nested_without_end_is_refused() -> None:
    with pytest.raises((ValueError, RecursionError)):
        decode_v2(b'[{"id":1,"deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}]")
