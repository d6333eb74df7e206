"""The story's third part: Secrets Manager's rotation is refused where it must be, and changes nothing then."""

from __future__ import annotations

import uuid

from ops.stack import FunctionFailed

from .deployed import Deployed


def play(on: Deployed) -> None:
    """Play the part; nothing is staged, so there is nothing to rotate to."""
    before = on.live()
    _of_no_rotation(on)
    client, secret = on.stack.client("secretsmanager"), on.stack.output("CredentialsSecretArn")
    if client.describe_secret(SecretId=secret).get("RotationEnabled"):
        client.rotate_secret(SecretId=secret, ClientRequestToken=str(uuid.uuid4()))
        _without_candidate(on)
    on.story.prove(
        on.live() == before, "the live version stays live", f"version {before}", "storekey credentials status"
    )


def _of_no_rotation(on: Deployed) -> None:
    """Call the function as nobody but Secrets Manager may, for a version that is not there."""
    token = str(uuid.uuid4())
    event = {"Step": "createSecret", "SecretId": on.stack.output("CredentialsSecretArn"), "ClientRequestToken": token}
    try:
        seen = str(on.stack.invoke("RotateFunctionName", event))
    except FunctionFailed as error:
        seen = f"{error.kind}: {error.message}"
    on.story.prove(
        seen.startswith("NotPending"), "a step of no rotation is refused", seen, on.log_group("rotate_credentials")
    )


def _without_candidate(on: Deployed) -> None:
    line = on.wait_for_line("NoCandidate", "control panel")
    group = on.log_group("rotate_credentials")
    seen = line.splitlines()[0] if line else f"no NoCandidate in {group}"
    claim = "a rotation without a candidate is refused, and says what its owner must do"
    on.story.prove(line is not None, claim, seen, group)
