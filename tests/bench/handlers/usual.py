"""What people write by hand: boto3 for the secret, requests for the store."""

from __future__ import annotations

import json
import os

import boto3
import requests

secrets = boto3.client("secretsmanager")


def handler(event: object, context: object) -> object:
    """Ask the store for its time."""
    answer = secrets.get_secret_value(SecretId=os.environ["CREDENTIALS_SECRET_ARN"])
    found = json.loads(answer["SecretString"])
    response = requests.get(
        f"{found['api_path']}time",
        auth=(found["username"], found["api_token"]),
        timeout=20,
    )
    response.raise_for_status()
    print(json.dumps({"level": "INFO", "message": "checked", "status": response.status_code}))
    return response.json()
