"""The shapes of the store's answers: bare arrays and objects in v2, envelopes in v3, and either's errors."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .rows import encode

_TYPE = "/api-docs/getting-started/api-status-codes"


def raw_reply(status: int, body: bytes) -> web.Response:
    """An answer whose body is JSON already."""
    return web.Response(status=status, body=body, content_type="application/json")


def json_reply(status: int, value: Any) -> web.Response:
    """An answer with a value as JSON."""
    return raw_reply(status, encode(value))


def list_reply(rows: list[bytes]) -> web.Response:
    """A v2 list: a bare array, or 204 without a body if it is empty."""
    return raw_reply(200, b"[" + b",".join(rows) + b"]") if rows else web.Response(status=204)


def error_reply(path: str, status: int, message: str) -> web.Response:
    """An error in the shape of the API that a path belongs to: v2 an array, v3 an object."""
    if "/v3/" in path:
        return json_reply(status, {"status": status, "title": message, "type": _TYPE})
    return json_reply(status, [{"status": status, "message": message}])


def not_found(path: str) -> web.Response:
    """The 404 of a row that does not exist."""
    return error_reply(path, 404, "The requested resource was not found.")


def page_reply(rows: list[Any], page: int, limit: int, total: int) -> web.Response:
    """A page in v3's envelope."""
    pages = -(-total // limit)
    links = {"current": f"?page={page}&limit={limit}"}
    if page > 1:
        links["previous"] = f"?page={page - 1}&limit={limit}"
    if page < pages:
        links["next"] = f"?page={page + 1}&limit={limit}"
    pagination = {"total": total, "count": len(rows), "per_page": limit, "current_page": page, "total_pages": pages}
    return json_reply(200, {"data": rows, "meta": {"pagination": {**pagination, "links": links}}})
