"""Calling the next services: pooled connections, one retry, several at once.

Nothing here knows of lanes: OpenTelemetry's instrumentation of ``requests`` adds the baggage.
"""

import contextvars
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from urllib3.exceptions import HTTPError, ProtocolError

from services import failure
from services.answer import Node, Outside, from_json
from services.journey import Journey
from services.transport import Adapter, Until

log = logging.getLogger(__name__)

Call = Callable[[Journey], tuple[Node, ...]]
Observe = Callable[[str, int, float], None]

# Of one answer: a thousand hops' worth. Read as a tree it takes some twenty times as much, and each
# thread may have one.
LARGEST = 262_144


def caller(
    urls: tuple[str, ...], *, hop: str, threads: int, observe: Observe = lambda *_: None
) -> Call:
    """A function that calls all ``urls`` at once and returns their answers in the same order.

    It never raises: a failing upstream is a node that says so. ``hop`` is what this service is
    called by in Via headers. ``threads`` is how many requests call at the same time. ``observe``
    is told each call's URL, status and seconds.
    """
    session = _session(urls, threads)
    calls = [_one(session, url, hop, observe) for url in urls]
    if len(calls) < 2:
        return lambda journey: tuple(call(journey) for call in calls)

    pool = ThreadPoolExecutor(max_workers=threads * len(calls), thread_name_prefix="upstream")

    def call_all(journey: Journey) -> tuple[Node, ...]:
        # Each thread gets a copy of the context, and with it the request's trace and baggage.
        futures = [pool.submit(contextvars.copy_context().run, call, journey) for call in calls]
        return tuple(future.result() for future in futures)

    return call_all


def _one(
    session: requests.Session, url: str, hop: str, observe: Observe
) -> Callable[[Journey], Node]:
    # Done once instead of on every call: the request, and what the environment says of proxies
    # and certificates.
    prepared = session.prepare_request(requests.Request("GET", url))
    options = requests.Session().merge_environment_settings(url, {}, True, None, None)

    def call(journey: Journey) -> Node:
        started = time.perf_counter()
        seconds = journey.left
        request = prepared.copy()  # instrumentation writes this lane's headers into it
        request.headers.update(journey.headers(hop))
        try:
            if seconds <= 0:
                raise requests.Timeout
            until: Any = Until(journey.ends)
            response = session.send(request, timeout=until, allow_redirects=False, **options)
            node = _node(url, response, _body(response))
        except (requests.RequestException, HTTPError) as error:
            status, reason = failure.of_exception(error, seconds)
            node = Outside(url=url, status=status, error=reason, duration_ms=0)
        seconds = time.perf_counter() - started
        observe(url, node.status, seconds)
        if isinstance(node, Outside):
            node = replace(node, duration_ms=round(seconds * 1000, 1))
            if node.error:
                log.warning("%s failed: %d %s", url, node.status, node.error)
        return node

    return call


def _body(response: requests.Response) -> bytes:
    """All of it, or as much as shows that it is too large."""
    body: bytes = response.raw.read(LARGEST + 1)
    if response.raw.length_remaining and len(body) <= LARGEST:
        raise ProtocolError
    return body


def _node(url: str, response: requests.Response, body: bytes) -> Node:
    status = response.status_code
    if len(body) > LARGEST:
        response.close()
        reason = f"answered more than {LARGEST} bytes"
        return Outside(url=url, status=HTTPStatus.BAD_GATEWAY, error=reason, duration_ms=0)
    node = from_json(body)
    if node is not None and not 300 <= status < 400:
        # The status on the wire is the one that a proxy and a user see.
        return replace(node, status=status)
    if 200 <= status < 300:
        return Outside(url=url, status=status, text=failure.text_of(body), duration_ms=0)
    status, reason = failure.of_response(response, body)
    return Outside(url=url, status=status, error=reason, duration_ms=0)


def _session(urls: tuple[str, ...], threads: int) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.headers["Accept"] = "application/json"
    # A small answer in packing may be a large one.
    session.headers["Accept-Encoding"] = "identity"
    # One session serves all users: what an upstream sets for one must not reach another.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = Adapter(pool_connections=max(1, len(urls)), pool_maxsize=threads)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session
