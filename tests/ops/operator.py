"""What tests of the operator's command share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import Result

from sandbox.aws import Stack

Run = Callable[..., Result]


def labels(stack: Stack) -> dict[str, str]:
    stages = stack.aws.client("secretsmanager").describe_secret(SecretId=stack.secret_id).get("VersionIdsToStages", {})
    return {label: version for version, names in stages.items() for label in names}


def file_of(folder: Path, fields: Any) -> str:
    path = folder / "credentials.json"
    path.write_text(fields if isinstance(fields, str) else json.dumps(fields))
    return str(path)
