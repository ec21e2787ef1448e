"""OpenTelemetry's auto-instrumentation: started unless injected, and checked once.

OpenTelemetry alone carries the lane. If it is missing, disabled or broken, lanes are lost and no
request fails. So ``baggage_passes`` tries one call at the start.
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
    """Return OpenTelemetry's variables for this service that ``environ`` does not set.

    Without a collector nothing is exported. The SDK's own default is to export to localhost.
    """
    variables = {
        "OTEL_SERVICE_NAME": app,
        "OTEL_PROPAGATORS": "tracecontext,baggage",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        # Seconds. A collector that is down must not delay a stopping pod beyond its grace period.
        "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
    }
    for signal in ("TRACES", "METRICS", "LOGS"):
        endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
        if not any(environ.get(endpoint) for endpoint in endpoints):
            variables[f"OTEL_{signal}_EXPORTER"] = "none"
    if environ.get("OTEL_TRACES_EXPORTER", variables.get("OTEL_TRACES_EXPORTER")) == "none":
        variables["OTEL_TRACES_SAMPLER"] = "parentbased_always_off"
    return {name: value for name, value in variables.items() if not environ.get(name)}


def start(app: str, member: str) -> None:
    """Instrument this process, unless it was injected, and add the baggage ``member`` to its spans.

    Call it before Flask is imported. A failure is only logged, because the service can answer
    without instrumentation.
    """
    try:
        if not started_from_outside():
            os.environ.update(defaults(os.environ, app))
            from opentelemetry.instrumentation.auto_instrumentation import initialize

            initialize()
            if os.environ.get("OTEL_METRICS_EXPORTER") == "none":
                _disable_metrics()
        with suppress(ImportError):  # injected packages may lack it, or have an old one
            from opentelemetry.processor.baggage import BaggageSpanProcessor
            from opentelemetry.sdk.trace import TracerProvider

            if isinstance(provider := trace.get_tracer_provider(), TracerProvider):
                provider.add_span_processor(BaggageSpanProcessor(lambda key: key == member))
    except Exception:
        # Packages that are too old for this Python raise, and so do misspelled propagators.
        log.exception("OpenTelemetry's auto-instrumentation cannot be loaded")


def started_from_outside() -> bool:
    """Tell whether this interpreter started with OpenTelemetry's ``sitecustomize``."""
    file = getattr(sys.modules.get("sitecustomize"), "__file__", None)
    return file is not None and PurePath(file).parent.name == "auto_instrumentation"


def active_instrumentation() -> str:
    """Return the instrumentation of calls: ``injected 0.44b0``, ``own 0.64b0`` or ``none``."""
    with suppress(Exception):  # injected packages of any version may raise
        from opentelemetry.instrumentation import version
        from opentelemetry.instrumentation.requests import RequestsInstrumentor

        if RequestsInstrumentor().is_instrumented_by_opentelemetry:
            own = Path(version.__file__).is_relative_to(sysconfig.get_path("purelib"))
            return f"{'own' if own else 'injected'} {version.__version__}"
    return "none"


def _disable_metrics() -> None:
    """Instrument again without OpenTelemetry's metrics: an eighth of a request's cost."""
    from opentelemetry.instrumentation.flask import FlaskInstrumentor
    from opentelemetry.instrumentation.requests import RequestsInstrumentor
    from opentelemetry.metrics import NoOpMeterProvider

    for instrumentor in (FlaskInstrumentor(), RequestsInstrumentor()):
        if instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.uninstrument()
            instrumentor.instrument(meter_provider=NoOpMeterProvider())


def baggage_passes(member: str) -> bool:
    """Tell whether a call in memory carries the baggage ``member`` to the called application."""
    session = requests.Session()
    session.mount("http://", Loopback(member))
    # The parent is not sampled, so that this call sends no span to a collector.
    parent = trace.NonRecordingSpan(trace.SpanContext(trace_id=1, span_id=1, is_remote=True))
    probe = baggage.set_baggage(member, "probe", trace.set_span_in_context(parent))
    token = context.attach(probe)
    try:
        return session.get("http://localhost/").text == "probe"
    except Exception:  # injected packages of any version may raise
        log.exception("the check of baggage propagation failed")
        return False
    finally:
        context.detach(token)


class Loopback(BaseAdapter):
    """Sends requests in memory to a Flask application that answers with the baggage ``member``."""

    def __init__(self, member: str) -> None:
        import flask  # after it is instrumented

        app = flask.Flask("check")
        app.add_url_rule("/", view_func=lambda: str(baggage.get_baggage(member)))
        self._get = app.test_client().get

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:  # type: ignore[override]
        # An empty context, as on a server: the caller's context has the baggage already.
        answer = contextvars.Context().run(self._get, "/", headers=dict(request.headers))
        response = requests.Response()
        response.status_code, response.raw = answer.status_code, io.BytesIO(answer.data)
        return response
