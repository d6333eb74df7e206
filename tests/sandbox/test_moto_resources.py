"""What is left out of moto's CloudFormation is nothing that a template here has, and is whole for whoever needs it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from sandbox.moto_resources import _UNUSED, _Nothing, import_cloudformation
from sandbox.template import Template

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


def test_the_template_has_no_resource_of_a_service_that_is_left_out() -> None:
    types = [each["Type"] for each in Template.load(TEMPLATE, {"WebhooksEnabled": "true"}).resources().values()]
    assert {name.split("::")[1].lower() for name in types} & set(_UNUSED) == set()


def test_a_service_that_is_left_out_may_be_imported_later() -> None:
    import_cloudformation()
    assert [name for name, module in sys.modules.items() if isinstance(module, _Nothing)] == []
    assert importlib.import_module("moto.batch.models").BatchBackend.__module__ == "moto.batch.models"
