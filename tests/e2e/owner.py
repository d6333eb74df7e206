"""The owner of the store: makes accounts, deletes them, and hands them over by the operator's command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.store import BasicAccount, SandboxStore, TokenAccount

from .deployed import Answer, Deployed

SET = ("credentials", "set", "--from-file", "-")


@dataclass
class Owner:
    """Whoever holds the store and the secret of the stack ``on`` it."""

    on: Deployed
    store: SandboxStore
    accounts: list[BasicAccount | TokenAccount] = field(default_factory=list)

    def token(self) -> TokenAccount:
        """Make a store-level account."""
        self.accounts.append(made := self.store.create_token_account("orders-export"))
        return made

    def basic(self) -> BasicAccount:
        """Make a legacy account."""
        self.accounts.append(made := self.store.create_account("orders-export"))
        return made

    def pass_time(self) -> None:
        """What changes in the store is exported once it is a minute old: its clock is set on instead of waiting."""
        self.store.clock_skew += 120.0

    def stage(self, account: TokenAccount, claim: str) -> None:
        """Stage an account, which must be promoted."""
        staged = self.on.expect(claim, 0, *SET, secret=account.secret())
        self.on.expect_told("the topic is told of it", "were promoted", str(staged.said["version"]))


def stage_wrong(on: Deployed, fields: Mapping[str, str], claim: str) -> Answer:
    """Stage credentials that the store refuses: rejected, told, and nothing live is changed."""
    before = on.live()
    answer = on.expect(claim, 1, *SET, "--no-test", secret=fields)
    on.story.prove(
        on.live() == before, "the live version stays live", f"version {before}", "storekey credentials status"
    )
    on.expect_told("the topic is told of it", "was rejected", str(answer.said["version"]))
    return answer
