"""Wrong input of every kind: one line with the remedy, exit 2, nothing written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws import Stack
from sandbox.store import SandboxStore
from tests.ops.operator import Run, file_of, labels

BASIC = {"api_path": "https://HOST/api/v2/", "username": "orders-export", "api_token": "planted123"}
TOKEN = {"api_path": "https://HOST/stores/abc123/v3/", "access_token": "planted123"}
WRONG: dict[str, Any] = {
    "nothing": "",
    "blanks": " \n ",
    "words": "planted123",
    "half of JSON": '{"api_token": "planted123"',
    "a list": ["planted123"],
    "a number": "7",
    "null": "null",
    "no field": {},
    "too much": "x" * 70_000,
    "the panel's file without its path": "ACCESS TOKEN: planted123\nCLIENT ID: abc",
    "no account": {"api_path": BASIC["api_path"]},
    "no path": {"username": "u", "api_token": "planted123"},
    "no user name": {"api_path": BASIC["api_path"], "api_token": "planted123"},
    "no token": {"api_path": BASIC["api_path"], "username": "u"},
    "both kinds": BASIC | {"access_token": "planted123"},
    "a client id beside Basic": BASIC | {"client_id": "planted123"},
    "an empty token": BASIC | {"api_token": ""},
    "a blank token": TOKEN | {"access_token": "  "},
    "an empty user name": BASIC | {"username": ""},
    "an empty client secret": TOKEN | {"client_secret": ""},
    "a number for a token": BASIC | {"api_token": 123456},
    "a list for a user name": BASIC | {"username": ["u"]},
    "a colon in the user name": BASIC | {"username": "u:planted123"},
    "a line break in the user name": BASIC | {"username": "u\nv"},
    "a blank inside the token": BASIC | {"api_token": "planted123 x"},
    "a token that is no header": TOKEN | {"access_token": "planted123\u00e9"},
    "a control character": TOKEN | {"access_token": "planted123\u0000"},
    "http": BASIC | {"api_path": "http://HOST/api/v2/"},
    "no scheme": BASIC | {"api_path": "HOST/api/v2/"},
    "another host": BASIC | {"api_path": "https://evil.example/api/v2/"},
    "user information": BASIC | {"api_path": "https://planted123@HOST/api/v2/"},
    "a query": BASIC | {"api_path": "https://HOST/api/v2/?planted123"},
    "a fragment": BASIC | {"api_path": "https://HOST/api/v2/#planted123"},
    "another port": BASIC | {"api_path": "https://localhost:1/api/v2/"},
    "another version": BASIC | {"api_path": "https://HOST/api/v1/"},
    "the address of the panel": BASIC | {"api_path": "https://HOST/manage/dashboard"},
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_gets_a_one_line_remedy_and_writes_nothing(
    name: str, run: Run, stack: Stack, sandbox_store: SandboxStore, tmp_path: Path
) -> None:
    given = WRONG[name]
    text = given if isinstance(given, str) else json.dumps(given).replace("HOST", sandbox_store.host)
    result = run("credentials", "set", "--from-file", file_of(tmp_path, text))
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("storekey: ")
    assert len(line) > 40, "no remedy"
    assert "planted123" not in line
    assert labels(stack) == {}
    assert sandbox_store.requests == []


def test_there_are_thirty_kinds_of_wrong_input_and_more() -> None:
    assert len(WRONG) >= 30
