"""The v3 routes on which webhooks are kept: BigCommerce, "Webhooks v3" and "Webhooks Admin".

Unlike the real store this one takes any port of a destination, not 443 alone, and asks an account for the scope
``store_v2_information`` (see the door), where "Webhooks v3" says that none is required.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from .accounts import TokenAccount
from .calls import BadBodyError, Call, NotFoundError, Routes
from .events import is_known
from .hooks import Hook, Hooks, RefusedError
from .parameters import paging, parsed
from .replies import Reply, error_reply, json_reply, page_reply, pagination
from .rows import Json, encode

_PATH = "/v3/hooks"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_TEXT = re.compile(r"[\x20-\x7e]*")


def hook_routes(hooks: Hooks) -> Routes:
    """All routes of webhooks."""
    served = _Served(hooks)
    return {
        "v3/hooks": {"GET": served.all, "POST": served.create},
        "v3/hooks/{id}": {"GET": served.one, "PUT": served.change, "DELETE": served.delete},
        "v3/hooks/admin": {"GET": served.admin, "PUT": served.notify},
    }


class _Served:
    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._emails: dict[str, list[str]] = {}

    def all(self, call: Call) -> Reply:
        """GET hooks."""
        hooks = self._chosen(call, "scope", "destination")
        page, limit = paging(call.params, self._hooks.settings.page_cap)
        shown = [encode(hook.written()) for hook in hooks[(page - 1) * limit : page * limit]]
        return page_reply(shown, {"pagination": pagination(len(hooks), page, limit)})

    def one(self, call: Call) -> Reply:
        """GET hooks/{id}."""
        return _data(self._mine(call))

    def create(self, call: Call) -> Reply:
        """POST hooks."""
        account = _account(call)
        return _written(call, lambda fields: self._hooks.add(account, fields), needed=("scope", "destination"))

    def change(self, call: Call) -> Reply:
        """PUT hooks/{id}."""
        hook = self._mine(call)
        return _written(call, lambda fields: self._hooks.change(hook, fields))

    def delete(self, call: Call) -> Reply:
        """DELETE hooks/{id}, which answers with what it was."""
        hook = self._mine(call)
        self._hooks.delete(hook)
        return _data(hook)

    def admin(self, call: Call) -> Reply:
        """GET hooks/admin: who is told of trouble, the webhooks, and the hosts that are blocked."""
        client_id = _account(call).client_id
        listed = [
            {**hook.written(), "status": "active" if hook.is_active else "deactivated"} for hook in self._chosen(call)
        ]
        hosts = sorted({hook.host for hook in self._hooks.of(client_id)})
        data = {
            "emails": self._emails.get(client_id, []),
            "hooks_list": listed,
            "blocked_domains": [blocked for host in hosts for blocked in self._blocked(host, client_id)],
        }
        return json_reply(200, {"data": data, "meta": {}})

    def notify(self, call: Call) -> Reply:
        """PUT hooks/admin: who is told of trouble. Nobody is, here."""
        emails = _fields(call).get("emails")
        if not isinstance(emails, list) or not all(isinstance(each, str) and "@" in each for each in emails):
            return _unprocessable("emails", "is no list of e-mail addresses")
        self._emails[_account(call).client_id] = emails
        return Reply(204)

    def _blocked(self, host: str, client_id: str) -> list[Json]:
        left = math.ceil(self._hooks.blocks.left(host, client_id))
        reasons = self._hooks.blocks.reasons(host, client_id)
        return [{"destination": f"https://{host}", "time_left": left, "reasons": reasons}] if left else []

    def _chosen(self, call: Call, *names: str) -> list[Hook]:
        active = parsed(call.params, "is_active", _flag)
        wanted = {name: call.params[name] for name in names if name in call.params}
        hooks = self._hooks.of(_account(call).client_id)
        hooks = [hook for hook in hooks if all(getattr(hook, name) == value for name, value in wanted.items())]
        return [hook for hook in hooks if active is None or hook.is_active is active]

    def _mine(self, call: Call) -> Hook:
        hook = self._hooks.get(call.id)
        if hook is None or hook.client_id != _account(call).client_id:
            raise NotFoundError
        return hook


def _account(call: Call) -> TokenAccount:
    if not isinstance(call.account, TokenAccount):
        raise NotFoundError  # asked in this process, by nobody
    return call.account


def _flag(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError(text)
    return text == "true"


def _written(call: Call, write: Callable[[Json], Hook], needed: tuple[str, ...] = ()) -> Reply:
    fields = _fields(call)
    missing = next((name for name in needed if name not in fields), None)
    if missing:
        return _unprocessable(missing, "error.path.missing")
    wrong = next((name for name in _WRONG if name in fields and not _WRONG[name][0](fields[name])), None)
    if wrong:
        return _unprocessable(wrong, _WRONG[wrong][1])
    try:
        return _data(write(fields))
    except RefusedError as refused:
        # The limits are documented, their answer is not; of the errors of POST only 422 fits.
        return _unprocessable(refused.name, str(refused))


def _fields(call: Call) -> Json:
    try:
        fields = json.loads(call.body)
    except ValueError:
        raise BadBodyError from None
    return fields if isinstance(fields, dict) else {}


def _is_scope(value: Any) -> bool:
    return isinstance(value, str) and is_known(value)


def _is_destination(value: Any) -> bool:
    try:
        url = urlsplit(value) if isinstance(value, str) and _TEXT.fullmatch(value) else None
        return url is not None and url.scheme == "https" and bool(url.hostname) and url.port != 0
    except ValueError:
        return False


def _are_headers(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, dict) and all(
        _NAME.fullmatch(name) and isinstance(text, str) and _TEXT.fullmatch(text) for name, text in value.items()
    )


def _data(hook: Hook) -> Reply:
    return json_reply(200, {"data": hook.written(), "meta": {}})


def _unprocessable(name: str, reason: str) -> Reply:
    status = error_reply(_PATH, 422, "JSON data is missing or invalid")
    return Reply(422, encode({**json.loads(status.body), "errors": {name: reason}}))


_WRONG: dict[str, tuple[Callable[[Any], bool], str]] = {
    "scope": (_is_scope, "is no event of the store"),
    "destination": (_is_destination, "is no address over https"),
    "headers": (_are_headers, "are no names with texts"),
    "is_active": (lambda value: isinstance(value, bool), "is neither true nor false"),
}
