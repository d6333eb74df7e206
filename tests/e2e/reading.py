"""What is proved of a stack that serves a real store: nothing live is changed, and the store is only read."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from storekey import LIVE
from tests.support import secret_forms

from .deployed import Deployed
from .owner import stage_wrong
from .secrecy import nothing_leaked
from .secret import NOTE, clear_candidate, fields_of, put_back


def play(on: Deployed, resource: str | None) -> None:
    """Play the part; ``resource`` is what is exported, the first of the stack's if it is None."""
    on.story.tell(f"The stack {on.stack.name}, store {on.stack.settings.store_name}, in {on.stack.region}.")
    clear_candidate(on.stack.secret)
    on.expect_check("accepted", "the store accepts the live credentials")
    live = fields_of(on.stack.secret, LIVE)
    first, *_ = on.stack.parameters.get("ExportResources", "orders").split(",")
    on.export("an export runs to its end", resource or first)
    labels = on.stack.secret.labels()
    with put_back(on.stack.secret):
        wrong = _rejected(on, live)
    left = on.stack.secret.labels()
    on.story.prove(left == labels, "all labels are as they were", ", ".join(left), "storekey credentials status")
    on.expect_check("accepted", "and the store still accepts the live credentials")
    if "SyncFunctionName" in on.stack.outputs:
        on.expect("the webhooks are as they must be", 0, "hooks", "status")
    _no_alarm(on)
    nothing_leaked(on, [*secret_forms(live), *secret_forms(wrong)])


def _rejected(on: Deployed, live: Mapping[str, str]) -> dict[str, str]:
    """Stage the live account with a token that nobody has given out; returns what was staged."""
    token = "access_token" if "access_token" in live else "api_token"
    kept = {name: live[name] for name in ("api_path", "username") if name in live}
    wrong = kept | {token: secrets.token_hex(20), "note": NOTE}
    on.story.tell("A candidate with a wrong token is staged; the topic will say that it was rejected.")
    stage_wrong(on, wrong, "a wrong candidate is tested and rejected")
    return wrong


def _no_alarm(on: Deployed) -> None:
    states = on.alarms()
    ringing = [name for name, state in states.items() if state == "ALARM"]
    seen = f"{len(states)} alarms, in ALARM: {', '.join(ringing) or 'none'}"
    on.story.prove(bool(states) and not ringing, "no alarm rings", seen, "their descriptions, which say what to do")
