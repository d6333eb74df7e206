"""Sends one request over TLS and reads the whole answer, within a time and a size."""

from __future__ import annotations

import http.client
import ssl
import sys
import time
from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from threading import Lock

import requests
import urllib3.exceptions

from ._exchange import Answer, Failure, Fault, Request
from ._observability import hush
from ._sockets import CONNECT_TIMEOUT, VerifyingAdapter, progress

READ_TIMEOUT = 20.0
IDLE_SECONDS = 50.0
MAX_ERROR_BODY = 64 * 1024
_ERROR_BODY_SECONDS = 2.0
_CHUNK = 64 * 1024

_FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)


class Transport:
    """One kept-alive session to the store. TLS 1.2 or newer, verified; no switch turns that off.

    ``ca_bundle`` (PEM text or a path) is trusted besides certifi's list. Proxy, netrc and CA variables of the
    environment are not read, cookies are not kept, redirects not followed.
    """

    def __init__(self, ca_bundle: str = "", user_agent: str = "storekey") -> None:
        # These warn of broken headers with the header itself, and tell addresses with their query.
        hush("urllib3.connection", "urllib3.connectionpool")
        self._used = 0.0
        self._renewing = Lock()
        self._session = _Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers = requests.structures.CaseInsensitiveDict(
            {"User-Agent": user_agent, "Accept": "application/json", "Accept-Encoding": "gzip"}
        )
        self._session.mount("https://", VerifyingAdapter(ca_bundle))

    def send(self, request: Request, deadline: float) -> Answer | Failure:
        """Send a request; the answer must be there by ``deadline`` (on time.monotonic's clock), and in 20 s.

        Every failure is a value: nothing is raised from a frame that holds the headers.
        """
        started = time.monotonic()
        progress.begin(min(deadline, started + READ_TIMEOUT))
        self._drop_idle()
        callers_own = sys.exc_info()[1]
        left = max(0.001, progress.until - started)
        try:
            prepared = self._session.prepare_request(
                requests.Request(request.method, request.url, headers=dict(request.headers), data=request.body)
            )
            response = self._session.send(
                prepared, stream=True, allow_redirects=False, timeout=(min(CONNECT_TIMEOUT, left), left)
            )
            with response:
                return _read(response, request.max_body, started)
        except _FAILURES as error:
            return _failure(error, callers_own)

    def _drop_idle(self) -> None:
        """Open a new connection after a pause: one that a firewall dropped would swallow a request without a word."""
        with self._renewing:
            now = time.time()
            if now - self._used > IDLE_SECONDS:
                self.close()
            self._used = now

    def close(self) -> None:
        """Close the connections; the next request opens a new one."""
        self._session.close()


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Know of no redirect: requests would read its whole body to prepare the next request."""


def _read(response: requests.Response, max_body: int, started: float) -> Answer | Failure:
    good = 200 <= response.status_code < 300
    body = _good_body(response, max_body) if good else _error_body(response)
    if isinstance(body, Failure):
        return body
    return Answer(response.status_code, response.headers, body, time.monotonic() - started)


def _good_body(response: requests.Response, max_body: int) -> bytes | Failure:
    chunks, size = [], 0
    for chunk in response.iter_content(_CHUNK):
        size += len(chunk)
        if size > max_body:
            reason = f"the answer is larger than {max_body // 1024} KiB"
            return Failure(Fault.UNREADABLE, reason, status=response.status_code)
        chunks.append(chunk)
    return b"".join(chunks)


def _error_body(response: requests.Response) -> bytes:
    """Return what can be had quickly of an error's body: the status alone decides, whatever is wrong with the rest."""
    if 300 <= response.status_code < 400:
        return b""
    progress.until = min(progress.until, time.monotonic() + _ERROR_BODY_SECONDS)
    body = b""
    try:
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            if len(body) >= MAX_ERROR_BODY:
                break
    except _FAILURES:
        pass
    return body[:MAX_ERROR_BODY]


def _failure(error: Exception, callers_own: BaseException | None) -> Failure:
    causes = list(_causes(error, callers_own))

    def has(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    def unreachable(reason: str) -> Failure:
        return Failure(Fault.UNREACHABLE, reason, progress.sent)

    tls = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return Failure(Fault.UNREADABLE, "the answer's compression is broken")
    if tls and not progress.sent and not isinstance(tls, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        said = getattr(tls, "verify_message", "") or (tls.reason or "handshake failed").replace("_", " ").lower()
        return Failure(Fault.TLS, f"TLS failed: {said}", sent=False)
    if has(urllib3.exceptions.NameResolutionError):
        return unreachable("the host's name is not found")
    if has(urllib3.exceptions.NewConnectionError):  # before the other: it is one of those as well
        return unreachable("no connection")
    if has(urllib3.exceptions.ConnectTimeoutError):
        return unreachable("no connection in time")
    if has(TimeoutError, urllib3.exceptions.ReadTimeoutError):
        return unreachable("no whole answer in time" if progress.sent else "no connection in time")
    return unreachable("the connection broke off")


def _causes(error: BaseException, callers_own: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and those in it: requests and urllib3 keep them as arguments, reasons and causes.

    What the caller is handling is in the chain too, where the call stands in an except block, and is not ours.
    """
    seen = {id(callers_own)}
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
