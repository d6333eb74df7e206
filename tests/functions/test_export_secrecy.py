"""Customers' names and addresses are in the exported files alone, the credentials nowhere, whatever goes wrong."""

from __future__ import annotations

import gzip
import json

from sandbox.aws import Aws
from sandbox.store import Answer, Redirect, Truncate
from tests.functions.exported import exporting
from tests.planted import PERSON, found, kept
from tests.test_secrecy import echoing, forms

WRONG = [
    *(Answer(status, "ECHO") for status in (200, 401, 403, 404, 422, 500)),
    Redirect("https://elsewhere.example/ECHO?ECHO"),
    Truncate(),
]


def test_only_the_files_hold_what_is_exported_and_nothing_holds_the_credentials(aws: Aws) -> None:
    with exporting(aws, time_scale=0.0001) as exports:
        store, account, executions = exports.store, exports.account, []
        ended: list[object] = []
        items: list[object] = []
        alarms, inbox = exports.stack.alarms(), exports.stack.subscribe_queue()
        exports.pool.variables |= {"POWERTOOLS_LOG_LEVEL": "DEBUG", "AWS_LAMBDA_LOG_LEVEL": "DEBUG"}
        store.change_orders(list(store.orders), billing_address=PERSON, **PERSON)
        store.set_lines(105, [{"product_id": 1, "quantity": 1, "name": f"For {PERSON['first_name']}"}])
        for customer_id in store.customers:
            store.change_customer(customer_id, **PERSON)
        for fault in WRONG:
            exports.pass_time()
            text = " ".join(forms(account))
            wrong = echoing(fault, text, f'[{{"id": 104, "customer": {json.dumps(PERSON)}')
            exports.put(account)  # a version that was refused once is refused for half a minute
            for path in ("/orders", "/customers"):
                store.fault(wrong, times=2, path=path)
            executions += [exports.start(resource) for resource in ("orders", "customers")]
            ended += [execution.wait() for execution in executions[-2:]]
            items.append(kept(exports.stack))
            store.heal()
        store.delete(account)
        executions.append(exports.start())
        assert executions[-1].wait().error == "CredentialsRefused"
        new = store.create_token_account("new")
        exports.put(new)
        executions += [exports.start(resource) for resource in ("orders", "customers")]
        assert [execution.wait().status for execution in executions[-2:]] == ["SUCCEEDED"] * 2
        exports.pass_time()
        executions.append(exports.start("customers", mode="full"))
        assert executions[-1].wait().status == "SUCCEEDED"
        exports.check("orders")
        exports.check("customers")

        logs = exports.stack.logs("ExportFunction")
        alarms.read(logs)
        changes = alarms.evaluate()
        histories = [execution.history() for execution in executions]
        parts = {key: body for key, body in exports.objects.items() if key.endswith(".gz")}
        others = {key: body for key, body in exports.objects.items() if key not in parts}
        shown = f"{logs} {histories} {ended} {items} {changes} {inbox.texts()} {list(parts)} {others}"
    rows = "".join(gzip.decompress(body).decode() for body in parts.values())
    assert rows.count(PERSON["email"]) > 40
    assert f"For {PERSON['first_name']}" in rows
    assert '"_api":"v3"' in rows
    assert str(items).count("failing") > 5, "little went wrong: the search would prove nothing"
    assert [form for form in [*forms(account), *forms(new), "@example.com"] if form in shown] == []
    assert found(PERSON.values(), shown) == []
    assert [form for form in [*forms(account), *forms(new)] if form in rows] == []
