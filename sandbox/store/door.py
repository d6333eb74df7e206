"""Who may come in: credentials, the store's hash and scopes, before any route is asked."""

from __future__ import annotations

import re

from aiohttp import web

from .accounts import STORE_HASH, Account, Accounts, TokenAccount
from .replies import error_reply, not_found

_PATH = re.compile(r"/(?:api/(?P<basic>v2)|stores/(?P<hash>[^/]+)/(?P<version>v[23]))/(?P<resource>[^/]*)")
_SCOPES = {
    "orders": "store_v2_orders",
    "order_statuses": "store_v2_orders",
    "customers": "store_v2_customers",
    "products": "store_v2_products",
    "catalog": "store_v2_products",
    "store": "store_v2_information",
    "time": "store_v2_information",
    "hooks": "store_v2_information",
}


def admit(accounts: Accounts, request: web.BaseRequest) -> Account | web.Response:
    """The account that a request comes from, or the answer that turns it away: 401, 403 or 404."""
    place = _PATH.match(request.path)
    if place is None:
        return not_found(request.path).response()
    account = accounts.basic(request.headers) if place["basic"] else accounts.token(request.headers)
    if account is None:
        return _unauthorized(request)
    if isinstance(account, TokenAccount):
        return _forbidden(account, request, place) or account
    return account


def _unauthorized(request: web.BaseRequest) -> web.Response:
    if "/v3/" in request.path:
        return error_reply(request.path, 401, "Unauthorized").response()
    answer = error_reply(request.path, 401, "No credentials were supplied in the request.").response()
    if "Authorization" not in request.headers and request.path.startswith("/api/"):
        answer.headers["WWW-Authenticate"] = 'Basic realm="API"'
    return answer


def _forbidden(account: TokenAccount, request: web.BaseRequest, place: re.Match[str]) -> web.Response | None:
    if place["hash"] != STORE_HASH:
        return error_reply(request.path, 403, "You don't have access to this store.").response()
    scope = _SCOPES.get(place["resource"])
    if scope is not None and not account.may(request.method, scope):
        return error_reply(request.path, 403, "You don't have a required scope to access the endpoint.").response()
    return None
