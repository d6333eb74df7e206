"""The shapes of the store's answers: bare arrays and objects in v2, envelopes in v3, and either's errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from .rows import Json, encode

_TYPE = "/api-docs/getting-started/api-status-codes"


@dataclass(frozen=True)
class Reply:
    """What a route answers, before it meets a network. The body is JSON, or nothing."""

    status: int
    body: bytes = b""
    allow: str = ""

    def response(self) -> web.Response:
        """The same for aiohttp."""
        headers = {"Allow": self.allow} if self.allow else None
        kind = "application/json" if self.body else None
        return web.Response(status=self.status, body=self.body or None, headers=headers, content_type=kind)


def json_reply(status: int, value: Any) -> Reply:
    """An answer with a value as JSON."""
    return Reply(status, encode(value))


def list_reply(rows: list[bytes]) -> Reply:
    """A v2 list: a bare array, or 204 without a body if it is empty."""
    return Reply(200, b"[" + b",".join(rows) + b"]") if rows else Reply(204)


def page_reply(rows: list[bytes], meta: Any) -> Reply:
    """A page of a v3 list in its envelope."""
    return Reply(200, b'{"data":[' + b",".join(rows) + b'],"meta":' + encode(meta) + b"}")


def pagination(total: int, page: int, limit: int) -> Json:
    """What a v3 list says of its pages."""
    pages = -(-total // limit)
    links = {"current": f"?page={page}&limit={limit}"}
    if page > 1:
        links["previous"] = f"?page={page - 1}&limit={limit}"
    if page < pages:
        links["next"] = f"?page={page + 1}&limit={limit}"
    count = max(0, min(limit, total - (page - 1) * limit))
    facts = {"total": total, "count": count, "per_page": limit, "current_page": page, "total_pages": pages}
    return {**facts, "links": links}


def error_reply(path: str, status: int, message: str, allow: str = "") -> Reply:
    """An error in the shape of the API that a path belongs to: v2 an array, v3 an object."""
    if "/v3/" in path:
        return Reply(status, encode({"status": status, "title": message, "type": _TYPE}), allow)
    return Reply(status, encode([{"status": status, "message": message}]), allow)


def not_found(path: str) -> Reply:
    """The 404 of a row that does not exist."""
    return error_reply(path, 404, "The requested resource was not found.")
