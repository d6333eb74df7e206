"""The function: its event, its settings, its metrics, and what it tells of failures."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from sandbox.aws import Aws
from sandbox.store import SandboxStore
from storekey import Store, lambda_handler
from storekey._errors import MissingCredentials, Unauthorized, Unreachable
from storekey._settings import SettingsError
from storekey.exports import BadEvent, ExportSettings, _plan, export
from storekey.exports._function import _clients
from tests.layer.exports.conftest import Place
from tests.support import Context, emf, new_account, points

Invoke = Callable[..., Any]


@pytest.fixture
def secret_id(aws: Aws, place: Place) -> str:
    arn: str = aws.client("secretsmanager").create_secret(Name=place.name)["ARN"]
    return arn


@pytest.fixture
def invoke(
    aws: Aws, place: Place, secret_id: str, sandbox_store: SandboxStore, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Invoke]:
    """The function, deployed for the sandbox's store."""
    variables = {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "CREDENTIALS_SECRET_ARN": secret_id,
        "ALLOWED_HOSTS": sandbox_store.host,
        "STORE_CA_BUNDLE": sandbox_store.ca_pem,
        "STORE_NAME": "shop",
        "EXPORT_TABLE": place.name,
        "EXPORT_BUCKET": place.name,
        "EXPORT_RESOURCES": "orders,customers",
        "INCLUDE_ORDER_LINES": "false",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    _clients.cache_clear()
    Store.forget()

    @lambda_handler
    def handler(event: Any, context: Any) -> Any:
        return export(event, context.aws_request_id)

    yield lambda event, seconds=60.0: handler(event, Context(seconds))
    Store.forget()
    for client in _clients():
        client.close()
    _clients.cache_clear()


@pytest.fixture
def filled(aws: Aws, secret_id: str, sandbox_store: SandboxStore) -> str:
    """The secret holds an account that the store accepts; its user name."""
    account = new_account(sandbox_store)
    aws.client("secretsmanager").put_secret_value(SecretId=secret_id, SecretString=json.dumps(account.secret()))
    return account.username


@pytest.mark.parametrize(
    ("event", "named"),
    [
        (None, "the event is not an object"),
        ([], "the event is not an object"),
        ({}, "resource is none of orders, customers, products"),
        ({"resource": "secret-of-somebody"}, "resource is none of"),
        ({"resource": ["orders"]}, "resource is none of"),
        ({"resource": {}}, "resource is none of"),
        ({"resource": "orders", "mode": "secret-of-somebody"}, "mode is none of incremental, full"),
        ({"resource": "orders", "mode": {"a": 1}}, "mode is none of"),
        ({"failed": {}}, "resource is none of"),
    ],
)
def test_a_bad_event_is_told_by_its_field_and_never_its_value(event: Any, named: str) -> None:
    with pytest.raises(BadEvent, match=named) as caught:
        export(event, "request")
    assert "somebody" not in str(caught.value)


def test_all_wrong_settings_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        ExportSettings.from_environment({"EXPORT_RESOURCES": "orders,brands", "INCLUDE_ORDER_LINES": "yes"})
    for name in ("EXPORT_TABLE", "EXPORT_BUCKET", "EXPORT_RESOURCES names brands", "INCLUDE_ORDER_LINES"):
        assert name in str(caught.value)


def test_settings_are_what_the_stack_says() -> None:
    places = {"EXPORT_TABLE": "t", "EXPORT_BUCKET": "b"}
    assert ExportSettings.from_environment(places) == ExportSettings(
        "t", "b", ("orders", "customers", "products"), True
    )
    few = places | {"EXPORT_RESOURCES": "products", "INCLUDE_ORDER_LINES": "false"}
    assert ExportSettings.from_environment(few) == ExportSettings("t", "b", ("products",), False)


@pytest.mark.usefixtures("filled")
def test_a_finished_run_is_answered_and_counted(
    invoke: Invoke, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = invoke({"resource": "orders", "execution": "one"})
    output = capsys.readouterr().out
    assert answer["complete"] and answer["rows"] == len(place.ids(answer["run"])) > 0
    assert json.loads(json.dumps(answer)) == answer
    (told,) = [one for one in emf(output) if "ExportedRows" in one]
    (directive,) = told["_aws"]["CloudWatchMetrics"]
    assert set(directive["Dimensions"][0]) == {"store", "resource"} and told["resource"] == "orders"
    units = {
        metric["Name"]: metric["Unit"]
        for one in emf(output)
        for metric in one["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    }
    assert (units["ExportedRows"], units["ExportLagSeconds"]) == ("Count", "Seconds")
    assert (units["ExportsFailing"], units["ExportsBehindSeconds"]) == ("Count", "Seconds")
    assert points(output, "ExportedRows") == [answer["rows"]]
    assert points(output, "ExportLagSeconds") == [pytest.approx(60, abs=5)]
    assert points(output, "ExportsFailing") == [0]
    assert points(output, "ExportsBehindSeconds") == [pytest.approx(60, abs=5)]
    (gauges,) = [one for one in emf(output) if "ExportsFailing" in one]
    assert gauges["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["store"]]


def test_a_failed_execution_is_noted_and_told_until_a_run_is_finished(
    invoke: Invoke, place: Place, filled: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cause = json.dumps({"errorMessage": "no"}) + "x" * 5000
    answer = invoke({"resource": "orders", "mode": "full", "failed": {"Error": "Forbidden", "Cause": cause}})
    assert answer == {"resource": "orders", "noted": True}
    failing = place.item()["failing"]
    assert (failing["error"], failing["message"]) == ("Forbidden", cause[:1000])
    invoke({"resource": "customers", "failed": "?"})
    assert place.item("customers")["failing"]["error"] == "unknown"
    output = capsys.readouterr().out
    assert points(output, "ExportsFailing") == [1, 2]
    assert points(output, "StoreRequests") == []
    invoke({"resource": "orders"})
    told = [document for document in emf(capsys.readouterr().out) if "ExportsFailing" in document]
    assert [document["ExportsFailing"] for document in told] == [[1.0], [1.0]]
    now, then = (document["_aws"]["Timestamp"] for document in told)
    assert 59_000 < then - now < 61_000, "who heals says so for the next minute, too"
    assert "failing" not in place.item()


def test_a_resource_that_the_stack_does_not_export_is_not_in_the_gauges(
    invoke: Invoke, capsys: pytest.CaptureFixture[str]
) -> None:
    invoke({"resource": "products", "failed": {"Error": "NotFound"}})
    assert points(capsys.readouterr().out, "ExportsFailing") == [0]


@pytest.mark.parametrize("which", ["missing", "refused"])
def test_nothing_is_behind_while_the_credentials_are_missing_or_refused(
    invoke: Invoke, place: Place, aws: Aws, secret_id: str, sandbox_store: SandboxStore, which: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    held = place.state.acquire("customers", "one")
    place.dynamodb.update_item(
        TableName=place.name,
        Key={"resource": {"S": "customers"}},
        UpdateExpression="SET watermark = :long_ago",
        ExpressionAttributeValues={":long_ago": {"N": "1"}},
    )
    if which == "refused":
        fields = new_account(sandbox_store).secret() | {"api_token": "planted"}
        aws.client("secretsmanager").put_secret_value(SecretId=secret_id, SecretString=json.dumps(fields))
    with pytest.raises(MissingCredentials if which == "missing" else Unauthorized) as caught:
        invoke({"resource": "orders"})
    output = capsys.readouterr().out
    assert points(output, "ExportsBehindSeconds") == [0]
    assert points(output, "ExportsFailing") == [0]
    assert "planted" not in f"{output} {caught.value}"
    assert held


@pytest.mark.usefixtures("filled")
def test_the_resource_that_lags_most_is_told(invoke: Invoke, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.state.acquire("customers", "one")
    place.dynamodb.update_item(
        TableName=place.name,
        Key={"resource": {"S": "customers"}},
        UpdateExpression="SET created = created - :hour",
        ExpressionAttributeValues={":hour": {"N": "3600"}},
    )
    invoke({"resource": "orders"})
    assert points(capsys.readouterr().out, "ExportsBehindSeconds") == [pytest.approx(3600, abs=5)]


@pytest.mark.usefixtures("filled")
def test_an_invocation_without_time_goes_on_in_the_next_one(invoke: Invoke, place: Place) -> None:
    event: dict[str, Any] = {"resource": "orders", "execution": "one"}
    answer: dict[str, Any] = {"complete": False, "run": ""}
    for _ in range(20):
        # On a busy machine the second may be too short for anything; the state machine tries again then.
        with suppress(Unreachable):
            answer = invoke({**event, "run": answer["run"]}, seconds=1.0)
        if answer["complete"]:
            break
    assert answer["complete"] and answer["rows"] == len(place.ids(answer["run"]))


@pytest.mark.usefixtures("filled")
def test_what_the_function_says_of_a_run_names_nobody(
    invoke: Invoke, place: Place, sandbox_store: SandboxStore, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = invoke({"resource": "customers"})
    output = capsys.readouterr()
    rows = place.rows(answer["run"], "customers")
    said = f"{output.out} {output.err} {answer} {place.item('customers')} {place.manifest(answer['run'], 'customers')}"
    assert rows and not any(row["email"] in said for row in rows)


def backfill(invoke: Invoke, **more: Any) -> Any:
    return invoke({"resource": "orders", "mode": "backfill", **more})


def test_a_backfill_is_planned_worked_on_and_finished(
    invoke: Invoke, filled: str, place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_plan, "_LEAST_ROWS", 5)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
    planned = backfill(invoke)
    assert (planned["complete"], planned["resumed"], planned["memory_mb"]) == (True, False, 512)
    assert planned["run"].endswith("Z-backfill") and len(planned["ranges"]) > 1
    for one in planned["ranges"]:
        answer = backfill(invoke, run=planned["run"], range=one["number"])
        assert (answer["complete"], answer["range"], answer["manifest"]) == (True, one["number"], None)
    assert points(capsys.readouterr().out, "ExportedRows") == [], "rows count once the run counts"
    answer = backfill(invoke, run=planned["run"])
    assert (answer["complete"], answer["unfinished"], answer["rows"]) == (True, False, planned["count"])
    assert len(place.manifest(planned["run"])["ranges"]) == len(planned["ranges"]) + 1
    told = capsys.readouterr().out
    assert points(told, "ExportedRows") == [planned["count"]]
    assert backfill(invoke, run=planned["run"])["manifest"] == answer["manifest"]


def test_a_dry_run_and_giving_up_answer_what_they_did(
    invoke: Invoke, filled: str, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "storekey")  # the command line, where it was tested before, keeps it silent
    dry = backfill(invoke, dry_run=True)
    assert dry["estimate"]["requests"] > 0 and place.item("orders/backfill") == {}
    assert backfill(invoke, abandon=True) == {"resource": "orders", "mode": "backfill", "run": "", "abandoned": False}
    run = backfill(invoke)["run"]
    assert caplog.records[-1].__dict__["ranges"] == 0, "a log line tells how many, not which"
    assert backfill(invoke, abandon=True) == {"resource": "orders", "mode": "backfill", "run": run, "abandoned": True}


def test_a_backfill_that_fails_is_told_until_it_is_finished_or_given_up(
    invoke: Invoke, filled: str, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    run = backfill(invoke)["run"]
    backfill(invoke, failed={"Error": "Forbidden", "Cause": "a scope is missing"})
    backfill(invoke, failed={"Error": "States.ExceedToleratedFailureThreshold", "Cause": "too many"})
    assert place.item("orders/backfill")["failing"]["error"] == "Forbidden"
    invoke({"resource": "orders"})
    told = points(capsys.readouterr().out, "ExportsFailing")
    assert told[-3:] == [1, 1, 1], "a run of the scheduled export does not mend it"
    backfill(invoke, run=run)
    backfill(invoke)
    assert points(capsys.readouterr().out, "ExportsFailing")[-1] == 0


@pytest.mark.parametrize("number", ["1", 1.5, True, None, [1]])
def test_a_range_is_a_number(invoke: Invoke, number: Any) -> None:
    with pytest.raises(BadEvent, match="range is not the number"):
        backfill(invoke, run="20261124T084200Z-backfill", range=number)
