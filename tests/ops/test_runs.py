"""`storekey runs` and `storekey verify`, as an operator runs them, on runs that lie in a bucket."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from sandbox.aws import Aws, Stack
from sandbox.console import register_stack
from tests.ops.backfilling import BACKFILL, Backfilled, plan, range_
from tests.ops.exported import PERSONAL, RUN, Exported, packed, row
from tests.ops.exporting import Exporting
from tests.ops.operator import Run

FULL = "20250101T000000Z-full"


def put(exporting: Exporting, *runs: Exported) -> None:
    for one in runs:
        one.put(exporting.s3, exporting.bucket)


def now_named(seconds_ago: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - seconds_ago)) + "-incremental"


def test_finished_runs_of_all_resources_are_shown_the_newest_first(run: Run, exporting: Exporting) -> None:
    recent = now_named(900)
    put(exporting, Exported([[1]]), Exported([[2, 3]], run=recent, resource="customers"), Exported([], run=FULL))
    exporting.s3.put_object(Bucket=exporting.bucket, Key=f"{Exported([]).manifest_key}.tmp", Body=b"{}")
    put(exporting, Exported([[9]], store="other"))
    answer = json.loads(run("--json", "runs").stdout)
    assert [(one["resource"], one["run"], one["rows"]) for one in answer["runs"]] == sorted(
        [("customers", recent, 2), ("orders", RUN, 1), ("orders", FULL, 0)], key=lambda one: str(one[1]), reverse=True
    )
    (first,) = json.loads(run("--json", "runs", "--limit", "1").stdout)["runs"]
    assert first["run"] == max(recent, RUN)
    shown = run("runs", "orders").stdout
    assert RUN in shown and FULL in shown and "42 s" in shown and "agrees" in shown
    assert recent not in shown


def test_open_runs_and_what_fails_are_shown(run: Run, exporting: Exporting) -> None:
    now = int(time.time())
    open_run = {
        "id": FULL,
        "mode": "full",
        "api": "v2",
        "rows": 100,
        "requests": 3,
        "count_before": 9000,
        "started": now,
    }
    behind = {"run": RUN, "rows": 5000, "requests": 30, "at": now - 900}  # of the run before
    cause = '{"errorMessage": "GET v2/customers: \\"403\\"", "errorType": "Forbidden", "stackTrace": ["  File app.p'
    failing = {"error": "Forbidden", "message": cause, "at": 1_790_000_000}
    exporting.note("orders", run=open_run, progress=behind, lease_until=now + 60)
    exporting.note("customers", run=open_run, lease_until=now - 60, failing=failing, watermark=now - 3 * 86_400)
    shown = " ".join(run("runs").stdout.split())
    assert "no finished run; storekey export makes one" in shown
    assert f"orders: open {FULL}: 100 of 9,000 rows, 3 requests; leased for" in shown
    assert "lag 3 d; no invocation holds it, the next export goes on with it" in shown
    assert 'customers: failing since 2026-09-21T14:13:20Z: Forbidden: GET v2/customers: "403"' in shown
    assert "products: no open run" in shown
    assert "app.p" not in shown
    orders, customers, products = json.loads(run("--json", "runs").stdout)["resources"]
    assert (orders["open"]["rows"], orders["failing"], orders["lag_seconds"]) == (100, None, None)
    assert (customers["failing"]["error"], customers["open"]["leased"]) == ("Forbidden", 0)
    nothing = dict.fromkeys(("open", "failing", "lag_seconds", "backfill"))
    assert products == {"resource": "products", **nothing}


def test_backfills_are_shown_finished_and_open_ones(run: Run, exporting: Exporting) -> None:
    put(exporting, Backfilled(resource="customers"), Exported([[1]]))
    plan(exporting, failing={"error": "Forbidden", "message": "403", "at": 1_790_000_000})
    range_(exporting, "00000", 9_900, done=True)
    range_(exporting, "00001", 50, quota_left=9)
    exporting.note("customers/backfill", finished=BACKFILL)
    shown = " ".join(run("runs").stdout.split())
    assert f"customers {BACKFILL} 6 7 42 s agrees" in shown
    how_far = "9,950 of about 40,000 rows, 10 requests, quota left 9, 1 of 2 ranges done"
    assert f"orders: open {BACKFILL}: {how_far}; storekey backfill orders follows it, or goes on with it" in shown
    assert "orders: backfill failing since 2026-09-21T14:13:20Z: Forbidden: 403" in shown
    orders, customers, _ = json.loads(run("--json", "runs").stdout)["resources"]
    assert customers["backfill"] is None
    backfill = orders["backfill"]
    assert (backfill["id"], backfill["ranges"], backfill["done"], backfill["rows"]) == (BACKFILL, 2, 1, 9_950)
    assert backfill["failing"]["error"] == "Forbidden"


def test_a_backfill_is_verified_range_by_range(run: Run, exporting: Exporting) -> None:
    whole = Backfilled()
    put(exporting, whole)
    result = run("verify", BACKFILL)
    assert result.exit_code == 0, result.output
    assert "part-00001-00000.jsonl.gz" in result.stdout and "12 to 20" in result.stdout
    whole.manifest["ranges"][1]["after"] = 11
    put(exporting, whole)
    differing = run("verify", BACKFILL)
    assert differing.exit_code == 1
    assert "ranges[1].after" in differing.stdout


def test_a_manifest_that_cannot_be_read_does_not_hide_the_others(run: Run, exporting: Exporting) -> None:
    broken = Exported([[1]], run=FULL)
    put(exporting, broken, Exported([[1]]))
    exporting.s3.put_object(Bucket=exporting.bucket, Key=broken.manifest_key, Body=b"[")
    result = run("runs")
    assert result.exit_code == 0
    assert "unreadable" in result.stdout and RUN in result.stdout


@pytest.mark.parametrize("arguments", [("invoices",), ("orders", "--limit", "0")])
def test_wrong_input_of_runs(run: Run, exporting: Exporting, arguments: tuple[str, ...]) -> None:
    assert run("runs", *arguments).exit_code == 2


def test_a_run_that_holds_is_told_part_by_part(run: Run, exporting: Exporting) -> None:
    put(exporting, Exported([[1, 2, 5], [6, 9]]))
    result = run("verify", RUN)
    assert result.exit_code == 0, result.output
    assert "part-00001.jsonl.gz" in result.stdout and "6 to 9" in result.stdout
    assert "differs" not in result.stdout
    answer = json.loads(run("--json", "verify", RUN, "--resource", "orders").stdout)
    assert (answer["result"], answer["parts"], answer["rows"], answer["differences"]) == ("holds", 2, 5, [])
    assert PERSONAL not in result.output


def test_a_run_without_rows_holds(run: Run, exporting: Exporting) -> None:
    put(exporting, Exported([], resource="customers"))
    assert run("verify", RUN).exit_code == 0


def test_each_difference_is_named(run: Run, exporting: Exporting) -> None:
    changed = Exported([[1, 2, 5], [6, 9], [10]])
    changed.files[changed.key(0)] = packed([row(1), row(2), row(5, total_inc_tax="0")])
    del changed.files[changed.key(1)]
    changed.files[changed.key(3)] = packed([row(11)])
    put(exporting, changed)
    result = run("verify", RUN)
    assert result.exit_code == 1
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["part-00000.jsonl.gz", "sha256"] in [line[:2] for line in lines]
    assert ["part-00001.jsonl.gz", "object"] in [line[:2] for line in lines]
    assert ["part-00003.jsonl.gz", "object"] in [line[:2] for line in lines]
    assert ["part-00002.jsonl.gz", "1"] in [line[:2] for line in lines if line[-1:] == ["holds"]]
    answer = json.loads(run("--json", "verify", RUN).stdout)
    assert answer["result"] == "differs"
    assert {"part", "field", "expected", "found", "line", "more"} == set(answer["differences"][0])
    assert PERSONAL not in result.output


def test_a_manifest_that_is_no_json_differs(run: Run, exporting: Exporting) -> None:
    broken = Exported([[1]])
    put(exporting, broken)
    exporting.s3.put_object(Bucket=exporting.bucket, Key=broken.manifest_key, Body=b"[")
    result = run("verify", RUN)
    assert result.exit_code == 1
    assert "manifest" in result.stdout


def test_a_run_is_looked_for_and_two_of_one_name_must_be_told_apart(run: Run, exporting: Exporting) -> None:
    put(exporting, Exported([[1]], resource="orders"), Exported([[1]], resource="products"))
    both = run("verify", RUN)
    assert both.exit_code == 2
    assert "is one of orders and of products; tell which with --resource" in both.stderr
    assert run("verify", RUN, "--resource", "orders").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    {
        "no run": (("yesterday",), "run: is no run's name; give one as storekey runs shows it"),
        "a path": (("../20261124T084200Z-full",), "run: is no run's name"),
        "an unknown run": ((FULL,), f"run: {FULL} is no finished run of orders, customers, products"),
        "an unknown resource": ((RUN, "--resource", "invoices"), "resource: is none of those"),
        "another resource": ((RUN, "--resource", "customers"), f"run: {RUN} is no finished run of customers;"),
        "an open run": (("20260101T000000Z-full",), "run: 20260101T000000Z-full is not finished yet"),
        "an open backfill": ((BACKFILL,), f"run: {BACKFILL} is not finished yet; storekey runs shows how far it is"),
    }.values(),
)
def test_wrong_input_of_verify(run: Run, exporting: Exporting, arguments: tuple[str, ...], told: str) -> None:
    put(exporting, Exported([[1]]))
    exporting.note("orders", run={"id": "20260101T000000Z-full", "rows": 1, "requests": 1})
    plan(exporting)
    result = run("verify", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_bucket_that_is_gone_is_one_line(run: Run, exporting: Exporting, stack: Stack, aws: Aws) -> None:
    outputs: dict[str, Any] = stack.outputs | exporting.outputs | {"ExportBucketName": "there-is-none-such"}
    register_stack(aws, outputs, {"StoreName": "retail"})
    for arguments in (("runs",), ("verify", RUN)):
        result = run(*arguments)
        assert result.exit_code == 3
        assert "was refused (NoSuchBucket)" in result.stderr
