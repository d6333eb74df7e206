"""What may have become of a run in the bucket, and what verify must tell of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from tests.ops.exported import PERSONAL, RUN, Exported, packed, row

PART = "part-00001.jsonl.gz"
OTHER = "20261124T080000Z-full"
Change = Callable[[Exported], None]


def tampered(run: Exported) -> None:
    run.files[run.key(1)] = packed([row(6, total_inc_tax="1.0000"), row(9)])


def one_row_less(run: Exported) -> None:
    run.rewrite(1, [row(6)])


def another_run(run: Exported) -> None:
    run.rewrite(1, [row(6), row(9, run=OTHER)])


def no_lines(run: Exported) -> None:
    run.rewrite(1, [row(6, _lines=None), {key: value for key, value in row(9).items() if key != "_lines"}])


def lines_although_left_out(run: Exported) -> None:
    run.manifest["lines"] = None


def stated(field: str, value: Any) -> Change:
    return lambda run: run.manifest.update({field: value})


def stated_of_part(field: str, value: Any) -> Change:
    return lambda run: run.manifest["parts"][1].update({field: value})


def counted(field: str, value: Any) -> Change:
    return lambda run: run.manifest["counts"].update({field: value})


def rows(*given: Any) -> Change:
    return lambda run: run.rewrite(1, given)


def lying_at(number: int, body: bytes) -> Change:
    return lambda run: run.files.update({run.key(number): body})


def cut(run: Exported) -> None:
    body = run.files[run.key(1)]
    run.files[run.key(1)] = body[: len(body) - 12]


def cut_and_stated(run: Exported) -> None:
    cut(run)
    body = run.files[run.key(1)]
    run.manifest["parts"][1] |= {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}


def damaged(run: Exported) -> None:
    body = bytearray(run.files[run.key(1)])
    body[20:30] = b"\xff" * 10
    run.files[run.key(1)] = bytes(body)


def missing(run: Exported) -> None:
    del run.files[run.key(1)]


def swapped(run: Exported) -> None:
    run.manifest["parts"].reverse()


def elsewhere(run: Exported) -> None:
    run.manifest["parts"][1]["key"] = "exports/store=other/part-00001.jsonl.gz"


# What was done to a run of the parts 1 2 5, 6 9 and 10, and what must be among the differences: part, field, expected
# and found.
CHANGED: dict[str, tuple[Change, set[tuple[str, str, str, str]]]] = {
    "a tampered part": (tampered, {(PART, "sha256", "...", "...")}),
    "a missing part": (missing, {(PART, "object", "there", "not there"), ("manifest", "rows", "6", "4")}),
    "an extra part": (
        lying_at(3, packed([row(11)])),
        {("part-00003.jsonl.gz", "object", "not there", "there, though the manifest has no such part")},
    ),
    "a part of another run": (elsewhere, {(PART, "key", "...", "exports/store=other/part-00001.jsonl.gz")}),
    "parts in another order": (swapped, {("part-00002.jsonl.gz", "key", "...", "...")}),
    "a cut gzip": (cut, {(PART, "gzip", "whole", "cut off behind row 1"), (PART, "bytes", "...", "...")}),
    "a cut gzip that is stated": (cut_and_stated, {(PART, "gzip", "whole", "cut off behind row 1")}),
    "a damaged gzip": (damaged, {(PART, "gzip", "whole", "damaged behind row 0"), (PART, "rows", "2", "0")}),
    "no gzip": (lying_at(1, b"{}\n"), {(PART, "gzip", "whole", "damaged behind row 0"), (PART, "bytes", "...", "3")}),
    "an empty object": (lying_at(1, b""), {(PART, "bytes", "...", "0"), (PART, "rows", "2", "0")}),
    "more behind the gzip": (
        lambda run: lying_at(1, run.files[run.key(1)] + b"more")(run),
        {(PART, "gzip", "whole", "damaged behind row 2"), (PART, "sha256", "...", "...")},
    ),
    "a row less": (
        one_row_less,
        {(PART, "rows", "2", "1"), (PART, "last_id", "9", "6"), ("manifest", "rows", "6", "5")},
    ),
    "a row more": (rows(row(6), row(7), row(9)), {(PART, "rows", "2", "3"), ("manifest", "counts.rows", "6", "7")}),
    "a repeated id": (rows(row(6), row(6)), {(PART, "id", "above 6", "6"), (PART, "last_id", "9", "6")}),
    "an id of the part before": (rows(row(5), row(9)), {(PART, "id", "above 5", "5"), (PART, "first_id", "6", "5")}),
    "a descending id": (rows(row(9), row(6)), {(PART, "id", "above 9", "6"), (PART, "first_id", "6", "9")}),
    "an id that is a text": (rows(row(6), row(9) | {"id": PERSONAL}), {(PART, "id", "a whole number", "str")}),
    "an id that is true": (rows(row(6), row(9) | {"id": True}), {(PART, "id", "a whole number", "bool")}),
    "no id": (rows(row(6), {"_run": RUN, "_lines": []}), {(PART, "id", "a whole number", "nothing")}),
    "a row of another run": (another_run, {(PART, "_run", RUN, OTHER)}),
    "a row of a run that is no run": (rows(row(6), row(9, run=PERSONAL)), {(PART, "_run", RUN, "another text")}),
    "a row of no run": (rows(row(6), {"id": 9, "_lines": []}), {(PART, "_run", RUN, "nothing")}),
    "no JSON": (rows(row(6), b'{"id": 9, "Erika"\n'), {(PART, "json", "one JSON object", "no JSON")}),
    "two rows in a line": (
        rows(row(6), b'{"id": 9} {"id": 10}\n'),
        {(PART, "json", "one JSON object", "no JSON")},
    ),
    "NaN": (rows(row(6), row(9, total=float("nan"))), {(PART, "json", "one JSON object", "no JSON")}),
    "no UTF-8": (rows(row(6), b'{"id": 9, "name": "\xff"}\n'), {(PART, "json", "one JSON object", "no JSON")}),
    "too deep": (rows(row(6), b"[" * 100_000 + b"\n"), {(PART, "json", "one JSON object", "no JSON")}),
    "a list": (rows(row(6), b'["Erika"]\n'), {(PART, "json", "one JSON object", "JSON of another kind (list)")}),
    "an empty line": (rows(row(6), b"\n", row(9)), {(PART, "json", "one JSON object", "no JSON")}),
    "no end of line": (
        rows(row(6), json.dumps(row(9)).encode()),
        {(PART, "line", "an end of line after each row", "none")},
    ),
    "no lines": (no_lines, {(PART, "_lines", "a list", "something else")}),
    "lines although left out": (
        lines_although_left_out,
        {(PART, "_lines", "nothing, the manifest's lines are null", "something")},
    ),
    "other sizes": (stated_of_part("bytes", 1), {(PART, "bytes", "1", "...")}),
    "another hash": (stated_of_part("sha256", "0"), {(PART, "sha256", "0", "...")}),
    "another first id": (stated("first_id", 2), {("manifest", "first_id", "2", "1")}),
    "no last id": (stated("last_id", None), {("manifest", "last_id", "nothing", "10")}),
    "other rows": (
        stated("rows", 7),
        {("manifest", "rows", "7", "6"), ("manifest", "rows of parts", "7", "6")},
    ),
    "not complete": (stated("complete", False), {("manifest", "complete", "True", "False")}),
    "another window": (
        stated("window", {"from": None, "to": "2026-11-24T08:41:00Z"}),
        {("manifest", "window.to", "20261124T084200Z", "20261124T084100Z")},
    ),
    "no window": (stated("window", {}), {("manifest", "window.to", "20261124T084200Z", "no date")}),
    "another store": (stated("store", "other"), {("manifest", "store, resource and run", "...", "...")}),
    "counts that differ": (
        lambda run: run.manifest["counts"].update(
            {"verdict": "differs", "explanation": "6 rows, but the store counts 5"}
        ),
        {("manifest", "counts.verdict", "...", "differs: 6 rows, but the store counts 5")},
    ),
    "no verdict": (counted("verdict", None), {("manifest", "counts.verdict", "...", "another verdict")}),
    "a manifest without parts": (stated("parts", None), {("manifest", "parts", "list", "nothing")}),
    "a manifest without a run": (stated("run", "../x"), {("manifest", "run", "...", "something else")}),
    "a part without a key": (
        stated("parts", [{}, "x"]),
        {("manifest", "parts[0].key", "str", "nothing"), ("manifest", "parts[1].sha256", "str", "nothing")},
    ),
    "an empty manifest": (lambda run: run.manifest.clear(), {("manifest", "run", "str", "nothing")}),
}
