"""Customers' names and addresses are in the exported files alone, the credentials nowhere, whatever goes wrong."""

from __future__ import annotations

import gzip

from sandbox.aws import Aws
from sandbox.store import Answer, Redirect, Truncate
from tests.functions.exported import exporting
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
        store.change_orders(list(store.orders), billing_address={"first_name": "Ottokar", "email": "o@planted.example"})
        store.set_lines(105, [{"product_id": 1, "quantity": 1, "name": "For Ottokar"}])
        for customer_id in store.customers:
            store.change_customer(customer_id, first_name="Ottokar", email="o@planted.example")
        for fault in WRONG:
            exports.pass_time()
            text = " ".join(forms(account))
            planted = f'[{{"id": 104, "email": "o@planted.example", "first_name": "Ottokar", "x": "{text}"'
            wrong = echoing(fault, planted if isinstance(fault, Answer) else text)
            exports.put(account)  # a version that was refused once is refused for half a minute
            for path in ("/orders", "/customers"):
                store.fault(wrong, times=2, path=path)
            executions += [exports.start(resource) for resource in ("orders", "customers")]
            ended += [execution.wait() for execution in executions[-2:]]
            items += [exports.item(resource) for resource in ("orders", "customers")]
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
    assert rows.count("o@planted.example") > 40
    assert "For Ottokar" in rows
    assert '"_api":"v3"' in rows
    assert str(items).count("failing") > 5, "little went wrong: the search would prove nothing"
    private = ["Ottokar", "planted.example", "@example.com"]
    assert [form for form in [*forms(account), *forms(new), *private] if form in shown] == []
    assert [form for form in [*forms(account), *forms(new)] if form in rows] == []
