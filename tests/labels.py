"""A secret in memory with Secrets Manager's rules on labels, for tests of promotion and rotation."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from storekey._cache import Version
from storekey._credentials import Credentials
from storekey._hidden import Hidden
from storekey._promotion import NotSettled, Promotion, Verdict, nothing, promote
from storekey._secret import CANDIDATE, LIVE, PREVIOUS, LabelMovedError

NOW = datetime(2026, 11, 24, tzinfo=UTC)
HOLDS = Credentials("Basic", "https://store-abc.mybigcommerce.com/api", Hidden("token"), "orders-export")


class Killed(BaseException):
    """The environment ends here, as Lambda ends one."""


class FakeSecret:
    """A secret with the rules of PutSecretValue and UpdateSecretVersionStage; killed at a call where one is named."""

    def __init__(self) -> None:
        self.names = (f"v{number}" for number in itertools.count(1))
        self.bearers: dict[str, str] = {}
        self.values: dict[str, str] = {}
        self.good: set[str] = set()
        self.proven: set[str] = set()
        self.by_hand: set[str] = set()
        self.told: list[Promotion] = []
        self.settled: set[str] = set()
        self.unsettled = 0
        self.calls = 0
        self.kill_at: tuple[int, str] = (0, "")
        self.meanwhile: Callable[[], object] | None = None
        self.while_settling: Callable[[], object] | None = None

    def stage(self, good: bool = True, label: str = CANDIDATE) -> str:
        """Do what an operator does: store a version, live or under a label."""
        version = next(self.names)
        self.values[version] = f"value of {version}"
        if good:
            self.good.add(self.values[version])
        if label == LIVE or LIVE not in self.bearers:
            self.by_hand.add(version)
            self._bear(LIVE, version)
        if label != LIVE:
            self._bear(label, version)
        return version

    def roll_back(self) -> None:
        """Do what an operator does: make the version before the live one."""
        previous = self.bearers[PREVIOUS]
        self.by_hand.add(previous)
        self._bear(LIVE, previous)

    def _bear(self, label: str, version: str) -> None:
        if label == LIVE and LIVE in self.bearers:
            self.bearers[PREVIOUS] = self.bearers[LIVE]
        self.bearers[label] = version

    def _called(self, when: str) -> None:
        self.calls += when == "before"
        if (self.calls, when) == self.kill_at:
            raise Killed

    def labels(self) -> dict[str, str]:
        self._called("before")
        return dict(self.bearers)

    def staged(self, version: str, label: str) -> Version | None:
        self._called("before")
        stands = self.bearers.get(label) == version and version in self.values
        return Version(version, NOW, replace(HOLDS, client_id=self.values[version])) if stands else None

    def versions(self) -> dict[str, set[str]]:
        self._called("before")
        return {
            version: {label for label, bearer in self.bearers.items() if bearer == version}
            for version in set(self.bearers.values())
        }

    def text(self, version: str, label: str) -> Hidden | None:
        self._called("before")
        stands = self.bearers.get(label) == version and version in self.values
        return Hidden(self.values[version]) if stands else None

    def put(self, version: str, text: Hidden, label: str) -> None:
        self._called("before")
        assert self.values.get(version) in (None, text.reveal()), "a version never changes"
        self.values[version] = text.reveal()
        self.bearers[label] = version
        self._called("after")

    def move(self, label: str, to: str | None, off: str | None) -> None:
        self._called("before")
        if self.bearers.get(label) != off:
            raise LabelMovedError(label)
        if to:
            self._bear(label, to)
        else:
            del self.bearers[label]
        self._called("after")

    def test(self, version: Version) -> Verdict | None:
        self._called("before")
        if self.meanwhile:
            act, self.meanwhile = self.meanwhile, None
            act()
        if self.values[version.id] in self.good:
            self.proven.add(version.id)
            return None
        return Verdict("the store refuses the credentials", final=True)

    def settle(self, credentials: Credentials) -> str:
        self._called("before")
        if self.while_settling:
            act, self.while_settling = self.while_settling, None
            act()
        if self.unsettled:
            self.unsettled -= 1
            raise NotSettled("its webhooks are not there yet")
        assert credentials.client_id
        self.settled.add(credentials.client_id)
        return nothing(credentials)

    def tell(self, promotion: Promotion) -> None:
        self._called("before")
        if promotion.result == "promoted":
            assert promotion.version
            assert self.values[promotion.version] in self.settled, (
                "the old account may go before the new one does all that it did"
            )
            live, previous = (self.values.get(self.bearers.get(label, "")) for label in (LIVE, PREVIOUS))
            assert live == self.values[promotion.version], "somebody else's account may be deleted"
            assert previous != live, "the way back leads nowhere"
        self.told.append(promotion)

    def promote(self) -> Promotion:
        return promote(self, self.test, self.tell, self.settle)
