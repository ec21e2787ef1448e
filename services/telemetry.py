"""OpenTelemetry's auto-instrumentation: started where nobody has, and tried once.

It alone carries the lane, as a member of the baggage. It may be missing, switched off, or broken by
the packages that were injected around it, and then lanes are lost without an error anywhere.
"""

import contextvars
import io
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import PurePath

import requests
from opentelemetry import baggage, context, trace
from requests.adapters import BaseAdapter

log = logging.getLogger(__name__)

SIGNALS = ("TRACES", "METRICS", "LOGS")
PROBE = "probe"
# A parent that is not sampled, so that the trial leaves no span with a collector.
UNSAMPLED = trace.NonRecordingSpan(trace.SpanContext(trace_id=1, span_id=1, is_remote=True))


def defaults(environ: Mapping[str, str], app: str) -> dict[str, str]:
    """Return OpenTelemetry's variables for this service where ``environ`` does not set them.

    Without a collector nothing is exported: the SDK's own default is to send everything to
    localhost and to complain. Spans then only carry ids, unless a caller has sampled the trace.
    """
    chosen = {
        "OTEL_SERVICE_NAME": app,
        "OTEL_PROPAGATORS": "tracecontext,baggage",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        # Seconds. A collector that is down must not keep a stopping pod beyond its grace period.
        "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
    }
    for signal in SIGNALS:
        endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
        if not any(environ.get(endpoint) for endpoint in endpoints):
            chosen[f"OTEL_{signal}_EXPORTER"] = "none"
    if environ.get("OTEL_TRACES_EXPORTER", chosen.get("OTEL_TRACES_EXPORTER")) == "none":
        chosen["OTEL_TRACES_SAMPLER"] = "parentbased_always_off"
    return {name: value for name, value in chosen.items() if not environ.get(name)}


def start(app: str, member: str) -> None:
    """Instrument this process as ``opentelemetry-instrument`` would, in the same process, and let
    its spans tell the baggage ``member``.

    To be called before Flask is imported: instrumentation replaces its class. Where the Operator
    or ``opentelemetry-instrument`` has done it, theirs stays as it is. A failure is logged and not
    raised: the service answers without instrumentation too.
    """
    if not started_from_outside():
        os.environ.update(defaults(os.environ, app))
        try:
            from opentelemetry.instrumentation.auto_instrumentation import initialize

            initialize()
            if os.environ["OTEL_METRICS_EXPORTER"] == "none":
                _without_metrics()
        except Exception:
            # Importing it runs much: packages injected before the image's own that are too old for
            # this Python, or a propagator's name misspelt, end here.
            log.exception("OpenTelemetry's auto-instrumentation cannot be loaded")
            return
    try:
        from opentelemetry.processor.baggage import BaggageSpanProcessor
        from opentelemetry.sdk.trace import TracerProvider
    except ImportError:
        return  # injected packages may bring no SDK, or one too old: spans go without
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.add_span_processor(BaggageSpanProcessor(lambda key: key == member))


def _without_metrics() -> None:
    """Have the instrumentation take no measurements, which nobody would read: they are an eighth
    of what a request costs.
    """
    from opentelemetry.instrumentation.flask import FlaskInstrumentor
    from opentelemetry.instrumentation.requests import RequestsInstrumentor
    from opentelemetry.metrics import NoOpMeterProvider

    for instrumentor in (FlaskInstrumentor(), RequestsInstrumentor()):
        if instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.uninstrument()
            instrumentor.instrument(meter_provider=NoOpMeterProvider())


def started_from_outside() -> bool:
    """Whether this interpreter began with OpenTelemetry's ``sitecustomize``."""
    file = getattr(sys.modules.get("sitecustomize"), "__file__", None)
    return file is not None and PurePath(file).parent.name == "auto_instrumentation"


def baggage_passes(member: str) -> bool:
    """Whether the baggage ``member`` goes out with a call and is found where the call arrives.

    Tried and not concluded from versions. The call goes to a Flask application in memory: no
    socket is opened, and the headers go from one instrumentation to the other unseen.
    """
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", Loopback(member))
    ours = baggage.set_baggage(member, PROBE, trace.set_span_in_context(UNSAMPLED))
    token = context.attach(ours)
    try:
        return session.get("http://localhost/").text == PROBE
    except Exception:
        # Foreign code of any version runs here: whatever it raises, baggage does not pass.
        log.exception("the trial of baggage propagation failed")
        return False
    finally:
        context.detach(token)


class Loopback(BaseAdapter):
    """Lets a Flask application receive a request in memory; answers the baggage member found."""

    def __init__(self, member: str) -> None:
        super().__init__()
        self._member = member

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:  # type: ignore[override]
        """Answer 200, with the member's value as the body."""
        response = requests.Response()
        response.status_code = 200
        # In a context of its own, as on a server: the caller's would hold the answer already.
        found = contextvars.Context().run(self._receive, dict(request.headers))
        response.raw = io.BytesIO(found)
        return response

    def _receive(self, headers: dict[str, str]) -> bytes:
        import flask  # not before it is instrumented

        app = flask.Flask("trial")
        app.add_url_rule("/", view_func=lambda: str(baggage.get_baggage(self._member)))
        return bytes(app.test_client().get("/", headers=headers).data)

    def close(self) -> None:
        """Nothing to release."""
