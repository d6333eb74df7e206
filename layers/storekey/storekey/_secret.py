"""Reads the live version of the secret from Secrets Manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._cache import Version
from ._credentials import Problem, parse_secret
from ._hidden import Hidden
from ._hosts import AllowedHosts
from ._observability import hush

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class SecretReader:
    """Reads one stage of one secret; the client is made on first use."""

    def __init__(self, secret_id: str, allowed_hosts: AllowedHosts, stage: str = "AWSCURRENT") -> None:
        self._secret_id = secret_id
        self._allowed_hosts = allowed_hosts
        self._stage = stage
        self._client: SecretsManagerClient | None = None

    def __call__(self) -> Version | None:
        """Return the version, or None while the secret holds no value.

        Raises botocore's errors for what AWS refuses or cannot do; no value shows in them.
        """
        self._client = self._client or _make_client()
        try:
            # Always with the stage: the role's policy asks for it.
            answer = self._client.get_secret_value(SecretId=self._secret_id, VersionStage=self._stage)
        except self._client.exceptions.ResourceNotFoundException:
            return None
        text = answer.get("SecretString")
        holds = (
            parse_secret(Hidden(text), self._allowed_hosts)
            if text is not None
            else Problem("secret", "is binary; store one JSON object as text")
        )
        return Version(answer["VersionId"], answer["CreatedDate"], holds)


def _make_client() -> SecretsManagerClient:
    import boto3  # noqa: PLC0415 - importing it takes longer than all the rest, and tests of the core do without
    from botocore.config import Config  # noqa: PLC0415 - the same

    # These tell bodies, and so the secret, when somebody sets the root logger to DEBUG.
    hush("botocore.parsers", "botocore.endpoint")
    config = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})
    return boto3.client("secretsmanager", config=config)
