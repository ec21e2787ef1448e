"""The HTTP side: four routes, and a log line and a measurement for each answer."""

import logging
import time
from collections.abc import Callable

import flask
from opentelemetry import baggage

from services import propagation, upstream
from services.answer import Hop, as_json, as_text, status_of
from services.metrics import CONTENT_TYPE, Metrics
from services.settings import Settings

log = logging.getLogger(__name__)

LANES_LOST = (
    "baggage propagation is not active: lanes are lost at this hop; "
    "start it under OpenTelemetry auto-instrumentation with the flask and requests "
    "instrumentations and the baggage propagator"
)


def create_app(settings: Settings, is_draining: Callable[[], bool] = lambda: False) -> flask.Flask:
    """The service as a WSGI application.

    ``is_draining`` tells when to be unready. Whether lanes pass is tried once, here.
    """
    app = flask.Flask("services", static_folder=None)
    metrics = Metrics(settings.app, settings.version)
    call_upstreams = upstream.caller(
        settings.upstream_urls,
        timeout=settings.upstream_timeout,
        threads=settings.threads,
        observe=metrics.observe_upstream,
    )

    @app.get("/")
    def answer() -> flask.Response:
        started = time.perf_counter()
        upstreams = call_upstreams()
        hop = Hop(
            name=settings.app,
            version=settings.version,
            namespace=settings.namespace,
            ip=settings.ip,
            lane=_lane(settings.lane_header),
            status=status_of(upstreams),
            duration_ms=_milliseconds_since(started),
            upstreams=upstreams,
        )
        kinds = ["text/plain", "application/json"]
        kind = flask.request.accept_mimetypes.best_match(kinds, default=kinds[0])
        body = as_json(hop) if kind == "application/json" else as_text(hop)
        response = flask.Response(body, hop.status, mimetype=kind)
        response.vary.add("Accept")
        return response

    @app.get("/healthz")
    def healthz() -> flask.Response:
        return flask.Response("alive\n", mimetype="text/plain")

    @app.get("/readyz")
    def readyz() -> flask.Response:
        warning = "" if lanes_pass else f"warning: {LANES_LOST}\n"
        if is_draining():
            return flask.Response(f"draining\n{warning}", 503, mimetype="text/plain")
        return flask.Response(f"ready\n{warning}", mimetype="text/plain")

    @app.get("/metrics")
    def exposition() -> flask.Response:
        return flask.Response(metrics.exposition(), content_type=CONTENT_TYPE)

    @app.before_request
    def begin() -> None:
        flask.g.started = time.perf_counter()

    @app.after_request
    def end(response: flask.Response) -> flask.Response:
        request = flask.request
        own = request.endpoint in ("healthz", "readyz", "exposition")
        lane = _lane(settings.lane_header)
        seconds = time.perf_counter() - flask.g.started
        if request.endpoint == "answer":
            metrics.observe_request(lane, response.status_code, seconds)
        level = logging.DEBUG if own else logging.INFO
        if log.isEnabledFor(level):
            data = {
                "app": settings.app,
                "version": settings.version,
                "lane": lane,
                "status": response.status_code,
                "duration_ms": round(seconds * 1000, 1),
            }
            log.log(level, "%s %s", request.method, request.path, extra={"data": data})
        return response

    lanes_pass = propagation.is_active(app, settings.lane_header)
    if not lanes_pass:
        log.error(LANES_LOST)
    return app


def _lane(member: str) -> str | None:
    value = baggage.get_baggage(member)
    return None if value is None else str(value)


def _milliseconds_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
