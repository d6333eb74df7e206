"""moto's CloudFormation without the services of which no stack here has anything.

It imports them all, to know the resources that they have; EC2 and those that lean on it take most of a second in each
process that looks at a stack.
"""

from __future__ import annotations

import importlib
import sys
from functools import cache
from types import ModuleType
from typing import Any

_UNUSED = (
    "apigateway",
    "autoscaling",
    "batch",
    "datapipeline",
    "ec2",
    "ecs",
    "efs",
    "elb",
    "elbv2",
    "emr",
    "iot",
    "rds",
    "redshift",
    "route53",
    "sagemaker",
)


class _Nothing(ModuleType):
    """A module with a class of nothing under each name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


@cache
def import_cloudformation() -> None:
    """Import it, once. The services that were left out may be imported later, and are themselves then."""
    names = [f"moto.{service}{rest}" for service in _UNUSED for rest in ("", ".models", ".models.core")]
    nothing = {name: _Nothing(name) for name in names if name not in sys.modules}
    sys.modules.update(nothing)
    try:
        importlib.import_module("moto.cloudformation.models")
    finally:
        for name in nothing:
            del sys.modules[name]
