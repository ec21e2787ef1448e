"""Starting OpenTelemetry's auto-instrumentation, unless it has been started from outside."""

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import PurePath

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


def start(app: str) -> None:
    """Instrument this process as ``opentelemetry-instrument`` would, in the same process.

    To be called before Flask is imported: instrumentation replaces its class. Where the
    Operator or ``opentelemetry-instrument`` has done it already, theirs stays as it is. A
    failure is logged and not raised: the service answers without instrumentation too.
    """
    if started_from_outside():
        return
    os.environ.update(defaults(os.environ, app))
    try:
        from opentelemetry.instrumentation.auto_instrumentation import initialize

        initialize()
    except Exception:
        # Importing it runs much: packages injected before the image's own that are too old for
        # this Python, or a propagator's name misspelt, end here.
        log.exception("OpenTelemetry's auto-instrumentation cannot be loaded")


def started_from_outside() -> bool:
    """Whether this interpreter began with OpenTelemetry's ``sitecustomize``."""
    file = getattr(sys.modules.get("sitecustomize"), "__file__", None)
    return file is not None and PurePath(file).parent.name == "auto_instrumentation"
