"""The function ``sync_webhooks``: the store's hooks become those that the stack wants, and stay so.

BigCommerce switches hooks off in silence: after two days of failed deliveries, after 90 days without an event, and with
the account that made them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from storekey._credentials import Credentials, Problem
from storekey._errors import (
    BadAnswer,
    BadCredentials,
    Forbidden,
    NotFound,
    RateLimited,
    RequestRejected,
    StoreError,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from storekey._invocation import invocation
from storekey._observability import logger
from storekey._promotion import OLD_MAY_GO, NotSettled, store_of
from storekey._settings import Settings
from storekey._store import Store

from ._account import Account, account_of
from ._hooks import Hook, Wanted, all_hooks, blocked_hosts, host_of, plan
from ._report import Report
from ._settings import WebhookSettings

_PASSING = (RateLimited, Unavailable, Unreachable)
_REJECTED = (RequestRejected, NotFound, Forbidden)
# What a refusal may be about; the store's own words may hold anything.
_FIELDS = ("scope", "destination", "is_active", "headers")
_ACTIONS = ("sync", "list", "remove")
_DAILY = "aws.scheduler"
# Who starts a sync that must not wait for the next day: Lambda tries it again.
_BY_ITSELF = ("aws.secretsmanager", "aws.cloudformation", _DAILY)


class Synchroniser:
    """Works on the hooks of one account. Raises kinds of StoreError for what concerns more than one hook."""

    def __init__(self, store: Store, wanted: Wanted) -> None:
        self._store = store
        self._wanted = wanted
        self._passing: StoreError | None = None
        self.report = Report(wanted)

    def look(self) -> Report:
        """Read how things stand."""
        report = self.report
        report.hooks = all_hooks(self._store)
        ours = host_of(self._wanted.url)
        report.blocked = [host for host in self._blocked() if host == ours]
        return report

    def sync(self) -> Report:
        """Create, change and delete what must be, then look again."""
        todo = plan(self._wanted, all_hooks(self._store))
        for scope in todo.create:
            self._try(scope, self._create)
        for hook in todo.change:
            self._try(hook.scope, lambda _, hook=hook: self._change(hook))
        self._delete(todo.delete)
        if self._passing:
            raise self._passing
        return self.look()

    def remove(self) -> Report:
        """Delete every hook that delivers to us."""
        self._delete([hook for hook in all_hooks(self._store) if self._wanted.has(hook)])
        return self.look()

    def _create(self, scope: str) -> None:
        try:
            self._store.v3.post("hooks", self._wanted.body(scope))
        except _REJECTED:
            made = [hook for hook in all_hooks(self._store) if self._wanted.has(hook) and hook.scope == scope]
            if not made:
                raise
            self._change(made[0])  # another sync was faster
            return
        self.report.created += 1

    def _change(self, hook: Hook) -> None:
        if self._wanted.is_met(hook):
            return
        self._store.v3.put(f"hooks/{hook.id}", self._wanted.body(hook.scope, hook.headers))
        if hook.active:
            self.report.updated += 1
        else:
            self.report.enabled += 1

    def _delete(self, hooks: Iterable[Hook]) -> None:
        for hook in hooks:
            try:
                self._store.v3.delete(f"hooks/{hook.id}")
            except NotFound:
                continue  # somebody else did
            self.report.deleted += 1

    def _try(self, scope: str, act: Any) -> None:
        """Do what concerns one scope; that it is rejected, or not taken now, is no reason to lack the others."""
        try:
            act(scope)
        except (BadAnswer, Unavailable, Unreachable) as error:
            self._passing = error
        except _REJECTED as error:
            self.report.failed.append({"scope": scope, "error": _reason(error)})

    def _blocked(self) -> list[str]:
        try:
            return blocked_hosts(self._store)
        except (BadAnswer, *_PASSING, *_REJECTED):
            return []  # what it would tell is no more than a reason


def sync(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer of sync_webhooks; the event's ``action`` may be ``sync``, ``list`` or ``remove``.

    Credentials that cannot have hooks are told in the answer, and so is what passes: RateLimited, Unavailable,
    Unreachable. But where nobody reads the answer, in a sync that the schedule or a change of the secret or the stack
    started, it is raised: no day must pass before the next one. Raises what is no answer of BigCommerce's, and
    ValueError for another action.
    """
    action = _action(event)
    webhooks = WebhookSettings.from_environment("WEBHOOK_URL")
    store = Store.from_environment()
    name, source = store.settings.store_name, event.get("source")
    only_looks = action in ("list", "remove")
    holds = store.credentials(fresh=True)
    account = account_of(holds) if holds else None
    if not isinstance(account, Account):
        why = str(account) if account else "secret: is empty; store the credentials in it"
        unusable = holds is None or isinstance(holds, Problem)  # another alarm tells it, or nobody need be told
        return _told(name, _off(webhooks, why), None if unusable or only_looks else 1)
    worker = Synchroniser(store, _wanted(webhooks, account))
    act = {"list": worker.look, "remove": worker.remove}.get(action, worker.sync)
    try:
        report = act()
    except (Unauthorized, BadCredentials) as error:
        return _told(name, _off(webhooks, str(error)), None)  # the alarm on the credentials tells it
    except _PASSING as error:
        if source in _BY_ITSELF:
            if found := worker.report.found_off(is_daily=source == _DAILY):  # the next try finds it mended
                _count_off(name, found)
            raise
        return _told(name, _off(webhooks, f"not now: {error}"), None)
    except Forbidden as error:
        return _told(name, _off(webhooks, str(error)), None if only_looks else len(webhooks.scopes.wanted))
    return _told(name, report, None if only_looks else report.off + report.found_off(is_daily=source == _DAILY))


def settle(settings: Settings, credentials: Credentials) -> str:
    """Make the hooks of credentials that have just become live; say when the old account may be deleted.

    Raises NotSettled while the old account's hooks are the only ones: it must not be deleted yet.
    """
    webhooks = WebhookSettings.from_environment("WEBHOOK_URL")
    account = account_of(credentials)
    if isinstance(account, Problem):
        return f"its webhooks end with the old account ({account}); {OLD_MAY_GO}"
    store = store_of(settings, credentials)
    try:
        report = Synchroniser(store, _wanted(webhooks, account)).sync()
    except StoreError as error:
        raise NotSettled(f"its webhooks are not there yet: {error}") from error
    finally:
        store.close()
    _told(settings.store_name, report, report.off + report.found_off(is_daily=False))
    if report.missing:
        raise NotSettled(f"its webhooks are not there yet: {report.detail}")
    there = f"its webhooks are there ({len(webhooks.scopes.wanted)})"
    # A new webhook works within a minute, and what the old ones hold goes with them: the first tries are over by then.
    return f"{there}; the old account may be deleted in ten minutes, when its own have delivered what they hold"


def why_no_hooks(settings: Settings, credentials: Credentials) -> tuple[str, bool] | None:
    """Say why token credentials could not have hooks, and whether that is final; None where they can, and for Basic."""
    account = account_of(credentials)
    if isinstance(account, Problem):
        return None if credentials.kind == "Basic" else (str(account), True)
    store = store_of(settings, credentials)
    try:
        store.v3.get("hooks", {"limit": 1})
    except StoreError as error:
        return str(error), not isinstance(error, _PASSING)
    finally:
        store.close()
    return None


def _action(event: Mapping[str, Any]) -> str:
    """Return what an event asks for, empty for a sync that nobody asked for by hand."""
    action = event.get("action", "")
    if action and action not in _ACTIONS:
        raise ValueError(f"action is {action!r}; it may be {', '.join(_ACTIONS)}, or be left out")
    return str(action)


def _reason(error: StoreError) -> str:
    """Say why the store refused a hook, with the names of the fields that it blames, and in none of its words."""
    try:
        blamed = json.loads(error.explain())["errors"] if isinstance(error, RequestRejected) else {}
    except (ValueError, LookupError, TypeError, RecursionError):
        blamed = {}
    names = [name for name in _FIELDS if isinstance(blamed, Mapping) and name in blamed]
    return f"{error}: it is about {', '.join(names)}" if names else str(error)


def _wanted(webhooks: WebhookSettings, account: Account) -> Wanted:
    return Wanted(webhooks.scopes.wanted, webhooks.url, account.key.reveal())


def _off(webhooks: WebhookSettings, why: str) -> Report:
    return Report(Wanted(webhooks.scopes.wanted, webhooks.url, ""), trouble=why)


def _told(store_name: str, report: Report, off: int | None) -> dict[str, Any]:
    """Log a report, note the metric where it is news, and return the answer."""
    answer = report.as_answer()
    done = {name: answer[name] for name in ("created", "updated", "deleted", "enabled", "missing", "detail")}
    logger().info("webhooks", extra={"store": store_name, "sync": done})
    if off is not None:
        _count_off(store_name, off)
    return answer


def _count_off(store_name: str, off: int) -> None:
    with invocation() as running:
        running.count(store_name, "WebhooksOff", float(off))
