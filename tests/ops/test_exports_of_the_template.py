"""The operator's commands on the real template: its state machine runs the function against the sandbox's store."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from sandbox.aws import Stack
from sandbox.store import SandboxStore
from tests.ops.operator import Run, file_of
from tests.support import new_account


def test_an_export_is_run_listed_and_verified_and_a_tampered_part_is_found(
    run: Run, stack: Stack, sandbox_store: SandboxStore, tmp_path: Path
) -> None:
    sandbox_store.clock_skew = 600  # what other tests have changed lies in the window, too
    fields = file_of(tmp_path, new_account(sandbox_store).secret())
    assert run("credentials", "set", "--now", "--from-file", fields).exit_code == 0
    exported = run("--json", "export", "orders", "--timeout", "120")
    assert exported.exit_code == 0, exported.output
    summary = json.loads(exported.stdout)
    assert summary["rows"] == len(sandbox_store.orders)
    (finished,) = json.loads(run("--json", "runs", "orders").stdout)["runs"]
    assert (finished["run"], finished["rows"]) == (summary["run"], summary["rows"])
    assert summary["run"] in run("runs").stdout
    verified = run("verify", summary["run"])
    assert verified.exit_code == 0, verified.output

    s3, bucket = stack.aws.client("s3"), stack.outputs["ExportBucketName"]
    manifest = json.loads(s3.get_object(Bucket=bucket, Key=summary["manifest"])["Body"].read())
    part = manifest["parts"][0]["key"]
    body = gzip.decompress(s3.get_object(Bucket=bucket, Key=part)["Body"].read())
    s3.put_object(Bucket=bucket, Key=part, Body=gzip.compress(body[body.index(b"\n") + 1 :]))
    tampered = run("--json", "verify", summary["run"])
    assert tampered.exit_code == 1
    fields_of_part = {one["field"] for one in json.loads(tampered.stdout)["differences"] if one["part"] == part}
    assert fields_of_part == {"bytes", "sha256", "rows", "first_id"}


def test_a_refused_export_says_so_and_its_run_goes_on_with_new_credentials(
    run: Run, stack: Stack, sandbox_store: SandboxStore, tmp_path: Path
) -> None:
    missing = run("export", "customers", "--timeout", "120")
    assert missing.exit_code == 1
    assert "storekey credentials set" in missing.stderr
    account = new_account(sandbox_store)
    run("credentials", "set", "--now", "--from-file", file_of(tmp_path, account.secret()))
    sandbox_store.delete(account)
    refused = run("--json", "export", "customers", "--full", "--timeout", "120")
    assert refused.exit_code == 1
    assert "storekey credentials set" in json.loads(refused.stdout)["error"]
    good = file_of(tmp_path, new_account(sandbox_store).secret())
    run("credentials", "set", "--now", "--from-file", good)
    again = run("--json", "export", "customers", "--full", "--timeout", "120")
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["run"].endswith("-full")
    assert run("verify", json.loads(again.stdout)["run"], "--resource", "customers").exit_code == 0
