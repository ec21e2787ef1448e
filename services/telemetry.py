"""OpenTelemetry's auto-instrumentation: started where nobody has, and tried once.

OpenTelemetry alone carries the lane. Where it is missing, switched off or broken, lanes are lost
and no request fails. So one call is tried at the start: see ``baggage_passes``.
"""

import contextvars
import io
import logging
import os
import sys
import sysconfig
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePath

import requests
from opentelemetry import baggage, context, trace
from requests.adapters import BaseAdapter

log = logging.getLogger(__name__)

LANES_LOST = (
    "baggage propagation is not active: lanes are lost at this hop; start it under OpenTelemetry "
    "auto-instrumentation with the flask and requests instrumentations and the baggage propagator"
)


def defaults(environ: Mapping[str, str], app: str) -> dict[str, str]:
    """Return OpenTelemetry's variables for this service where ``environ`` does not set them.

    Without a collector nothing is exported, where the SDK would send all to localhost and complain.
    """
    chosen = {
        "OTEL_SERVICE_NAME": app,
        "OTEL_PROPAGATORS": "tracecontext,baggage",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        # Seconds. A collector that is down must not keep a stopping pod beyond its grace period.
        "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
    }
    for signal in ("TRACES", "METRICS", "LOGS"):
        endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
        if not any(environ.get(endpoint) for endpoint in endpoints):
            chosen[f"OTEL_{signal}_EXPORTER"] = "none"
    if environ.get("OTEL_TRACES_EXPORTER", chosen.get("OTEL_TRACES_EXPORTER")) == "none":
        chosen["OTEL_TRACES_SAMPLER"] = "parentbased_always_off"
    return {name: value for name, value in chosen.items() if not environ.get(name)}


def start(app: str, member: str) -> None:
    """Instrument this process, unless it has been from outside, and have its spans tell the baggage
    ``member``. To be called before Flask is imported. A failure is logged: it answers without, too.
    """
    try:
        if not started_from_outside():
            os.environ.update(defaults(os.environ, app))
            from opentelemetry.instrumentation.auto_instrumentation import initialize

            initialize()
            if os.environ.get("OTEL_METRICS_EXPORTER") == "none":
                _stop_measuring()
        with suppress(ImportError):  # injected packages may have none, or one too old
            from opentelemetry.processor.baggage import BaggageSpanProcessor
            from opentelemetry.sdk.trace import TracerProvider

            if isinstance(provider := trace.get_tracer_provider(), TracerProvider):
                provider.add_span_processor(BaggageSpanProcessor(lambda key: key == member))
    except Exception:
        # Much runs here: packages too old for this Python, or a propagator misspelt, end here.
        log.exception("OpenTelemetry's auto-instrumentation cannot be loaded")


def started_from_outside() -> bool:
    """Whether this interpreter began with OpenTelemetry's ``sitecustomize``."""
    file = getattr(sys.modules.get("sitecustomize"), "__file__", None)
    return file is not None and PurePath(file).parent.name == "auto_instrumentation"


def in_force() -> str:
    """Return whose instrumentation calls have: ``injected 0.44b0``, ``own 0.64b0`` or ``none``."""
    with suppress(Exception):  # of injected packages of any version
        from opentelemetry.instrumentation import version
        from opentelemetry.instrumentation.requests import RequestsInstrumentor

        if RequestsInstrumentor().is_instrumented_by_opentelemetry:
            own = Path(version.__file__).is_relative_to(sysconfig.get_path("purelib"))
            return f"{'own' if own else 'injected'} {version.__version__}"
    return "none"


def _stop_measuring() -> None:
    """Instrument again, without measurements that nobody reads: an eighth of a request's cost."""
    from opentelemetry.instrumentation.flask import FlaskInstrumentor
    from opentelemetry.instrumentation.requests import RequestsInstrumentor
    from opentelemetry.metrics import NoOpMeterProvider

    for instrumentor in (FlaskInstrumentor(), RequestsInstrumentor()):
        if instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.uninstrument()
            instrumentor.instrument(meter_provider=NoOpMeterProvider())


def baggage_passes(member: str) -> bool:
    """Whether the baggage ``member`` leaves with a call and arrives, tried by a call in memory."""
    session = requests.Session()
    session.mount("http://", Loopback(member))
    # A parent that is not sampled, so that this request leaves no span with a collector.
    parent = trace.NonRecordingSpan(trace.SpanContext(trace_id=1, span_id=1, is_remote=True))
    ours = baggage.set_baggage(member, "probe", trace.set_span_in_context(parent))
    token = context.attach(ours)
    try:
        return session.get("http://localhost/").text == "probe"
    except Exception:  # of foreign code of any version
        log.exception("the check of baggage propagation failed")
        return False
    finally:
        context.detach(token)


class Loopback(BaseAdapter):
    """Lets a Flask application receive a request in memory; it answers the baggage ``member``."""

    def __init__(self, member: str) -> None:
        import flask  # not before it is instrumented

        app = flask.Flask("check")
        app.add_url_rule("/", view_func=lambda: str(baggage.get_baggage(member)))
        self._get = app.test_client().get

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:  # type: ignore[override]
        """Return the answer."""
        # In a context of its own, as on a server: the caller's has the baggage already.
        found = contextvars.Context().run(self._get, "/", headers=dict(request.headers))
        response = requests.Response()
        response.status_code, response.raw = found.status_code, io.BytesIO(found.data)
        return response
