"""The secret in Secrets Manager: its live version, its labels, and how a label moves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ._cache import Version
from ._credentials import Problem, parse_secret
from ._hidden import Hidden
from ._hosts import AllowedHosts
from ._observability import hush
from ._signed import SECRETS_MANAGER, Signed

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import GetSecretValueResponseTypeDef

LIVE, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
CANDIDATE, REJECTED, PENDING = "CANDIDATE", "REJECTED", "AWSPENDING"
UNSETTLED = "UNSETTLED"


class LabelMovedError(Exception):
    """Somebody else moved the label meanwhile."""


class Secret:
    """One secret. Its client is made on first use; what AWS refuses or cannot do is raised as botocore's errors."""

    def __init__(self, secret_id: str, allowed_hosts: AllowedHosts, client: SecretsManagerClient | None = None) -> None:
        self._id = secret_id
        self._allowed_hosts = allowed_hosts
        self._made = client
        self._signed = Signed(SECRETS_MANAGER)

    @property
    def _client(self) -> SecretsManagerClient:
        self._made = self._made or _make_client()
        return self._made

    def live(self) -> Version | None:
        """Return the live version, or None while the secret has never been filled."""
        return self._bearing(LIVE)

    def previous(self) -> Version | None:
        """Return the version that was live before, or None where there is none."""
        return self._bearing(PREVIOUS)

    def staged(self, version: str, label: str) -> Version | None:
        """Return a version as long as it bears the label, or None."""
        return self._get(VersionId=version, VersionStage=label)

    def text(self, version: str, label: str) -> Hidden | None:
        """Return a version's text as it was stored, unknown fields and all, as long as it bears the label."""
        found = self._answer(VersionId=version, VersionStage=label)
        return Hidden(found["SecretString"]) if found and "SecretString" in found else None

    def put(self, version: str, text: Hidden, label: str) -> None:
        """Store a text as this version under a label; the same text again is no change."""
        self._client.put_secret_value(
            SecretId=self._id, ClientRequestToken=version, SecretString=text.reveal(), VersionStages=[label]
        )

    def versions(self) -> dict[str, set[str]]:
        """Return the labels of each version that bears one."""
        stages: dict[str, list[str]] = self._described().get("VersionIdsToStages", {})
        return {version: set(labels) for version, labels in stages.items()}

    def labels(self) -> dict[str, str]:
        """Return the id of the version that bears each label."""
        return {label: version for version, labels in self.versions().items() for label in labels}

    def changed(self) -> datetime:
        """Return when a label or a value last changed."""
        answer = self._described()
        changed: datetime = answer.get("LastChangedDate") or answer["CreatedDate"]
        return changed

    def move(self, label: str, to: str | None, off: str | None) -> None:
        """Take a label ``off`` one version and put it on another; LabelMovedError where it is no longer there."""
        versions = {"MoveToVersionId": to, "RemoveFromVersionId": off}
        given: Any = {name: version for name, version in versions.items() if version}
        try:
            self._client.update_secret_version_stage(SecretId=self._id, VersionStage=label, **given)
        except (
            self._client.exceptions.InvalidParameterException,
            self._client.exceptions.ResourceNotFoundException,
        ) as error:
            raise LabelMovedError(label) from error

    def _bearing(self, label: str) -> Version | None:
        answer = self._asked("GetSecretValue", VersionStage=label)
        if answer and {"SecretString", "VersionId", "CreatedDate"} <= answer.keys():
            return self._version(answer)
        return self._get(VersionStage=label)

    def _described(self) -> Mapping[str, Any]:
        return self._asked("DescribeSecret") or self._client.describe_secret(SecretId=self._id)

    def _asked(self, operation: str, **which: str) -> dict[str, Any] | None:
        """Ask without boto3; None where that is not sure to be right, or boto3's client is there anyway."""
        return None if self._made else self._signed.ask(operation, {"SecretId": self._id, **which})

    def _get(self, **which: str) -> Version | None:
        answer = self._answer(**which)
        return None if answer is None else self._version(answer)

    def _version(self, answer: Mapping[str, Any]) -> Version:
        text = answer.get("SecretString")
        holds = (
            parse_secret(Hidden(text), self._allowed_hosts)
            if text is not None
            else Problem("secret", "is binary; store one JSON object as text")
        )
        return Version(answer["VersionId"], answer["CreatedDate"], holds)

    def _answer(self, **which: str) -> GetSecretValueResponseTypeDef | None:
        """Read one version, always with its label: the roles' policies ask for it."""
        try:
            return self._client.get_secret_value(SecretId=self._id, **which)
        except self._client.exceptions.ResourceNotFoundException:
            return None
        except self._client.exceptions.InvalidRequestException:
            if "VersionId" in which:
                return None  # the version no longer bears the label
            raise


def _make_client() -> SecretsManagerClient:
    import boto3  # noqa: PLC0415 - importing it takes longer than all the rest, and tests of the core do without
    from botocore.config import Config  # noqa: PLC0415 - the same

    # These tell bodies, and so the secret, when somebody sets the root logger to DEBUG.
    hush("botocore.auth", "botocore.parsers", "botocore.endpoint")
    config = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})
    return boto3.client("secretsmanager", config=config)
