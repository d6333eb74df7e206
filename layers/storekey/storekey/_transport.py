"""Sends one request over TLS and reads the whole answer, within a time and a size."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import certifi
import requests
import requests.adapters
import urllib3.exceptions

from ._exchange import Answer, Failure, Fault, Request
from ._settings import PEM_MARK, SettingsError

CONNECT_TIMEOUT = 3.0
READ_TIMEOUT = 20.0
IDLE_SECONDS = 50.0
MAX_BODY = 64 * 1024 * 1024
MAX_ERROR_BODY = 64 * 1024
_ERROR_BODY_SECONDS = 2.0
_CHUNK = 64 * 1024

_until = threading.local()


class Transport:
    """One kept-alive session to the store. TLS 1.2 or newer, verified; no switch turns that off.

    ``ca_bundle`` (PEM text or a path) is trusted besides certifi's list. Proxy, netrc and CA variables of the
    environment are not read, cookies are not kept, redirects not followed.
    """

    def __init__(self, ca_bundle: str = "", user_agent: str = "storekey") -> None:
        self._used = 0.0
        self._session = _Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers = requests.structures.CaseInsensitiveDict(
            {"User-Agent": user_agent, "Accept": "application/json", "Accept-Encoding": "gzip"}
        )
        self._session.mount("https://", _VerifyingAdapter(_tls_context(ca_bundle)))

    def send(self, request: Request, deadline: float) -> Answer | Failure:
        """Send a request; the answer must be there by ``deadline`` (on time.monotonic's clock), and in 20 s.

        Every failure is a value: nothing is raised from a frame that holds the headers.
        """
        started = time.monotonic()
        _until.time = min(deadline, started + READ_TIMEOUT)
        self._renew(request)
        left = max(0.001, _until.time - started)
        try:
            prepared = self._session.prepare_request(
                requests.Request(request.method, request.url, headers=dict(request.headers), data=request.body)
            )
            response = self._session.send(
                prepared, stream=True, allow_redirects=False, timeout=(min(CONNECT_TIMEOUT, left), left)
            )
            with response:
                return _read(response, started)
        except (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            return _failure(error)

    def _renew(self, request: Request) -> None:
        """Give a write a new connection after a pause: one that a firewall has dropped would leave its fate unknown."""
        now = time.time()
        if request.method != "GET" and now - self._used > IDLE_SECONDS:
            self.close()
        self._used = now

    def close(self) -> None:
        """Close the connections; the next request opens a new one."""
        self._session.close()


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Know of no redirect: requests would read its whole body to prepare the next request."""


class _DeadlineSocket(ssl.SSLSocket):
    """A TLS socket whose work as a whole ends at a time: a time-out alone would begin anew with every byte."""

    def do_handshake(self, block: bool = False) -> None:
        self._bound()
        super().do_handshake(block)

    def send(self, *args: Any, **kwargs: Any) -> int:
        self._bound()
        return super().send(*args, **kwargs)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self._bound()
        return super().recv_into(*args, **kwargs)

    def _bound(self) -> None:
        left = _until.time - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(min(self.gettimeout() or left, left))


class _VerifyingAdapter(requests.adapters.HTTPAdapter):
    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_maxsize=32)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave it to the context, whatever a caller asks for; requests would also load certifi's list anew."""
        conn.cert_reqs = "CERT_REQUIRED"


def _tls_context(ca_bundle: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = _DeadlineSocket
    try:
        if PEM_MARK in ca_bundle:
            context.load_verify_locations(cadata=ca_bundle)
        elif ca_bundle:
            context.load_verify_locations(cafile=ca_bundle)
    except OSError:
        raise SettingsError("STORE_CA_BUNDLE holds no certificate that can be read") from None
    return context


def _read(response: requests.Response, started: float) -> Answer | Failure:
    good = 200 <= response.status_code < 300
    body = _good_body(response) if good else _error_body(response)
    if isinstance(body, Failure):
        return body
    return Answer(response.status_code, response.headers, body, time.monotonic() - started)


def _good_body(response: requests.Response) -> bytes | Failure:
    chunks, size = [], 0
    for chunk in response.iter_content(_CHUNK):
        size += len(chunk)
        if size > MAX_BODY:
            reason = f"the answer is larger than {MAX_BODY // 1024**2} MiB"
            return Failure(Fault.UNREADABLE, reason, status=response.status_code)
        chunks.append(chunk)
    return b"".join(chunks)


def _error_body(response: requests.Response) -> bytes:
    """Return what can be had quickly of an error's body: the status alone decides, whatever is wrong with the rest."""
    if 300 <= response.status_code < 400:
        return b""
    _until.time = min(_until.time, time.monotonic() + _ERROR_BODY_SECONDS)
    body = b""
    try:
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            if len(body) >= MAX_ERROR_BODY:
                break
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
        pass
    return body[:MAX_ERROR_BODY]


def _failure(error: Exception) -> Failure:
    causes = list(_causes(error))

    def has(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    tls = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return Failure(Fault.UNREADABLE, "the answer's compression is broken")
    if tls and not isinstance(tls, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        said = getattr(tls, "verify_message", "") or (tls.reason or "handshake failed").replace("_", " ").lower()
        return Failure(Fault.TLS, f"TLS failed: {said}", sent=False)
    if has(urllib3.exceptions.NameResolutionError):
        return Failure(Fault.UNREACHABLE, "the host's name is not found", sent=False)
    if has(urllib3.exceptions.ConnectTimeoutError):
        return Failure(Fault.UNREACHABLE, "no connection in time", sent=False)
    if has(urllib3.exceptions.NewConnectionError):
        return Failure(Fault.UNREACHABLE, "no connection", sent=False)
    if has(TimeoutError, urllib3.exceptions.ReadTimeoutError):
        return Failure(Fault.UNREACHABLE, "no whole answer in time")
    return Failure(Fault.UNREACHABLE, "the connection broke off")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those in it: requests and urllib3 keep them as arguments, reasons and causes."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
