"""Finds the route of a request and answers it, for the network and in this process alike."""

from __future__ import annotations

import re

from .accounts import Account
from .calls import BadBodyError, Call, NotFoundError, Routes
from .parameters import BadParameterError, Params, TooManyError
from .replies import Reply, error_reply, not_found
from .shop import Shop
from .v2 import v2_routes
from .v3 import v3_routes

_PLACE = re.compile(r"/(?:api(?=/v2/)|stores/[^/]+)/(?P<below>v[23]/.+)")
_ID = re.compile(r"/([0-9]+)(?=/|$)")


class Api:
    """The routes of one shop."""

    def __init__(self, shop: Shop, more: Routes) -> None:
        self._shop = shop
        self._routes = {**v2_routes(shop), **v3_routes(shop), **more}

    def answer(
        self, method: str, path: str, params: Params, body: bytes = b"", account: Account | None = None
    ) -> Reply:
        """The answer to a request that somebody may make; ``path`` is the whole one."""
        try:
            with self._shop.lock:
                return self._routed(method, path, params, body, account)
        except NotFoundError:
            return not_found(path)
        except BadBodyError:
            return error_reply(path, 400, "Input is invalid.")
        except BadParameterError as error:
            return error_reply(path, 422 if "/v3/" in path else 400, str(error))
        except TooManyError as error:
            return error_reply(path, 413, str(error))

    def _routed(self, method: str, path: str, params: Params, body: bytes, account: Account | None) -> Reply:
        place = _PLACE.fullmatch(path)
        if place is None:
            raise NotFoundError
        numbers = [int(number) for number in _ID.findall(place["below"])]
        handlers = self._routes.get(_ID.sub("/{id}", place["below"]))
        if handlers is None:
            raise NotFoundError
        handler = handlers.get("GET" if method == "HEAD" else method)
        if handler is None:
            allow = ",".join(sorted({*handlers, *(["HEAD"] if "GET" in handlers else [])}))
            return error_reply(path, 405, "Method Not Allowed", allow)
        first, second, *_ = [*numbers, 0, 0]
        return handler(Call(first, params, body, second, account))
