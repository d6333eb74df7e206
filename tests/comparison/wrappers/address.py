"""Gives a peer the sandbox store's address instead of BigCommerce's; runs in the peers' own environment.

Every peer here sends by requests, so one place is enough: just before a request goes out, the host in it is exchanged.
Its parameters, headers and answer are not touched; its path only where the peer follows a link of an order, which in
the sandbox store has the form that Basic accounts see. Two routes that the sandbox store lacks, the coupons and the
shipping addresses of one order, are answered here as BigCommerce answers them where there are none: 204.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter

_ROUTES_LACKING = re.compile(r"/orders/\d+/(coupons|shipping_?addresses)(\.json)?$")
# A store's links lead to the store's own host under Basic, whose path and ending differ.
_LINK = re.compile(r"https://[^/]+/api/v2/(?P<path>[^?]*?)(\.json)?(?P<query>\?.*)?")
_API = "https://api.bigcommerce.com/"


def run_at_sandbox(peer: Callable[[], object]) -> None:
    """Run a peer against the store of ``SANDBOX_ORIGIN``, without its sleeps; then tell what was answered here."""
    origin, version_2 = os.environ["SANDBOX_ORIGIN"], os.environ["SANDBOX_V2"]
    here = _Answered()
    send = HTTPAdapter.send

    def send_to_sandbox(self: HTTPAdapter, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        link = _LINK.fullmatch(request.url or "")
        if link:
            request.url = f"{version_2}{link['path']}{link['query'] or ''}"
        request.url = (request.url or "").replace(_API, f"{origin}/")
        if _ROUTES_LACKING.search(request.path_url.partition("?")[0]):
            return here.no_content(request)
        return send(self, request, **options)

    HTTPAdapter.send = send_to_sandbox  # type: ignore[method-assign, assignment]
    time.sleep = lambda seconds: None
    try:
        peer()
    finally:
        emit({"type": "ANSWERED_HERE", "requests": here.count})


def emit(message: dict[str, Any]) -> None:
    """Print one message as Singer taps do: JSON, one a line."""
    sys.stdout.write(json.dumps(message) + "\n")


class _Answered:
    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def no_content(self, request: requests.PreparedRequest) -> requests.Response:
        with self._lock:
            self.count += 1
        answer = requests.Response()
        answer.status_code, answer.reason, answer.url, answer.request = 204, "No Content", request.url or "", request
        answer._content = b""
        return answer
