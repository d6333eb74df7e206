"""`make sandbox`: a store and a deployed stack that stay on this machine, to try the operator's commands on."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .aws import Aws, Stack
from .console import register_stack, show_alarm, show_points
from .functions import CREDENTIALS
from .resources import REGION
from .store import BasicAccount, SandboxStore, TokenAccount, Window
from .template import Template, text_of

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".tools/sandbox"
TOLD = """\
Ready: a store over TLS at {origin}, and AWS with the stack "storekey" at {endpoint}.
Schedules fire every {seconds:.0f} s, and moved labels start what they start. In another terminal, in this folder:

  source {folder}/env
  storekey credentials set --from-file {folder}/first.json
  storekey credentials set --from-file {folder}/second.json
  storekey status

The accounts first.json and second.json are good at this store, revoked.json is not.
Exports show after the next schedules. The alarm rings within a minute, until a good account is live again, after

  storekey credentials set --no-test --now --from-file {folder}/revoked.json

Ctrl-C ends all.
"""


@dataclass
class Playground:
    """A stack whose schedules, events, metrics and alarms live on; ``step`` does what is due."""

    aws: Aws
    store: SandboxStore
    stack: Stack
    interval: float = 30.0
    _fired: float = -1e9
    _labels: dict[str, str] = field(default_factory=dict)
    _read: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._alarms = self.stack.alarms()
        values = self.stack.template.parameters
        parameters = {
            name: ",".join(value) if isinstance(value, list) else text_of(value) for name, value in values.items()
        }
        register_stack(self.aws, self.stack.outputs, parameters)
        self._observe()  # a deployed stack has its alarms before anything has run

    def step(self) -> None:
        """Fire what is due, deliver events of labels that have moved, and bring metrics and alarms to CloudWatch."""
        if time.monotonic() - self._fired >= self.interval:
            self._fired = time.monotonic()
            for schedule in self.stack.schedules():
                self.stack.fire(schedule)
        self._deliver()
        self._observe()

    def _deliver(self) -> None:
        described = self.aws.client("secretsmanager").describe_secret(SecretId=self.stack.secret_id)
        stages = described.get("VersionIdsToStages", {})
        labels = {label: version for version, names in stages.items() for label in names}
        moved = [label for label, version in labels.items() if self._labels.get(label) != version]
        self._labels = labels
        for label in moved:
            detail = {"labelUpdated": label, "versionId": labels[label]}
            self.stack.put_event("aws.secretsmanager", "Secret Label Updated", detail, self.stack.secret_id)

    def _observe(self) -> None:
        points = []
        for function in self.stack.template.functions():
            logs = self.stack.logs(function)
            points += self._alarms.read(logs[self._read.get(function, 0) :])
            self._read[function] = len(logs)
        if points:
            times = [point.timestamp for point in points]
            show_points(self.aws, points, max(times) - min(times), max(times))
        self._alarms.evaluate()
        for alarm in self._alarms.alarms:
            show_alarm(self.aws, alarm, self._alarms.states[alarm.name])

    def write(self, folder: Path) -> None:
        """Write the environment of an operator, and accounts of the store."""
        folder.mkdir(parents=True, exist_ok=True)
        revoked = self.store.create_account("revoked")
        self.store.delete(revoked)
        accounts: dict[str, BasicAccount | TokenAccount] = {
            "first": self.store.create_account("orders-export"),
            "second": self.store.create_token_account("orders-export"),
            "revoked": revoked,
        }
        for name, account in accounts.items():
            (folder / f"{name}.json").write_text(json.dumps(account.secret()))
        variables = {**CREDENTIALS, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": self.aws.endpoint}
        lines = [f"export {name}={value}" for name, value in variables.items()]
        (folder / "env").write_text("\n".join([*lines, f'export PATH="{ROOT}/.venv/bin:$PATH"']) + "\n")


@contextmanager
def playground(aws: Aws, interval: float = 30.0) -> Iterator[Playground]:
    """Deploy the stack for a store of its own."""
    with SandboxStore(orders=250) as store:
        store.quota = Window(limit=450)
        parameters = {"StoreName": "sandbox", "AllowedHosts": store.host, "StoreCaBundle": store.ca_pem}
        template = Template.load(ROOT / "template.yaml", parameters)
        with closing(aws.deploy(template, time_scale=0.01)) as stack:
            yield Playground(aws, store, stack, interval)


def stay() -> int:
    """Keep it running until Ctrl-C; return the exit status."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.default_int_handler)  # a shell has its background jobs ignore the first
    try:
        with Aws() as aws, playground(aws) as running:
            running.write(FOLDER)
            folder, origin = FOLDER.relative_to(ROOT), running.store.origin
            told = TOLD.format(origin=origin, endpoint=aws.endpoint, seconds=running.interval, folder=folder)
            print(told, flush=True)
            while True:
                running.step()
                time.sleep(0.5)
    except KeyboardInterrupt:
        (FOLDER / "env").unlink(missing_ok=True)
        print("\nstopped")
    return 0
