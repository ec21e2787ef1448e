"""Concurrent calls to the next services. OpenTelemetry's instrumentation adds the lane."""

import contextvars
import http.client
import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Timeout
from urllib3.exceptions import HTTPError, ProtocolError, ProxyError, ReadTimeoutError

from services.answer import Node, Outside, from_json

log = logging.getLogger(__name__)

# The header holds the milliseconds that the caller waits. An upstream gets 90% of the time left.
TIMEOUT_HEADER, UPSTREAM_SHARE = "request-timeout-ms", 0.9
MAX_BYTES = 262_144  # of one answer: enough for a thousand hops
CLOSED = (ConnectionError, http.client.HTTPException, ProtocolError)
REASONS: tuple[tuple[Any, str], ...] = (
    (ConnectionRefusedError, "connection refused"),
    (CLOSED, "connection closed before the answer was complete"),
    (socket.gaierror, "no such host"),
)

Observe = Callable[[str, int, float], None]
Send = Callable[[float], requests.Response]
Call = Callable[[float], tuple[Node, ...]]


def caller(urls: tuple[str, ...], threads: int, observe: Observe = lambda *_: None) -> Call:
    """Return a function that calls all ``urls`` at once and returns their answers in that order.

    The function takes a deadline in monotonic seconds. It never raises: the node of an upstream
    that fails has an ``error``. ``observe`` gets each call's URL, status and seconds.
    """
    calls = [(url, partial(_call, url, _sender(url, threads))) for url in urls]
    pool = ThreadPoolExecutor(max(1, threads * len(urls)))

    def call_all(deadline: float) -> tuple[Node, ...]:
        started = time.monotonic()
        # The copied context brings the request's trace and baggage to the thread.
        running = [
            (url, pool.submit(contextvars.copy_context().run, call, deadline))
            for url, call in calls
        ]
        nodes = []
        for url, future in running:
            try:
                node, seconds = future.result(deadline - time.monotonic())
            except TimeoutError:  # the call itself ends when its socket times out
                node = _of_exception(url, requests.Timeout(), deadline - started)
                seconds = time.monotonic() - started
            if isinstance(node, Outside):
                node = replace(node, duration_ms=round(seconds * 1000, 1))
                if node.error:
                    log.warning("%s failed: %d %s", url, node.status, node.error)
            observe(url, node.status, seconds)
            nodes.append(node)
        return tuple(nodes)

    return call_all


def _sender(url: str, threads: int) -> Send:
    """Return a function that sends a request, and retries once if the connection breaks."""
    session = requests.Session()
    # Reads proxies and certificates from the environment once, and never a .netrc.
    options = session.merge_environment_settings(url, {}, True, None, None)
    session.trust_env = False
    # Uncompressed, because a small compressed answer may be a large one.
    session.headers.update({"Accept": "application/json", "Accept-Encoding": "identity"})
    # One session serves all users, so it must not keep cookies.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.mount(url, HTTPAdapter(pool_maxsize=threads))
    prepared = session.prepare_request(requests.Request("GET", url))

    def send(deadline: float, retry: bool = True) -> requests.Response:
        left = deadline - time.monotonic()
        if left <= 0:
            raise requests.Timeout
        request = prepared.copy()  # `session.send` adds this lane's baggage to the copy
        request.headers[TIMEOUT_HEADER] = str(max(1, int(left * UPSTREAM_SHARE * 1000)))
        timeout: Any = Timeout(total=left)
        try:
            return session.send(request, timeout=timeout, allow_redirects=False, **options)
        except requests.ConnectionError as error:
            # An upstream may close a pooled connection just as a request is sent.
            if retry and _caused_by(error, ProtocolError):
                return send(deadline, retry=False)
            raise

    return send


def _call(url: str, send: Send, deadline: float) -> tuple[Node, float]:
    """Return the upstream's node and the seconds of the call."""
    started = time.monotonic()
    try:
        with send(deadline) as response:  # once it is read, its connection returns to the pool
            body = bytearray()
            while len(body) <= MAX_BYTES and (part := response.raw.read1(MAX_BYTES)):
                body += part
                if time.monotonic() > deadline:
                    raise requests.Timeout
            node = _node(url, response, bytes(body))
    except (OSError, HTTPError) as error:  # errors of `requests` are OSErrors
        node = _of_exception(url, error, deadline - started)
    return node, time.monotonic() - started


def _node(url: str, response: requests.Response, body: bytes) -> Node:
    status, phrase = response.status_code, response.reason or "no reason given"
    if len(body) > MAX_BYTES:
        return _failed(url, 502, f"answered more than {MAX_BYTES} bytes")
    if not (200 <= status < 300 or 400 <= status < 600):  # redirections are not followed
        return _failed(url, 502, f"answered {status} {phrase}")
    if (node := from_json(body)) is not None:
        return replace(node, status=status)  # proxies and users see the status on the wire
    # Always UTF-8: detecting the encoding costs more than the call.
    text = body.decode("utf-8", errors="replace")
    if status < 400:
        return Outside(url=url, status=status, text=text, duration_ms=0)
    is_page = "html" in response.headers.get("content-type", "")
    return _failed(url, status, (not is_page and _shorten(text)) or phrase)


def _of_exception(url: str, error: Exception, timeout: float) -> Outside:
    if _caused_by(error, (requests.Timeout, ReadTimeoutError)):
        late = f"no answer within {round(timeout, 1):g} s"
        return _failed(url, 504, late if timeout > 0 else "no time was left for the call")
    *_, first = _causes(error)
    known = (reason for kinds, reason in REASONS if _caused_by(error, kinds))
    reason = next(known, _shorten(str(first)) or type(error).__name__)
    if isinstance(first, ssl.SSLCertVerificationError):
        reason = f"certificate refused: {first.verify_message}"
    return _failed(url, 502, "proxy: " * _caused_by(error, ProxyError) + reason)


def _failed(url: str, status: int, error: str) -> Outside:
    return Outside(url=url, status=status, error=error, duration_ms=0)


def _caused_by(error: BaseException, kinds: Any) -> bool:
    return any(isinstance(cause, kinds) for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else line[:197] + "..."
