"""What the stack tells the functions around webhooks, beside the store's settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from storekey._settings import SettingsError

from ._scopes import Scopes


@dataclass(frozen=True)
class WebhookSettings:
    """The settings of one function; what it has no use for stays empty.

    ``url`` is where deliveries go, ``queue`` and ``dead_letters`` are URLs of queues, ``bus`` and ``table`` are names.
    """

    scopes: Scopes
    url: str = ""
    queue: str = ""
    dead_letters: str = ""
    bus: str = ""
    table: str = ""
    require_signature: bool = False

    @classmethod
    def from_environment(cls, *needed: str, environ: Mapping[str, str] = os.environ) -> WebhookSettings:
        """Read WEBHOOK_SCOPES and REQUIRE_SIGNATURE, and of the others those that a function has.

        These are WEBHOOK_URL, WEBHOOK_QUEUE_URL, WEBHOOK_DEAD_LETTERS_URL, EVENT_BUS and WEBHOOK_TABLE; the ``needed``
        must be there. Raises SettingsError, which names all that is wrong.
        """
        wrong = [f"{name} is not set, though the template sets it" for name in needed if not environ.get(name)]
        required = environ.get("REQUIRE_SIGNATURE", "false")
        if required not in ("true", "false"):
            wrong.append("REQUIRE_SIGNATURE is neither true nor false")
        scopes = _parsed(Scopes.parse, environ.get("WEBHOOK_SCOPES", ""), wrong)
        if wrong or scopes is None:
            raise SettingsError("; ".join(wrong))
        return cls(
            scopes,
            url=environ.get("WEBHOOK_URL", ""),
            queue=environ.get("WEBHOOK_QUEUE_URL", ""),
            dead_letters=environ.get("WEBHOOK_DEAD_LETTERS_URL", ""),
            bus=environ.get("EVENT_BUS", ""),
            table=environ.get("WEBHOOK_TABLE", ""),
            require_signature=required == "true",
        )


def _parsed(parse: Callable[[str], Scopes], text: str, wrong: list[str]) -> Scopes | None:
    try:
        return parse(text)
    except ValueError as error:
        wrong.append(f"WEBHOOK_SCOPES {error}")
        return None
