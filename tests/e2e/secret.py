"""The stack's secret while it is under test: whose it may be, and how it is put back as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from storekey import CANDIDATE, LIVE, REJECTED, LabelMovedError, Secret

# A field of candidates that are staged to be rejected; what reads a secret ignores it.
NOTE = "staged by make e2e"
# Tells by hand, too, what was live before.
_MARK = "BEFORE_E2E"
_WITHOUT_VALUE = ("AWSPENDING",)
_HERE = ("localhost", "127.0.0.1")


class HarmError(Exception):
    """The test would harm somebody; the message is one line that says whom."""


def fields_of(secret: Secret, label: str) -> dict[str, Any]:
    """The fields of the version that bears a label, whatever they are; nothing where there is none, or no JSON."""
    version = secret.labels().get(label)
    text = secret.text(version, label) if version else None
    try:
        found = json.loads(text.reveal()) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def clear_candidate(secret: Secret) -> None:
    """Take away a candidate that a killed test has left; raise HarmError for one that somebody else has staged."""
    labels = secret.labels()
    if CANDIDATE not in labels:
        return
    if fields_of(secret, CANDIDATE).get("note") != NOTE:
        raise HarmError("a version of the secret bears the label CANDIDATE: somebody is about to rotate it")
    for label in (CANDIDATE, REJECTED):
        if labels.get(label) == labels[CANDIDATE]:
            secret.move(label, to=None, off=labels[CANDIDATE])


def check_of_sandbox(secret: Secret) -> None:
    """Raise HarmError unless each version that bears a label holds an account of a store on this machine."""
    for label, version in secret.labels().items():
        if label in _WITHOUT_VALUE or secret.text(version, label) is None:
            continue
        host = urlsplit(str(fields_of(secret, label).get("api_path"))).hostname
        if host not in _HERE:
            raise HarmError(
                f"the version {label} of the secret is not of a store on this machine: this is a real stack"
            )


def mark_live(secret: Secret) -> None:
    """Label the live version, which may lose its last label otherwise and be deleted; put_back takes it off again."""
    labels = secret.labels()
    if LIVE in labels:
        secret.move(_MARK, to=labels[LIVE], off=labels.get(_MARK))


@contextmanager
def put_back(secret: Secret) -> Iterator[None]:
    """Put all labels back on the versions that bear them now when this ends, however it ends.

    A secret that is empty cannot become so again: what is live at the end stays live then.
    """
    before = secret.labels()
    try:
        yield
    finally:
        for label in (LIVE, *sorted({*before, *secret.labels()} - {LIVE})):
            _put_back(secret, label, before.get(label))


def _put_back(secret: Secret, label: str, to: str | None) -> None:
    """Put a label back; Secrets Manager moves some by itself, so each is looked at when its turn comes."""
    now = secret.labels().get(label)
    if now == to or (label == LIVE and to is None):
        return
    try:
        secret.move(label, to=to, off=now)
    except LabelMovedError:
        if secret.labels().get(label) != to:
            raise
