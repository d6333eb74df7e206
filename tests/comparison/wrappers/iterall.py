"""Reads orders with the ``bigcommerce`` client's ``iterall``, from the ``min_date_modified`` given, if any."""

from __future__ import annotations

import importlib
import os
import sys

from tests.comparison.wrappers.address import emit, run_at_sandbox


def read_orders() -> None:
    api = importlib.import_module("bigcommerce.api").BigcommerceApi(
        client_id=os.environ["SANDBOX_CLIENT"],
        store_hash=os.environ["SANDBOX_HASH"],
        access_token=os.environ["SANDBOX_TOKEN"],
    )
    parameters = {"min_date_modified": sys.argv[1]} if sys.argv[1:] else {}
    for order in api.Orders.iterall(**parameters):
        emit({"type": "RECORD", "record": {name: value for name, value in order.items() if not name.startswith("_")}})


run_at_sandbox(read_orders)
