"""The application: one route for every path, with a measurement and a log line for each answer."""

import functools
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse

import flask
from opentelemetry import baggage
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from services import upstream
from services.answer import Hop, as_json, as_text, status_of
from services.faults import NONE
from services.management import State
from services.metrics import Metrics
from services.settings import Settings

log = logging.getLogger(__name__)

PLAIN, JSON = "text/plain", "application/json"

Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


def create_app(settings: Settings, metrics: Metrics, state: State) -> flask.Flask:
    """Return the service as a WSGI application."""
    app = flask.Flask("services", static_folder=None)
    app.url_map.merge_slashes = False
    call_upstreams = upstream.caller(
        settings.upstream_urls, settings.threads, metrics.observe_upstream
    )

    # Any path: a route may ask for one, of the sample or of what the sample stands in for.
    @app.get("/")
    @app.get("/<path:_path>")
    def answer(_path: str = "") -> flask.Response:
        started = time.monotonic()
        environ = flask.request.environ
        ends = started + _patience(environ, settings.upstream_timeout)
        failed = None if state.fault == NONE else state.fault.strike(ends)
        upstreams = () if failed else call_upstreams(ends)
        status, error = failed or (status_of(upstreams), None)
        seconds = time.monotonic() - started
        hop = Hop(
            name=settings.app,
            version=settings.version,
            namespace=settings.namespace,
            ip=settings.ip,
            lane=_lane(settings.lane_header),
            duration_ms=round(seconds * 1000, 1),
            status=status,
            error=error,
            upstreams=upstreams,
        )
        metrics.observe_request(hop.lane, status, seconds)
        kind = _kind(environ.get("HTTP_ACCEPT", ""))
        body = as_json(hop) if kind == JSON else as_text(hop)
        return flask.Response(body, status, {"Vary": "Accept"}, mimetype=kind)

    if log.isEnabledFor(logging.INFO):
        app.before_request(_begin)
        app.after_request(functools.partial(_log, settings))
    app.wsgi_app = _limited(app.wsgi_app, settings.threads, metrics)  # type: ignore[method-assign,assignment]
    return app


def _patience(environ: dict[str, Any], timeout: float) -> float:
    """Return the seconds that an answer may take: ``timeout``, or less where the caller says so."""
    told = environ.get("HTTP_REQUEST_TIMEOUT_MS", "")
    return min(timeout, int(told) / 1000) if re.fullmatch("[0-9]{1,9}", told) else timeout


def _lane(member: str) -> str | None:
    value = baggage.get_baggage(member)
    return None if value is None else str(value)


@functools.lru_cache(maxsize=64)
def _kind(accept: str) -> str:
    """Return the media type that an Accept header asks for. Callers repeat themselves."""
    return parse_accept_header(accept, MIMEAccept).best_match((PLAIN, JSON), default=PLAIN)


def _begin() -> None:
    flask.g.started = time.monotonic()


def _log(settings: Settings, response: flask.Response) -> flask.Response:
    """Write a line for each answer, also for those that are not the route's."""
    data = {
        "app": settings.app,
        "version": settings.version,
        "lane": _lane(settings.lane_header),
        "status": response.status_code,
        "duration_ms": round((time.monotonic() - flask.g.started) * 1000, 1),
    }
    log.info("%s %s", flask.request.method, flask.request.path, extra={"data": data})
    return response


def _limited(application: Application, most: int, metrics: Metrics) -> Application:
    """Return the application, which at most so many requests enter at once, with a usable Host."""
    places = threading.Semaphore(most)
    busy = f"busy: {most} requests are being answered\n"

    def limited(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if not places.acquire(blocking=False):
            metrics.observe_refusal()
            # Not 503: meshes send that again, and count it against a pod; both make it worse.
            refusal = flask.Response(busy, HTTPStatus.TOO_MANY_REQUESTS, mimetype=PLAIN)
            return refusal(environ, start_response)
        try:
            if "xn--" in (host := environ.get("HTTP_HOST", "").lower()):
                host.encode().decode("idna")  # instrumentation makes a URL of it
            return application(environ, start_response)
        except UnicodeError:
            refusal = flask.Response("Host is no host name\n", 400, mimetype=PLAIN)
            return refusal(environ, start_response)
        finally:
            places.release()

    return limited
