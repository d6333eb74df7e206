"""What an operator may hand over: JSON, the control panel's file, prompts; and how the rest is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ops.sources import Given, InputError, from_file, from_prompts, from_text
from storekey import AllowedHosts, Credentials

HOSTS = AllowedHosts.parse("*.mybigcommerce.com,api.bigcommerce.com")
TOKEN = {
    "api_path": "https://api.bigcommerce.com/stores/abc123/v3/",
    "access_token": "tok123",
    "client_id": "id123",
    "client_secret": "sec123",
}
PANEL = """ACCESS TOKEN: tok123
CLIENT NAME: orders export
CLIENT ID: id123
CLIENT SECRET: sec123
NAME: orders export
API PATH: https://api.bigcommerce.com/stores/abc123/v3/
"""


@pytest.mark.parametrize(
    "text",
    [json.dumps(TOKEN), json.dumps(TOKEN, indent=2), PANEL, PANEL.replace("\n", "\r\n"), PANEL.lower(), f"\n\n{PANEL}"],
)
def test_json_and_the_panels_file_are_taken(text: str) -> None:
    given = from_text(text, HOSTS)
    assert given.credentials.kind == "token"
    assert given.credentials.headers() == {"X-Auth-Token": "tok123"}
    assert {name: json.loads(given.text.reveal())[name] for name in TOKEN} == TOKEN


def test_unknown_fields_of_json_are_kept(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(TOKEN | {"note": "kept"}).encode())
    assert json.loads(from_file(tmp_path / "c.json", HOSTS).text.reveal())["note"] == "kept"


def answers(*given: str) -> Credentials:
    waiting = list(given)
    asked: list[tuple[str, bool]] = []

    def ask(question: str, hidden: bool) -> str:
        asked.append((question, hidden))
        return waiting.pop(0)

    result: Given = from_prompts(ask, HOSTS)
    assert not waiting
    assert all(hidden for question, hidden in asked if "oken" in question or "secret" in question)
    return result.credentials


def test_prompts_ask_for_what_the_path_needs() -> None:
    basic = answers("https://store-abc.mybigcommerce.com/api/v2/", "orders export", "tok")
    assert (basic.kind, basic.username) == ("Basic", "orders export")
    token = answers("https://api.bigcommerce.com/stores/abc123/v3/", "tok", "", "")
    assert (token.kind, token.client_id) == ("token", None)
    full = answers("https://api.bigcommerce.com/stores/abc123/v3/", "tok", "id123", "sec123")
    assert full.client_id == "id123"


@pytest.mark.parametrize("text", ["", "  \n", "x" * 70_000, "CLIENT ID: id123", "just words", "ACCESS TOKEN tok123"])
def test_text_that_holds_no_account_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        from_text(text, HOSTS)
    assert "\n" not in str(caught.value)
    assert "tok123" not in str(caught.value)
