"""The application: one route for every path, and a limit on concurrent requests."""

import functools
import logging
import re
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import flask
from opentelemetry import baggage
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from services import upstream
from services.answer import Hop, as_json, as_text
from services.faults import NONE
from services.management import Management, Metrics
from services.settings import Settings

log = logging.getLogger(__name__)

PLAIN, JSON = "text/plain", "application/json"
TIMEOUT_KEY = f"HTTP_{upstream.TIMEOUT_HEADER.upper().replace('-', '_')}"  # in a WSGI environ


def create_app(settings: Settings, metrics: Metrics, management: Management) -> flask.Flask:
    """Return the service as a WSGI application."""
    app = flask.Flask("services", static_folder=None)
    who = {"app": settings.app, "version": settings.version}
    pod: dict[str, Any] = {"namespace": settings.namespace, "ip": settings.ip}
    pod["instrumentation"] = metrics.instrumentation
    me = functools.partial(Hop, name=settings.app, version=settings.version, **pod)
    call_all = upstream.caller(settings.upstream_urls, settings.threads, metrics.observe_upstream)

    # Every path, because mesh routes may send any path to the sample or to a stand-in.
    @app.get("/")
    @app.get("/<path:_path>")
    def answer(_path: str = "") -> flask.Response:
        started = time.monotonic()
        environ, timeout = flask.request.environ, settings.upstream_timeout
        if caller_ms := re.fullmatch("[0-9]{1,9}", environ.get(TIMEOUT_KEY, "")):
            timeout = min(timeout, int(caller_ms[0]) / 1000)
        deadline = started + timeout
        injected = None if management.fault == NONE else management.fault.inject(deadline)
        upstreams = () if injected else call_all(deadline)
        status = next((each.status for each in upstreams if each.status >= 400), 200)
        status, error = injected or (status, None)
        lane = str(baggage.get_baggage(settings.lane_header) or "")
        seconds = time.monotonic() - started
        milliseconds = round(seconds * 1000, 1)
        hop = me(
            lane=lane, duration_ms=milliseconds, status=status, error=error, upstreams=upstreams
        )
        metrics.observe_request(lane, status, seconds)
        if log.isEnabledFor(logging.INFO):
            data = {**who, "lane": lane, "status": status, "duration_ms": milliseconds}
            log.info("%s %s", flask.request.method, flask.request.path, extra={"data": data})
        kind = _media_type(environ.get("HTTP_ACCEPT", ""))
        body = as_json(hop) if kind == JSON else as_text(hop)
        return flask.Response(body, status, {"Vary": "Accept"}, kind)

    app.wsgi_app = _limited(app.wsgi_app, settings.threads, metrics)  # type: ignore[method-assign]
    return app


@functools.lru_cache(maxsize=64)
def _media_type(accept: str) -> str:
    """Return the media type that an Accept header prefers."""
    return parse_accept_header(accept, MIMEAccept).best_match((PLAIN, JSON), default=PLAIN)


def _limited(application: Callable[..., Any], limit: int, metrics: Metrics) -> Callable[..., Any]:
    """Return the application with a limit on concurrent requests and a check of their Host."""
    places = deque(range(limit))  # a request takes a place and returns it; a Semaphore costs 3 µs

    def limited(environ: dict[str, Any], start_response: Any) -> Any:
        try:
            place = places.pop()
        except IndexError:
            metrics.refused.inc()
            # Not 503: meshes retry a 503 and eject pods for it. Both make overload worse.
            busy = f"busy: {limit} requests are being answered\n"
            return flask.Response(busy, 429, mimetype=PLAIN)(environ, start_response)
        try:
            if "xn--" in (host := environ.get("HTTP_HOST", "").lower()):
                host.encode().decode("idna")  # raises, where instrumentation would fail later
            return application(environ, start_response)
        except UnicodeError:
            return flask.Response("Host is no name\n", 400, mimetype=PLAIN)(environ, start_response)
        finally:
            places.append(place)

    return limited
