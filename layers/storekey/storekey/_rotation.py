"""Secrets Manager's rotation in four steps, for a token that only a person can make.

The person stages it as CANDIDATE; createSecret takes it from there, testSecret tries it against the store, finishSecret
makes it live. Every step is safe to repeat. Without a new candidate a rotation fails and says what its owner must do:
promoting the old value again would only pretend that it was rotated. The rules of the steps and labels: AWS, "Rotation
function" and "RotateSecret" in the Secrets Manager documentation.
"""

from __future__ import annotations

from typing import Protocol

from ._cache import Version
from ._hidden import Hidden
from ._promotion import (
    Labelled,
    NotSettled,
    Promotion,
    Settle,
    Tell,
    Test,
    announcement,
    drop_label,
    mark_unsettled,
    nothing,
)
from ._secret import CANDIDATE, LIVE, PENDING, PREVIOUS, REJECTED, UNSETTLED

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


class RotationError(Exception):
    """A step of a rotation cannot be done."""


class NotPending(RotationError):
    """The version is not the one that a rotation of this secret has staged."""


class NoCandidate(RotationError):
    """There is no new value to rotate to; its owner must stage one."""


class CandidateRejected(RotationError):
    """The store, or a rule, refuses the staged value."""


class NotTested(RotationError):
    """The store could not be asked, or the staged value not be read yet; the candidate stays for a later try."""


class Rotating(Labelled, Protocol):
    """What rotation needs of a secret."""

    def versions(self) -> dict[str, set[str]]: ...
    def text(self, version: str, label: str) -> Hidden | None: ...
    def put(self, version: str, text: Hidden, label: str) -> None: ...


def rotate(secret: Rotating, step: str, token: str, test: Test, tell: Tell, *, settle: Settle = nothing) -> None:
    """Carry out one step for the version ``token``, or nothing where it is done already.

    Raises a kind of RotationError; ValueError for a step that is none of the four. A rotation that failed gives its
    version up, so that it neither blocks the next one nor, tried again much later, puts an older value over a newer.
    """
    if step not in STEPS:
        raise ValueError(f"Step {step!r} is none of {', '.join(STEPS)}")
    labels = secret.versions().get(token, set())
    if not labels & {PENDING, LIVE}:
        raise NotPending(f"version {token} is not staged as {PENDING} of this secret")
    if step == "finishSecret":
        _finish(secret, token, test, settle, tell)
    elif LIVE not in labels:
        {"createSecret": _create, "setSecret": _set, "testSecret": _test}[step](secret, token, test)


def _create(secret: Rotating, token: str, _: Test) -> None:
    if secret.text(token, PENDING):
        return
    bearers = secret.labels()
    candidate, live = bearers.get(CANDIDATE), bearers.get(LIVE)
    text = secret.text(candidate, CANDIDATE) if candidate else None
    if text is None:
        lack = (
            "no version bears the label CANDIDATE: make a new token in the store's control panel, and stage it with "
            "aws secretsmanager put-secret-value --version-stages CANDIDATE"
        )
    elif live and text == secret.text(live, LIVE):
        lack = "the candidate is the value that is live already: stage the new token instead"
    elif bearers.get(UNSETTLED) == candidate:
        lack = "the candidate was live and was put back: stage it again if it is wanted again"
    else:
        secret.put(token, text, PENDING)
        return
    drop_label(secret, PENDING, token)
    raise NoCandidate(lack)


def _set(_: Rotating, __: str, ___: Test) -> None:
    """Do nothing: a token is made in the store's control panel, and there alone."""


def _test(secret: Rotating, token: str, test: Test) -> None:
    staged = secret.staged(token, PENDING)
    if staged is None:
        return  # RotateImmediately=false tries the function with a version that may hold nothing
    _prove(secret, staged, test)


def _prove(secret: Rotating, staged: Version, test: Test) -> None:
    verdict = test(staged)
    if verdict:
        drop_label(secret, PENDING, staged.id)
        raise (CandidateRejected if verdict.final else NotTested)(verdict.detail)


def _finish(secret: Rotating, token: str, test: Test, settle: Settle, tell: Tell) -> None:
    bearers = secret.labels()
    previous = bearers.get(LIVE)
    if previous != token:
        _make_live(secret, token, bearers, test)
    elif bearers.get(PENDING) != token:
        return  # finished before, to the last label
    else:
        previous = bearers.get(PREVIOUS)
    live = secret.staged(token, LIVE)
    if live is None:
        drop_label(secret, PENDING, token)
        raise NotPending(f"version {token} was replaced as {LIVE} while it was finished")
    candidate = bearers.get(CANDIDATE)
    if candidate and secret.text(candidate, CANDIDATE) != secret.text(token, LIVE):
        candidate = None  # it is for the next rotation
    if candidate:
        mark_unsettled(secret, bearers, candidate)
    try:
        said = announcement(live, settle)
    except NotSettled as error:
        drop_label(secret, PENDING, token)  # what is left to do, the promotion does: CANDIDATE asks for it
        raise NotTested(f"live, but keep the old account: {error}") from error
    if secret.labels().get(LIVE) != token:
        drop_label(secret, PENDING, token)
        raise NotTested(f"version {token} was replaced as {LIVE} while it was finished")
    tell(Promotion("promoted", said, token, previous))
    if candidate:
        drop_label(secret, UNSETTLED, candidate)
        drop_label(secret, REJECTED, bearers.get(REJECTED))
        drop_label(secret, CANDIDATE, candidate)
    drop_label(secret, PENDING, token)


def _make_live(secret: Rotating, token: str, bearers: dict[str, str], test: Test) -> None:
    """Move the live label, if this is still the candidate's value and the store accepts it."""
    staged = secret.staged(token, PENDING)
    if staged is None:
        raise NotTested(f"version {token} cannot be read yet")
    candidate, live, text = bearers.get(CANDIDATE), bearers.get(LIVE), secret.text(token, PENDING)
    is_live = live is not None and secret.text(live, LIVE) == text  # a promotion that is not settled keeps CANDIDATE
    was_put_back = bearers.get(UNSETTLED) == candidate
    if is_live or was_put_back or not candidate or secret.text(candidate, CANDIDATE) != text:
        drop_label(secret, PENDING, token)
        raise NoCandidate("the candidate was promoted, replaced or put back meanwhile; there is nothing to rotate to")
    _prove(secret, staged, test)
    secret.move(LIVE, to=token, off=live)
