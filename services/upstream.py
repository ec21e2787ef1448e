"""Calling the next services: pooled connections, one retry, all at once, and never too long.

Nothing here knows of lanes: OpenTelemetry's instrumentation of ``requests`` adds the baggage.
"""

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
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Timeout
from urllib3.exceptions import HTTPError, ProtocolError, ProxyError, ReadTimeoutError

from services.answer import Node, Outside, from_json

log = logging.getLogger(__name__)

# Seconds that the caller still waits, as milliseconds: what is left, since clocks differ. An
# upstream gets a part, so that there is time to hand on its answer, which tells what was too slow.
TIMEOUT, PASSED_ON = "request-timeout-ms", 0.9
# Bytes of one answer: a thousand hops' worth. Read as a tree it takes some twenty times as much.
LARGEST = 262_144
LONGEST_REASON = 200

Call = Callable[[float], tuple[Node, ...]]
Observe = Callable[[str, int, float], None]
Ask = Callable[[float], requests.Response]
CLOSED = (ConnectionResetError, BrokenPipeError, http.client.HTTPException, ProtocolError)


def caller(urls: tuple[str, ...], threads: int, observe: Observe = lambda *_: None) -> Call:
    """Return a function that calls all ``urls`` at once and returns their answers in that order.

    Its argument is when nobody waits any longer, in monotonic seconds. It never raises: an upstream
    that fails is a node that says so. ``threads`` is how many requests call at the same time;
    ``observe`` is told each call's URL, status and seconds.
    """
    session = _session(len(urls), threads)
    calls = [partial(_call, url, _asker(session, url)) for url in urls]
    pool = ThreadPoolExecutor(max(1, threads * len(urls)), "upstream")

    def call_all(ends: float) -> tuple[Node, ...]:
        timeout = ends - time.monotonic()
        # Each thread gets a copy of the context, and with it the request's trace and baggage.
        futures = [pool.submit(contextvars.copy_context().run, call, ends) for call in calls]
        nodes = []
        for url, future in zip(urls, futures, strict=True):
            try:
                node, seconds = future.result(ends - time.monotonic())
            except TimeoutError:
                future.cancel()  # if it runs, it ends by itself: see `ask`
                node, seconds = _failed(url, *_late(timeout)), max(0.0, timeout)
            observe(url, node.status, seconds)
            if isinstance(node, Outside):
                node = replace(node, duration_ms=round(seconds * 1000, 1))
                if node.error:
                    log.warning("%s failed: %d %s", url, node.status, node.error)
            nodes.append(node)
        return tuple(nodes)

    return call_all


def _session(urls: int, threads: int) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # what is wanted of it is read once; and a .netrc is never sent
    # A small answer in packing may be a large one.
    session.headers.update({"Accept": "application/json", "Accept-Encoding": "identity"})
    # One session serves all users: what an upstream sets for one must not reach another.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = HTTPAdapter(pool_connections=max(1, urls), pool_maxsize=threads)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _asker(session: requests.Session, url: str) -> Ask:
    """Return a function that sends a request, with what does not change made once: the request,
    and what the environment says of proxies and certificates.
    """
    prepared = session.prepare_request(requests.Request("GET", url))
    options: dict[str, Any] = {
        **requests.Session().merge_environment_settings(url, {}, True, None, None),
        "allow_redirects": False,
    }

    def ask(ends: float) -> requests.Response:
        left = ends - time.monotonic()
        if left <= 0:
            raise requests.Timeout
        request = prepared.copy()  # instrumentation writes this lane's headers into it
        request.headers[TIMEOUT] = str(max(1, int(left * PASSED_ON * 1000)))
        timeout: Any = Timeout(total=left)
        return session.send(request, timeout=timeout, **options)

    return ask


def _call(url: str, ask: Ask, ends: float) -> tuple[Node, float]:
    """Return the answer and the seconds that it took."""
    started = time.monotonic()
    try:
        try:
            response = ask(ends)
        except requests.ConnectionError as error:
            if not _caused_by(error, ProtocolError):
                raise
            response = ask(ends)  # a pooled connection may break in the moment of use
        node = _node(url, response, _body(response, ends))
    except (requests.RequestException, HTTPError) as error:
        node = _failed(url, *_failure(error, ends - started))
    return node, time.monotonic() - started


def _body(response: requests.Response, ends: float) -> bytes:
    """Read all of it, or as much as shows that it is too large. Raises Timeout after ``ends``."""
    body = bytearray()
    while len(body) <= LARGEST and (part := response.raw.read1(LARGEST)):
        body += part
        if time.monotonic() > ends:
            response.close()
            raise requests.Timeout
    return bytes(body)


def _node(url: str, response: requests.Response, body: bytes) -> Node:
    status, phrase = response.status_code, response.reason or "no reason given"
    if len(body) > LARGEST:
        response.close()
        return _failed(url, HTTPStatus.BAD_GATEWAY, f"answered more than {LARGEST} bytes")
    if not (200 <= status < 300 or 400 <= status < 600):
        # A redirection has no place in a chain of services and counts as a bad answer.
        return _failed(url, HTTPStatus.BAD_GATEWAY, f"answered {status} {phrase}")
    if (node := from_json(body)) is not None:
        return replace(node, status=status)  # that on the wire is what a proxy and a user see
    # As UTF-8, whatever it claims to be: guessing an encoding costs more than a call.
    text = body.decode("utf-8", errors="replace")
    if status < 400:
        return Outside(url=url, status=status, text=text, duration_ms=0)
    is_page = "html" in response.headers.get("content-type", "")
    return _failed(url, status, (not is_page and _shorten(text)) or phrase)


def _failed(url: str, status: int, error: str) -> Outside:
    return Outside(url=url, status=status, error=error, duration_ms=0)


def _late(timeout: float) -> tuple[int, str]:
    late = f"no answer within {timeout:.2g} s" if timeout > 0 else "no time was left to ask"
    return HTTPStatus.GATEWAY_TIMEOUT, late


def _failure(error: Exception, timeout: float) -> tuple[int, str]:
    """Return status and reason for what ``requests`` raised: 504 when the upstream took longer than
    ``timeout`` seconds, of which none may have been left; else 502.
    """
    if _caused_by(error, requests.Timeout, ReadTimeoutError):
        return _late(timeout)
    *_, first = _causes(error)
    if isinstance(first, ssl.SSLCertVerificationError):
        reason = f"certificate refused: {first.verify_message}"
    elif _caused_by(error, ConnectionRefusedError):
        reason = "connection refused"
    elif _caused_by(error, *CLOSED):
        reason = "connection closed before the answer was complete"
    elif _caused_by(error, socket.gaierror):
        reason = "no such host"
    else:
        reason = _shorten(str(first)) or type(error).__name__
    return HTTPStatus.BAD_GATEWAY, "proxy: " * _caused_by(error, ProxyError) + reason


def _caused_by(error: BaseException, *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _shorten(text: str) -> str:
    """Return ``text`` on one line, cut to a length that a line of the answer can bear."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 3] + "..."
