"""The demo's end: `storekey status` looks at what happened, and writes it as a page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .console import register_stack, show_alarm, show_points
from .functions import CREDENTIALS
from .metrics import Metrics
from .resources import REGION

if TYPE_CHECKING:
    from .demo import Scene

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / ".tools/status.html"
# A little less than what is looked back on.
_SECONDS = 23.5 * 3600


def play(on: Scene, webhooks: dict[str, Any]) -> None:
    """Write the page; ``webhooks`` are the outputs of the stack that had them on."""
    on.run(on.check)
    aws, stack = on.stack.aws, on.stack
    ours = {name: value for name, value in webhooks.items() if name.startswith("Webhook")}
    parameters = {each: stack.template.parameters[each] for each in ("StoreName", "ExportResources", "QuotaReserve")}
    register_stack(aws, {**stack.outputs, **ours}, {name: _text(value) for name, value in parameters.items()})
    for alarm in on.alarms.alarms:
        show_alarm(aws, alarm, on.alarms.states[alarm.name])
    show_points(aws, Metrics().read("\n".join(on.logs)), _SECONDS, time.time())
    PAGE.parent.mkdir(exist_ok=True)
    told = _status(aws.endpoint, "--html", str(PAGE))
    on.story.prove(
        told.get("result") == "well" and PAGE.stat().st_size > 0,
        "storekey status finds all well, and draws the demo as a page, its seconds stretched to a day",
        f"{PAGE.relative_to(ROOT)}, {told.get('credentials', {}).get('state', told)}",
    )


def _status(endpoint: str, *options: str) -> dict[str, Any]:
    environment = {**os.environ, **CREDENTIALS, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": endpoint}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "layers/storekey")])
    command = [sys.executable, "-m", "ops", "--json", "status", *options]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return {"result": done.stderr[-300:]}
    return told


def _text(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)
