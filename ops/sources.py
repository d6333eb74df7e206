"""Where an operator's credentials come from: JSON, the control panel's text file, or prompts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from storekey import AllowedHosts, Credentials, Hidden, Problem, parse_secret

# The labels of the file that the control panel offers once, when a store-level API account is made.
_LABELS = {
    "access token": "access_token",
    "client id": "client_id",
    "client secret": "client_secret",
    "api path": "api_path",
    "api token": "api_token",
    "username": "username",
    "user name": "username",
}
_LONGEST = 64 * 1024  # what Secrets Manager takes

Ask = Callable[[str, bool], str]


class InputError(Exception):
    """What was given cannot be used; the message is one line with the remedy."""


@dataclass(frozen=True)
class Given:
    """Credentials that keep to the rules, and the text that is stored of them."""

    text: Hidden
    credentials: Credentials


def from_text(text: str, hosts: AllowedHosts) -> Given:
    """Take JSON, or the control panel's text file."""
    if len(text.encode()) > _LONGEST:
        raise InputError(
            "secret: is larger than the 64 KiB that Secrets Manager takes; give the account's fields alone"
        )
    if not text.strip():
        raise InputError("secret: is empty; give JSON or the text file of the control panel")
    fields = _labelled(text)
    return _checked(Hidden(json.dumps(fields) if fields else text), hosts)


def from_file(path: Path, hosts: AllowedHosts) -> Given:
    """Take a file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("--from-file: the file is no UTF-8 text; save it as plain text") from None
    except OSError as error:
        raise InputError(
            f"--from-file: the file cannot be read ({error.strerror}); check its name and rights"
        ) from None
    return from_text(text, hosts)


def from_prompts(ask: Ask, hosts: AllowedHosts) -> Given:
    """Ask a person; ``ask`` shows a question and hides what is typed where it is told to."""
    path = ask("API path", False).strip()
    fields = {"api_path": path}
    if urlsplit(path).path.startswith("/stores/"):
        fields["access_token"] = ask("Access token", True)
        more = {name: ask(f"{question} (for webhooks, may be empty)", True) for name, question in _FOR_WEBHOOKS.items()}
        fields |= {name: value for name, value in more.items() if value.strip()}
    else:
        fields |= {"username": ask("User name", False), "api_token": ask("API token", True)}
    return _checked(Hidden(json.dumps(fields)), hosts)


_FOR_WEBHOOKS = {"client_id": "Client id", "client_secret": "Client secret"}


def _labelled(text: str) -> dict[str, str]:
    if text.lstrip().startswith(("{", "[", '"')):
        return {}
    found = re.findall(r"^[ \t]*([A-Za-z _]+?)[ \t]*[:=][ \t]*(.*?)[ \t]*$", text, re.MULTILINE)
    fields = {_LABELS.get(label.lower().replace("_", " ")): value.strip() for label, value in found}
    return {name: value for name, value in fields.items() if name}


def _checked(text: Hidden, hosts: AllowedHosts) -> Given:
    parsed = parse_secret(text, hosts)
    if isinstance(parsed, Problem):
        raise InputError(str(parsed))
    return Given(text, parsed)
