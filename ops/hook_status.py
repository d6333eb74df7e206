"""How the webhooks of a stack are: what is wrong, and what there is to see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .answers import show, table
from .hooks import HOURS, Backlog, Deliveries, Published, Standing, Webhooks

_COLUMNS = {
    "scope": "name",
    "active": "name",
    "ours": "name",
    "wanted": "name",
    "id": "number",
    "destination": "text",
}
_OF_STANDING = ("url", "hooks", "missing", "blocked", "detail")


@dataclass(frozen=True)
class Status:
    """All that ``hooks status`` tells."""

    command: str
    standing: Standing
    queue: Backlog
    dead_letters: int
    deliveries: Deliveries
    published: Published
    alarms: Mapping[str, str]

    @property
    def wrong(self) -> list[str]:
        """What is wrong, each in a line with its remedy."""
        lines = _wrong(self.standing, self.command)
        if self.dead_letters:
            lines.append(f"{self.dead_letters:,} dead letters: {self.command} hooks redrive has them tried again")
        ringing = [name for name, state in self.alarms.items() if state == "ALARM"]
        return lines + [f"alarm {name}: its description says what to do" for name in ringing]

    @property
    def facts(self) -> dict[str, Any]:
        """Return it for scripts."""
        known = self.standing.as_json()
        wrong = self.wrong
        return {
            "result": "wrong" if wrong else "well",
            "wrong": wrong,
            **{name: known[name] for name in _OF_STANDING},
            "queue": asdict(self.queue),
            "dead_letters": self.dead_letters,
            "deliveries": asdict(self.deliveries),
            "published": asdict(self.published),
            "alarms": dict(self.alarms),
        }

    @property
    def shown(self) -> dict[str, Any]:
        """Return it for persons, who see the hooks in a table of their own."""
        facts = self.facts
        queue, came, went = self.queue, self.deliveries, self.published
        return {
            "result": facts["result"],
            "wrong": "\n".join(facts["wrong"]) or None,
            **shown_of(self.standing),
            "queue": f"{queue.waiting:,} waiting, {queue.delayed:,} delayed, {queue.in_flight:,} in flight",
            "dead letters": f"{self.dead_letters:,}",
            "deliveries": _counted(came.count, came.newest, f", {came.refused:,} refused"),
            "published": _counted(went.count, went.newest, ""),
            "alarms": "\n".join(f"{name}  {state}" for name, state in self.alarms.items()) or None,
        }


def status_of(webhooks: Webhooks, command: str) -> Status:
    """Look at everything; a store that cannot be asked for the moment leaves the rest to be seen."""
    return Status(
        command,
        webhooks.call("list"),
        webhooks.backlog("WebhookQueueUrl"),
        webhooks.backlog("WebhookDeadLetterQueueUrl").waiting,
        webhooks.deliveries(),
        webhooks.published(),
        webhooks.alarms(),
    )


def show_hooks(standing: Standing) -> None:
    """Print the hooks as a table, if somebody has looked."""
    if standing.trouble:
        return
    if not standing.hooks:
        show("no webhooks of this account")
        return
    rows = [asdict(hook) for hook in standing.hooks]
    show(table(_COLUMNS, [[_cell(row[name]) for name in _COLUMNS] for row in rows]))


def shown_of(standing: Standing) -> dict[str, Any]:
    """Return for persons how the hooks stand."""
    return {
        "url": standing.url or None,
        "missing": ", ".join(standing.missing) or None,
        "blocked": ", ".join(standing.blocked) or None,
        "detail": standing.detail,
    }


def _wrong(standing: Standing, command: str) -> list[str]:
    lines = []
    if standing.trouble:
        lines.append(standing.trouble)
    elif standing.missing:
        missing = ", ".join(standing.missing)
        lines.append(f"missing, or not as they must be: {missing}; {command} hooks sync mends it")
    if standing.blocked:
        blocked = ", ".join(standing.blocked)
        lines.append(f"BigCommerce sends nothing to {blocked} for some minutes: too many deliveries failed")
    return lines


def _counted(count: int, newest: str | None, more: str) -> str:
    return f"{count:,} in the last {HOURS} h{more}; the newest at {newest}" if newest else f"none in the last {HOURS} h"


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
