"""The story's first part: accepted, revoked, refused, and mended by the secret alone, from Basic to a token."""

from __future__ import annotations

from sandbox.store import TokenAccount

from .deployed import Deployed
from .owner import SET, Owner, stage_wrong


def play(owner: Owner) -> TokenAccount:
    """Play the part; returns the account whose credentials are live at its end."""
    on, store = owner.on, owner.store
    if on.live() is None:
        on.expect_check("missing", "an empty secret is told as missing")
    legacy = owner.basic()
    on.expect("the owner's legacy account is stored", 0, *SET, "--now", secret=legacy.secret())
    _expect_kind(on, "Basic", "the store accepts it over verified TLS")
    on.export("all orders are exported", "orders", "--full")
    on.expect_alarm("OK", "the alarm is at rest", meanwhile=lambda: on.storekey("check"))
    owner.accounts.append(store.regenerate(legacy))
    on.story.tell("The owner presses Generate New Token and Save: the old token dies at that moment.")
    on.expect_check("refused", "the next check is refused")
    on.expect("a function that was warm with it is refused too", 1, "export", "orders")
    on.expect_alarm("ALARM", "the alarm rings")
    on.expect_rung("OK", "ALARM", "and the topic is told")
    token = owner.token()
    stage_wrong(on, token.secret() | {"access_token": "mistyped"}, "a candidate that was mistyped is rejected")
    owner.stage(token, "the right one, a store-level token, is tested and promoted")
    owner.pass_time()
    on.export("the next call of the warm function succeeds", "orders")
    _expect_kind(on, "token", "from Basic to a token by the secret alone")
    on.expect_alarm("OK", "the alarm clears on proof", meanwhile=lambda: on.storekey("check"))
    on.expect_rung("ALARM", "OK", "and the topic is told")
    return _back_and_forth(owner, token)


def _back_and_forth(owner: Owner, old: TokenAccount) -> TokenAccount:
    on, before = owner.on, owner.on.live()
    owner.stage(new := owner.token(), "a second token is staged, tested and promoted")
    after = on.live()
    for live, claim in ((before, "the way back is one command"), (after, "and so is the way forth")):
        on.expect(claim, 0, "credentials", "rollback")
        on.story.prove(on.live() == live, "the other version is live", f"version {live}", "storekey credentials status")
        on.expect_check("accepted", "and accepted")
    owner.store.delete(old)
    on.story.tell("The account before is deleted.")
    on.expect_check("accepted", "nothing needs it any more")
    return new


def _expect_kind(on: Deployed, kind: str, claim: str) -> None:
    found = on.expect_check("accepted", claim).get("kind")
    on.story.prove(found == kind, f"these are {kind} credentials", f"kind {found}", "storekey credentials status")
