"""The application: one route for every path, and the limit of requests served at once."""

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
CALLER_WAITS = f"HTTP_{upstream.TIMEOUT_HEADER.upper().replace('-', '_')}"


def create_app(settings: Settings, metrics: Metrics, management: Management) -> flask.Flask:
    """Return the service as a WSGI application."""
    app = flask.Flask("services", static_folder=None)
    who = {"app": settings.app, "version": settings.version}
    pod: dict[str, Any] = {"namespace": settings.namespace, "ip": settings.ip}
    pod["instrumentation"] = metrics.instrumentation
    me = functools.partial(Hop, name=settings.app, version=settings.version, **pod)
    call_all = upstream.caller(settings.upstream_urls, settings.threads, metrics.observe_upstream)

    # Any path: a route may ask for one, of the sample or of what the sample stands in for.
    @app.get("/")
    @app.get("/<path:_path>")
    def answer(_path: str = "") -> flask.Response:
        started = time.monotonic()
        environ, timeout = flask.request.environ, settings.upstream_timeout
        waits = re.fullmatch("[0-9]{1,9}", environ.get(CALLER_WAITS, ""))
        ends = started + (min(timeout, int(waits[0]) / 1000) if waits else timeout)
        failed = None if management.fault == NONE else management.fault.strike(ends)
        upstreams = () if failed else call_all(ends)
        status = next((each.status for each in upstreams if each.status >= 400), 200)
        status, error = failed or (status, None)
        lane = str(baggage.get_baggage(settings.lane_header) or "")  # null: it is not known
        seconds = time.monotonic() - started
        took = round(seconds * 1000, 1)
        hop = me(lane=lane, duration_ms=took, status=status, error=error, upstreams=upstreams)
        metrics.observe_request(lane, status, seconds)
        if log.isEnabledFor(logging.INFO):
            data = {**who, "lane": lane, "status": status, "duration_ms": took}
            log.info("%s %s", flask.request.method, flask.request.path, extra={"data": data})
        kind = _kind(environ.get("HTTP_ACCEPT", ""))
        body = as_json(hop) if kind == JSON else as_text(hop)
        return flask.Response(body, status, {"Vary": "Accept"}, kind)

    app.wsgi_app = _limited(app.wsgi_app, settings.threads, metrics)  # type: ignore[method-assign]
    return app


@functools.lru_cache(maxsize=64)
def _kind(accept: str) -> str:
    """Return the media type that an Accept header asks for."""
    return parse_accept_header(accept, MIMEAccept).best_match((PLAIN, JSON), default=PLAIN)


def _limited(application: Callable[..., Any], most: int, metrics: Metrics) -> Callable[..., Any]:
    """Return the application, which at most so many requests enter at once, with a usable Host."""
    places = deque(range(most))  # taken and given back at once; a Semaphore costs 3 µs

    def limited(environ: dict[str, Any], start_response: Any) -> Any:
        try:
            place = places.pop()
        except IndexError:
            metrics.refused.inc()
            # Not 503: meshes send that again, and count it against a pod; both make it worse.
            busy = f"busy: {most} requests are being answered\n"
            return flask.Response(busy, 429, mimetype=PLAIN)(environ, start_response)
        try:
            if "xn--" in (host := environ.get("HTTP_HOST", "").lower()):
                host.encode().decode("idna")  # instrumentation makes a URL of it
            return application(environ, start_response)
        except UnicodeError:
            return flask.Response("Host is no name\n", 400, mimetype=PLAIN)(environ, start_response)
        finally:
            places.append(place)

    return limited
