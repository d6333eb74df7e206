"""Promotes a candidate: tested against the store first, and live by one compare-and-swap.

Every step is safe to repeat, and killed between any two of them a repeat ends right: AWSCURRENT moves only to a version
that was just proven, and the label CANDIDATE, which asks for all this, goes last. A version that the store or a rule
refused keeps CANDIDATE and gets REJECTED beside it, so that its owner is told once. One that is live, but is not known
yet to do what the old one did, keeps it too and bears UNSETTLED: put back by its owner, it is not promoted again
(but for an owner who goes back within the milliseconds between two labels, after a kill between the same).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from ._cache import Version
from ._credentials import Credentials, Problem
from ._errors import RateLimited, StoreError, Unavailable, Unreachable
from ._invocation import rehearsal
from ._secret import CANDIDATE, LIVE, PREVIOUS, REJECTED, UNSETTLED, LabelMovedError
from ._settings import Settings
from ._store import Store

_TRIES = 5
# What says nothing about the credentials: they are tested again later.
_PASSING = (RateLimited, Unavailable, Unreachable)


class NotSettled(Exception):
    """The new account does not do yet what the old one does: that must not be deleted. The message says why."""


class Labelled(Protocol):
    """What promotion needs of a secret."""

    def labels(self) -> dict[str, str]: ...
    def staged(self, version: str, label: str) -> Version | None: ...
    def move(self, label: str, to: str | None, off: str | None) -> None: ...


@dataclass(frozen=True)
class Verdict:
    """Why a candidate cannot be promoted; ``final`` where testing it again would change nothing."""

    detail: str
    final: bool


@dataclass(frozen=True)
class Promotion:
    """What became of a candidate, with the ids of its version and of the one that was live before."""

    result: Literal["promoted", "rejected", "nothing to do"]
    detail: str
    version: str | None = None
    previous: str | None = None

    def as_answer(self) -> dict[str, Any]:
        """Return the function's answer."""
        return asdict(self)


Tell = Callable[[Promotion], None]
Settle = Callable[[Credentials], str]


OLD_MAY_GO = "the old account may be deleted now"


def nothing(_: Credentials) -> str:
    """Settle nothing: what the old account does, the new one does as well."""
    return OLD_MAY_GO


Test = Callable[[Version], Verdict | None]


def promote(secret: Labelled, test: Test, tell: Tell, settle: Settle = nothing) -> Promotion:
    """Test the candidate and make it live, or say why not.

    ``test`` tries a version against the store; ``settle`` makes what the new account needs before the old one may go,
    and says when that may go, or raises NotSettled: then nobody is told yet, and the label CANDIDATE stays.
    ``tell`` is called once for each outcome that a person must know of (again, where the invocation was killed before
    it had ended). Raises LabelMovedError where others move the labels faster than they can be read.
    """
    for _ in range(_TRIES):
        candidate = secret.labels().get(CANDIDATE)
        if candidate is None:
            return Promotion("nothing to do", "no version of the secret bears the label CANDIDATE")
        staged = secret.staged(candidate, CANDIDATE)
        if staged is None:
            continue  # replaced between the two readings
        if _was_put_back(secret, staged):
            return Promotion(
                "nothing to do", "the candidate was live and was put back", candidate, secret.labels().get(LIVE)
            )
        verdict = test(staged)
        try:
            return _end(secret, staged, verdict, settle, tell)
        except LabelMovedError:
            continue
    raise LabelMovedError(CANDIDATE)


def _end(secret: Labelled, staged: Version, verdict: Verdict | None, settle: Settle, tell: Tell) -> Promotion:
    labels = secret.labels()
    if labels.get(CANDIDATE) != staged.id:
        raise LabelMovedError(CANDIDATE)  # replaced while it was tested: the new one counts
    if verdict:
        return _reject(secret, labels, verdict, tell)
    return _make_live(secret, labels, staged, settle, tell)


def _make_live(secret: Labelled, labels: dict[str, str], staged: Version, settle: Settle, tell: Tell) -> Promotion:
    live, previous = labels.get(LIVE), labels.get(PREVIOUS)
    if not _is_live(secret, live, staged):
        secret.move(LIVE, to=staged.id, off=live)
        live, previous = staged.id, live
    mark_unsettled(secret, labels, staged.id)
    try:
        promotion = Promotion("promoted", announcement(staged, settle), live, previous)
    except NotSettled as error:
        return Promotion("promoted", f"live, but keep the old account: {error}", live, previous)
    if secret.labels().get(LIVE) != live:
        raise LabelMovedError(LIVE)  # its owner went back meanwhile, or on: nobody may be told to delete anything
    tell(promotion)
    drop_label(secret, REJECTED, labels.get(REJECTED))
    drop_label(secret, UNSETTLED, staged.id)
    drop_label(secret, CANDIDATE, staged.id)
    return promotion


def mark_unsettled(secret: Labelled, labels: dict[str, str], candidate: str) -> None:
    """Remember that this candidate is live, so that putting it back meanwhile is seen as what it is."""
    if labels.get(UNSETTLED) != candidate:
        secret.move(UNSETTLED, to=candidate, off=labels.get(UNSETTLED))


def _was_put_back(secret: Labelled, staged: Version) -> bool:
    """Take the labels off a candidate that was live and is not any more: its owner has gone back."""
    labels = secret.labels()
    if labels.get(UNSETTLED) != staged.id or _is_live(secret, labels.get(LIVE), staged):
        return False
    drop_label(secret, CANDIDATE, staged.id)
    drop_label(secret, UNSETTLED, staged.id)
    return True


def _is_live(secret: Labelled, live: str | None, staged: Version) -> bool:
    """Tell whether the staged value is live: by a repeat, as a first version, or by a rotation that copied it.

    Were the label moved to a second version of one value, the way back would lead nowhere.
    """
    if live is None or live == staged.id:
        return live is not None
    current = secret.staged(live, LIVE)
    return current is not None and current.holds == staged.holds


def _reject(secret: Labelled, labels: dict[str, str], verdict: Verdict, tell: Tell) -> Promotion:
    candidate, live = labels[CANDIDATE], labels.get(LIVE)
    if labels.get(UNSETTLED) != candidate:
        drop_label(secret, UNSETTLED, labels.get(UNSETTLED))  # of one before: it may be staged again
    if not verdict.final:
        return Promotion("nothing to do", f"not tested yet, it will be again: {verdict.detail}", candidate, live)
    if candidate == live:
        so = "it is live already, as a first version is: calls fail"
        rejection = Promotion("rejected", f"{verdict.detail}; {so}", candidate, labels.get(PREVIOUS))
    else:
        so = "nothing has changed, the live credentials go on"
        rejection = Promotion("rejected", f"{verdict.detail}; {so}", candidate, live)
    if labels.get(REJECTED) != candidate:
        tell(rejection)
        secret.move(REJECTED, to=candidate, off=labels.get(REJECTED))
    return rejection


def drop_label(secret: Labelled, label: str, version: str | None) -> None:
    try:
        if version:
            secret.move(label, to=None, off=version)
    except LabelMovedError:
        pass  # it stands on another version by now, and asks for that one


def announcement(version: Version, settle: Settle) -> str:
    """Settle what must be before the old account may go, and say when it may; raises NotSettled."""
    holds = version.holds
    assert isinstance(holds, Credentials)  # only tested credentials come here
    settled = settle(holds)
    user = f" of {holds.username}" if holds.username else ""
    live = f"the {holds.kind} credentials{user} at {holds.host} are live"
    return f"{live}; {settled}, unless it is the same one with a new token"


def candidate_test(settings: Settings) -> Test:
    """Return a test of a version: that its secret keeps to the rules, and that the store accepts it."""
    against_store = store_test(settings)

    def test(version: Version) -> Verdict | None:
        if isinstance(version.holds, Problem):
            return Verdict(str(version.holds), final=True)
        return against_store(version.holds)

    return test


def store_test(settings: Settings) -> Callable[[Credentials], Verdict | None]:
    """Return a test that asks the store for its time, and for one row of each list that this stack reads."""

    def test(credentials: Credentials) -> Verdict | None:
        store = store_of(settings, credentials)
        try:
            with rehearsal():  # a candidate that the store refuses is no reason for the alarm on the live one
                store.probe()
                store.get("orders", {"limit": 1})
                if credentials.kind == "token":
                    store.v3.get("catalog/products", {"limit": 1})
        except StoreError as error:
            return _verdict(error)
        finally:
            store.close()
        return None

    return test


def store_of(settings: Settings, credentials: Credentials) -> Store:
    """Return a Store with these credentials, whatever the secret holds."""
    version = Version("given", datetime.now(UTC), credentials)
    return Store(settings, lambda: version)


def _verdict(error: StoreError) -> Verdict:
    return Verdict(str(error), final=not isinstance(error, _PASSING))
