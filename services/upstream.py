"""Calling the next services: pooled connections, one retry, several at once.

Nothing here knows of lanes: OpenTelemetry's instrumentation of ``requests`` adds the baggage.
"""

import contextvars
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import ReadTimeoutError
from urllib3.response import BaseHTTPResponse
from urllib3.util.retry import Retry

from services import failure
from services.answer import Node, Outside, from_json

log = logging.getLogger(__name__)

Call = Callable[[], tuple[Node, ...]]
Observe = Callable[[str, int, float], None]


class RetryClosedConnection(Retry):
    """Repeats a GET once when its connection breaks, as a pooled one does when the peer closes
    it in the moment of use. An upstream that is merely slow is not asked twice.
    """

    def __init__(self, **options: Any) -> None:
        once = {"total": 1, "connect": 0, "read": 1, "redirect": 0, "status": 0, "other": 0}
        super().__init__(**{"allowed_methods": {"GET"}, **once, **options})

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """Count one failed attempt; raises ``error`` when there is to be no other."""
        if isinstance(error, ReadTimeoutError):
            raise error
        return super().increment(method, url, response, error, _pool, _stacktrace)


def caller(
    urls: tuple[str, ...], *, timeout: float, threads: int, observe: Observe = lambda *_: None
) -> Call:
    """A function that calls all ``urls`` at once and returns their answers in the same order.

    It never raises: a failing upstream is a node that says so. ``timeout`` is in seconds, for
    connecting and for each read. ``threads`` is how many requests call at the same time.
    ``observe`` is told each call's URL, status and seconds.
    """
    session = _session(urls, threads)
    calls = [_one(session, url, timeout, observe) for url in urls]
    if len(calls) < 2:
        return lambda: tuple(call() for call in calls)

    pool = ThreadPoolExecutor(max_workers=threads * len(calls), thread_name_prefix="upstream")

    def call_all() -> tuple[Node, ...]:
        # Each thread gets a copy of the context, and with it the request's trace and baggage.
        futures = [pool.submit(contextvars.copy_context().run, call) for call in calls]
        return tuple(future.result() for future in futures)

    return call_all


def _one(
    session: requests.Session, url: str, timeout: float, observe: Observe
) -> Callable[[], Node]:
    # Done once instead of on every call: the request, and what the environment says of proxies
    # and certificates.
    prepared = session.prepare_request(requests.Request("GET", url))
    options = requests.Session().merge_environment_settings(url, {}, False, None, None)

    def call() -> Node:
        started = time.perf_counter()
        request = prepared.copy()  # instrumentation writes this lane's headers into it
        try:
            response = session.send(request, timeout=timeout, allow_redirects=False, **options)
        except requests.RequestException as error:
            status, reason = failure.of_exception(error, timeout)
            node: Node = Outside(url=url, status=status, error=reason, duration_ms=0)
        else:
            node = _node(url, response)
        seconds = time.perf_counter() - started
        observe(url, node.status, seconds)
        if isinstance(node, Outside):
            node = replace(node, duration_ms=round(seconds * 1000, 1))
            if node.error:
                log.warning("%s failed: %d %s", url, node.status, node.error)
        return node

    return call


def _node(url: str, response: requests.Response) -> Node:
    status = response.status_code
    node = from_json(response.content)
    if node is not None and not 300 <= status < 400:
        # The status on the wire is the one that a proxy and a user see.
        return replace(node, status=status)
    if 200 <= status < 300:
        return Outside(url=url, status=status, text=failure.text_of(response), duration_ms=0)
    status, reason = failure.of_response(response)
    return Outside(url=url, status=status, error=reason, duration_ms=0)


def _session(urls: tuple[str, ...], threads: int) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.headers["Accept"] = "application/json"
    # One session serves all users: what an upstream sets for one must not reach another.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = HTTPAdapter(
        pool_connections=max(1, len(urls)),
        pool_maxsize=threads,
        max_retries=RetryClosedConnection(),
    )
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session
