"""A deployed stack, as an operator sees it: its outputs, its secret and its functions."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
from botocore.config import Config

from storekey import CANDIDATE, LIVE, PREVIOUS, REJECTED, AllowedHosts, Credentials, Hidden, Secret, Settings

_EVENT_SECONDS = 20.0
_POLL_SECONDS = 0.5
# Longer than a function may run, and once: a second invocation beside the first would help nobody.
_CONFIG = Config(read_timeout=130, retries={"mode": "standard", "total_max_attempts": 1})
_LONG = Config(read_timeout=930, retries={"mode": "standard", "total_max_attempts": 1})
# Who follows an export for an hour asks hundreds of times; one that is lost must not end it. Asking again is harmless.
_PATIENT = Config(read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4})
_ASKED_AGAIN = ("cloudwatch", "dynamodb", "s3", "sqs", "stepfunctions")

_KEEP = "live, but keep the old account"


class StackError(Exception):
    """AWS, or the stack there, is not as it must be; the message is one line with the remedy."""


class FunctionFailed(StackError):
    """A function of the stack raised an error: its kind and its message."""

    def __init__(self, output: str, kind: str, message: str) -> None:
        super().__init__(f"{output}: failed ({kind}); see its log")
        self.kind = kind
        self.message = message


@dataclass(frozen=True)
class Outcome:
    """What became of a staged version: ``live`` where the promotion has not ended, and the old account must stay."""

    result: str
    version: str
    detail: str


class Stack:
    """One deployed stack. Raises StackError where AWS cannot be asked or the stack is not there."""

    def __init__(self, name: str, endpoint_url: str | None = None, region: str | None = None) -> None:
        self.name = name
        self._endpoint_url = endpoint_url
        self._region = region
        self._clients: dict[tuple[str, bool], Any] = {}
        found = self._find()
        self.name = found["StackName"]  # it may have been named by its ARN
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
        parameters = {one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters", [])}
        self.parameters = parameters
        self.settings = Settings.from_environment(
            {
                "CREDENTIALS_SECRET_ARN": self.output("CredentialsSecretArn"),
                "STORE_NAME": parameters.get("StoreName", ""),
                "ALLOWED_HOSTS": parameters.get("AllowedHosts", ""),
                "STORE_CA_BUNDLE": _bundle_here(parameters.get("StoreCaBundle", "")),
                "QUOTA_RESERVE": parameters.get("QuotaReserve", ""),
            }
        )
        self.secret = Secret(self.settings.secret_id, self.settings.allowed_hosts, self.client("secretsmanager"))

    @property
    def hosts(self) -> AllowedHosts:
        """The hosts that the stack may send credentials to."""
        return self.settings.allowed_hosts

    def client(self, service: Any, long: bool = False) -> Any:
        """Return the one client of a service; a ``long`` one waits for an answer for a quarter of an hour."""
        if (service, long) not in self._clients:
            self._clients[service, long] = self._new_client(service, long)
        return self._clients[service, long]

    @property
    def region(self) -> str:
        """The region that the stack is in."""
        name: str = self.client("cloudformation").meta.region_name
        return name

    def output(self, name: str) -> str:
        """Return one of the stack's outputs."""
        if name not in self.outputs:
            raise StackError(f"--stack: {self.name} has no output {name}; is it a storekey stack of today?")
        value: str = self.outputs[name]
        return value

    def store(self, text: Hidden, label: str) -> str:
        """Store a version under a label; return its id."""
        version = str(uuid.uuid4())
        self.secret.put(version, text, label)
        return version

    def follow(self, version: str, timeout: float) -> Outcome:
        """Wait until a candidate was promoted or rejected; start the promotion where its event does not come."""
        labels: dict[str, str] = {}
        started, invoked = time.monotonic(), False
        while (waited := time.monotonic() - started) < timeout:
            labels = self.secret.labels()
            if labels.get(LIVE) == version and CANDIDATE not in labels:
                when = "in ten minutes" if "SyncFunctionName" in self.outputs else "now"
                return Outcome("promoted", version, f"the store accepts it; the old account may be deleted {when}")
            if labels.get(REJECTED) == version:
                return Outcome("rejected", version, "the topic and the log of promote_credentials say why")
            if labels.get(CANDIDATE) != version:
                return _overtaken(version, labels)
            if waited > _EVENT_SECONDS and not invoked:
                answer, invoked = self.invoke("PromoteFunctionName"), True
                if answer.get("version") == version and answer["result"] != "nothing to do":
                    return self._answered(version, answer)
            time.sleep(_POLL_SECONDS)
        if labels.get(LIVE) == version:
            return Outcome("live", version, f"{_KEEP}: the promotion has not ended; the next check goes on with it")
        return Outcome("staged", version, "not live yet; the next check has it tested again")

    def _answered(self, version: str, answer: Mapping[str, Any]) -> Outcome:
        """Tell what the promotion answered; while a label CANDIDATE is there, it has not ended."""
        ended = answer["result"] != "promoted" or CANDIDATE not in self.secret.labels()
        return Outcome(answer["result"] if ended else "live", version, answer["detail"])

    def roll_back(self) -> tuple[str, str]:
        """Put the live label back on the version before; return the ids of both, the new one first."""
        labels = self.secret.labels()
        live, previous = labels.get(LIVE), labels.get(PREVIOUS)
        if not live or not previous:
            raise StackError("AWSPREVIOUS: stands on no version; there is nothing to go back to")
        self.secret.move(LIVE, to=previous, off=live)
        if labels.get(CANDIDATE) == live:
            self.secret.move(CANDIDATE, to=None, off=live)  # else the next check would promote it again
        return previous, live

    def status(self) -> dict[str, Any]:
        """Tell kind, user, host, version, age in days, labels and the last check; never a token."""
        live = self.secret.live()
        holds = live.holds if live else None
        known = holds if isinstance(holds, Credentials) else None
        return {
            "store": self.settings.store_name,
            "kind": known.kind if known else None,
            "user": known.username if known else None,
            "host": known.host if known else None,
            "version": live.id if live else None,
            "age_days": round((datetime.now(UTC) - live.created).total_seconds() / 86_400, 1) if live else None,
            "problem": None if known or not holds else str(holds),
            "labels": self.secret.labels(),
            "last_check": self._last_check(),
        }

    def invoke(self, output: str, event: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run one of the stack's functions, with an event for as long as it takes; raises FunctionFailed."""
        function = self.client("lambda", long=event is not None)
        answer = function.invoke(FunctionName=self.output(output), Payload=json.dumps(event or {}).encode())
        payload: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise FunctionFailed(output, str(payload.get("errorType")), str(payload.get("errorMessage", "")))
        return payload

    def _new_client(self, service: Any, long: bool) -> Any:
        try:
            config = _LONG if long else _PATIENT if service in _ASKED_AGAIN else _CONFIG
            return boto3.client(service, endpoint_url=self._endpoint_url, region_name=self._region, config=config)
        except botocore.exceptions.NoRegionError:
            raise StackError("region: is not set; set AWS_DEFAULT_REGION or give --region") from None

    def _find(self) -> dict[str, Any]:
        try:
            (found,) = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            raise StackError(f"--stack: there is no stack {self.name} here; check name, region and account") from None
        except botocore.exceptions.BotoCoreError as error:
            raise StackError(f"AWS: cannot be asked ({type(error).__name__}); check credentials and network") from None
        stack: dict[str, Any] = found
        return stack

    def _last_check(self) -> str | None:
        now = datetime.now(UTC)
        points = self.client("cloudwatch").get_metric_statistics(
            Namespace="Storekey",
            MetricName="ChecksFinished",
            Dimensions=[{"Name": "store", "Value": self.settings.store_name}],
            StartTime=now - timedelta(hours=3),
            EndTime=now,
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
        return max(point["Timestamp"] for point in points).isoformat() if points else None


def _overtaken(version: str, labels: Mapping[str, str]) -> Outcome:
    """Tell of a version that another one has replaced as the candidate, or that lost the label otherwise."""
    if labels.get(LIVE) == version:
        return Outcome("live", version, f"{_KEEP}: somebody has staged another one meanwhile")
    return Outcome("superseded", version, "somebody has staged or promoted another one meanwhile")


def _bundle_here(bundle: str) -> str:
    """Leave out the path of a file that is in the functions alone."""
    return bundle if "-----BEGIN" in bundle or Path(bundle).is_file() else ""
