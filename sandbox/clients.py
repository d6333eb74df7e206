"""boto3's clients, made in a quarter of the time: what botocore makes for each alike is made once a process.

A client is made in milliseconds, but each command of the operator's makes seven, and tests run hundreds of commands.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.regions
import botocore.session
from botocore.client import ClientCreator
from botocore.useragent import UserAgentString


@cache
def share() -> None:
    """Let all clients of this process share descriptions, classes, rules of endpoints and user agents."""
    botocore.session.create_loader = cache(botocore.session.create_loader)
    agent: Any = UserAgentString
    agent.to_string = cache(agent.to_string)  # put together twice a call
    creator: Any = ClientCreator
    creator._load_service_model = _of_service(creator._load_service_model)
    creator._create_client_class = _of_service(creator._create_client_class)
    regions: Any = botocore.regions
    regions.EndpointProvider = _of_rules(regions.EndpointProvider)


def _of_service(make: Any) -> Any:
    """Every session has the same loader, and adds the same methods to a class."""
    made: dict[str, Any] = {}

    def once(creator: Any, service: str, *more: Any) -> Any:
        if service not in made:
            made[service] = make(creator, service, *more)
        return made[service]

    return once


def _of_rules(make: Any) -> Any:
    """The loader gives the rules of a service only once, so they are known by their identity."""
    made: dict[int, Any] = {}

    def once(ruleset_data: Any, **more: Any) -> Any:
        if id(ruleset_data) not in made:
            made[id(ruleset_data)] = (make(ruleset_data, **more), ruleset_data)
        return made[id(ruleset_data)][0]

    return once
