"""Starting OpenTelemetry's auto-instrumentation, unless it has been started from outside."""

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import PurePath

from opentelemetry import trace

log = logging.getLogger(__name__)

SIGNALS = ("TRACES", "METRICS", "LOGS")


def defaults(environ: Mapping[str, str], app: str) -> dict[str, str]:
    """OpenTelemetry's variables for this service where ``environ`` does not set them.

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

    To be called before Flask is imported: instrumentation replaces its class. Where the
    Operator or ``opentelemetry-instrument`` has done it already, theirs stays as it is. A
    failure is logged and not raised: the service answers without instrumentation too.
    """
    if not started_from_outside():
        os.environ.update(defaults(os.environ, app))
        try:
            from opentelemetry.instrumentation.auto_instrumentation import initialize

            initialize()
        except Exception:
            # Importing it runs much: packages injected before the image's own that are too old for
            # this Python, or a propagator's name misspelt, end here.
            log.exception("OpenTelemetry's auto-instrumentation cannot be loaded")
            return
    _tell_in_spans(member)


def _tell_in_spans(member: str) -> None:
    """Have OpenTelemetry copy ``member`` from the baggage to each span that is recorded.

    Its distribution for Python has no variable for that. Packages injected from outside may be too
    old for it, or bring no SDK: then spans go without.
    """
    try:
        from opentelemetry.processor.baggage import BaggageSpanProcessor
        from opentelemetry.sdk.trace import TracerProvider
    except ImportError:
        return
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.add_span_processor(BaggageSpanProcessor(lambda key: key == member))


def started_from_outside() -> bool:
    """Whether this interpreter began with OpenTelemetry's ``sitecustomize``."""
    file = getattr(sys.modules.get("sitecustomize"), "__file__", None)
    return file is not None and PurePath(file).parent.name == "auto_instrumentation"
