"""AWS on this machine: moto's server with the functions and state machines of deployed templates running in it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any, Self

import boto3.session
from botocore.config import Config
from flask import debughelpers
from moto.core import responses, utils
from moto.core.serialize import BaseJSONSerializer
from moto.moto_server import werkzeug_app

from . import clients, moto_expressions, moto_metrics
from .buses import Buses
from .direct import Direct
from .functions import CREDENTIALS
from .inbox import Inbox
from .invocations import Invocations
from .resources import ACCOUNT, REGION, Resources
from .server import Server
from .stack import Stack
from .template import Template

__all__ = ["ACCOUNT", "REGION", "Aws", "Inbox", "Stack"]

# How long the end may wait for the server.
_POLL_SECONDS = 0.05
# An invocation lasts 900 s at most, and must not be repeated by a client that lost its patience.
_LAMBDA = Config(read_timeout=960, retries={"total_max_attempts": 1})


@cache
def moto() -> Any:
    """Return moto as a WSGI application, without what would take most of its time and of its clients'.

    At each request it would look through its own folder for the service, and through a class for the action, and say
    what browsers may do with the answer; Flask would make a class that explains what a form lacks. moto would look at
    each attribute of a table's item ten times, once for each type that it might have, to answer with what it holds in
    that form already, and look through all that botocore describes for each service that it serves.
    """
    clients.share()
    werkzeug_app.DISABLE_GLOBAL_CORS = True
    debughelpers.attach_enctype_error_multidict = lambda request: None
    loading: Any = utils
    loading.create_loader = cache(loading.create_loader)
    application: Any = werkzeug_app.DomainDispatcherApplication(werkzeug_app.create_backend_app)
    application.get_backend_for_host = cache(application.get_backend_for_host)
    responses.method_names_from_class = cache(responses.method_names_from_class)
    moto_expressions.put_right()
    moto_metrics.put_right()
    usual = BaseJSONSerializer._serialize_type_structure

    def structure(self: BaseJSONSerializer, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue":
            serialized[key] = value
        else:
            usual(self, serialized, value, shape, key)

    BaseJSONSerializer._serialize_type_structure = structure
    return application


class Aws:
    """AWS in a thread of this process, on a free port of the loopback interface.

    Use it as a context manager. moto keeps what was made for the life of the process, so stacks get names that do not
    clash, and a second Aws sees what the first has made.
    """

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self._session = boto3.session.Session(region_name=REGION)
        self._stacks: list[Stack] = []

    def __enter__(self) -> Self:
        # The web server logs each request to standard error unless it is told not to.
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.buses = Buses()
        app = Invocations(moto(), self.buses)
        self._server = Server(app)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
        self._thread.start()
        self.endpoint = f"http://127.0.0.1:{self._server.port}"
        self._direct = Direct(self.endpoint, app)
        self.shorten(self._session)
        return self

    def __exit__(self, *exception: object) -> None:
        for stack in self._stacks:
            stack.close()
        self.buses.close()
        for client in self._clients.values():
            client.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def client(self, service: str, role: str = CREDENTIALS["AWS_ACCESS_KEY_ID"]) -> Any:
        """Return the boto3 client of a service of this AWS, an operator's or that of a role (its access key)."""
        with self._lock:
            if (service, role) not in self._clients:
                self._clients[service, role] = self._new_client(service, role)
            return self._clients[service, role]

    def shorten(self, session: boto3.session.Session) -> None:
        """Let the clients that a session of this process makes from now on take the direct way."""
        events: Any = session.events
        events.register("before-send", self._direct)

    def deploy(
        self,
        template: Template,
        stack_name: str = "storekey",
        parameters: Mapping[str, Any] | None = None,
        time_scale: float = 1.0,
    ) -> Stack:
        """Make the template's resources that moto can hold, with ``parameters`` in place of its own where given.

        ``time_scale`` shortens (or lengthens) the waits of its state machines.
        """
        if parameters is not None:
            template = template.with_parameters(parameters)
        stack = Stack(self, template, Resources(self, template, stack_name), time_scale)
        self._stacks.append(stack)
        return stack

    def _new_client(self, service: str, role: str) -> Any:
        new: Any = self._session.client
        config = Config(proxies={})
        return new(
            service,
            endpoint_url=self.endpoint,
            aws_access_key_id=role,
            aws_secret_access_key="testing",
            aws_session_token="testing",
            config=config.merge(_LAMBDA) if service == "lambda" else config,
        )
