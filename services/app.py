"""The HTTP side: one route for every path, and a log line and a measurement for each answer."""

import functools
import logging
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
from services.fault import Faults
from services.journey import Journey
from services.metrics import Metrics
from services.settings import Settings

log = logging.getLogger(__name__)

PLAIN, JSON = "text/plain", "application/json"
CIRCLE = "this request has been here before: upstream_url leads in a circle"


def create_app(settings: Settings, metrics: Metrics, faults: Faults) -> flask.Flask:
    """The service as a WSGI application."""
    app = flask.Flask("services", static_folder=None)
    call_upstreams = upstream.caller(
        settings.upstream_urls,
        hop=settings.hop,
        threads=settings.threads,
        observe=metrics.observe_upstream,
    )

    # Any path: a route may ask for one, of the sample or of what the sample stands in for.
    app.url_map.merge_slashes = False

    @app.get("/", defaults={"_path": ""})
    @app.get("/<path:_path>")
    def answer(_path: str) -> flask.Response:
        started = time.perf_counter()
        request = flask.request
        journey = Journey.from_environ(request.environ, settings.upstream_timeout)
        failed: tuple[int, str] | None
        if journey.has_passed(settings.hop):
            failed = HTTPStatus.LOOP_DETECTED, CIRCLE
        else:
            failed = faults.strike(journey.left)
        upstreams = () if failed else call_upstreams(journey)
        status, error = failed or (status_of(upstreams), None)
        hop = Hop(
            name=settings.app,
            version=settings.version,
            namespace=settings.namespace,
            ip=settings.ip,
            lane=_lane(settings.lane_header),
            status=status,
            error=error,
            duration_ms=_milliseconds_since(started),
            upstreams=upstreams,
        )
        kind = _kind(request.environ.get("HTTP_ACCEPT", ""))
        body = as_json(hop) if kind == JSON else as_text(hop)
        return flask.Response(body, hop.status, {"Vary": "Accept"}, mimetype=kind)

    @app.before_request
    def begin() -> None:
        flask.g.started = time.perf_counter()

    @app.after_request
    def end(response: flask.Response) -> flask.Response:
        request = flask.request
        lane = _lane(settings.lane_header)
        seconds = time.perf_counter() - flask.g.started
        if request.endpoint == "answer":
            metrics.observe_request(lane, response.status_code, seconds)
        if log.isEnabledFor(logging.INFO):
            data = {
                "app": settings.app,
                "version": settings.version,
                "lane": lane,
                "status": response.status_code,
                "duration_ms": round(seconds * 1000, 1),
            }
            log.info("%s %s", request.method, request.path, extra={"data": data})
        return response

    app.wsgi_app = _with_a_host(app.wsgi_app)  # type: ignore[method-assign,assignment]
    return app


@functools.lru_cache(maxsize=64)
def _kind(accept: str) -> str:
    """The kind of answer that an Accept header asks for. Callers send the same ones ever again."""
    return parse_accept_header(accept, MIMEAccept).best_match((PLAIN, JSON), default=PLAIN)


Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


def _with_a_host(application: Application) -> Application:
    """Refuse a Host that looks like IDNA and is none: the URL that instrumentation asks for can't
    be made of it.
    """

    def answer(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "").lower()
        if "xn--" in host:
            try:
                host.encode().decode("idna")
            except UnicodeError:
                refusal = flask.Response("Host is no host name\n", 400, mimetype="text/plain")
                return refusal(environ, start_response)
        return application(environ, start_response)

    return answer


def _lane(member: str) -> str | None:
    value = baggage.get_baggage(member)
    return None if value is None else str(value)


def _milliseconds_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
