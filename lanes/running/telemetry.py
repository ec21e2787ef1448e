"""OpenTelemetry's variables on this machine: nothing is sent, or traces to a collector."""

from lanes.envoy.tracing import Collector
from lanes.model import Pod

_NOWHERE = {
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
}


def telemetry(pod: Pod, collector: Collector | None) -> dict[str, str]:
    """What beats the pod's own variables of these names; with what names it, where it has none.

    https://opentelemetry.io/docs/specs/semconv/resource/k8s/
    """
    if collector is None:
        return _NOWHERE
    propagators = (pod.env.get("OTEL_PROPAGATORS") or "tracecontext,baggage").split(",")
    resource = {
        "service.version": pod.version,
        "k8s.namespace.name": pod.namespace,
        "k8s.pod.name": pod.name,
    }
    return {
        **_NOWHERE,
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_TRACES_SAMPLER": "parentbased_always_on",
        "OTEL_PROPAGATORS": ",".join(dict.fromkeys(["tracecontext", *propagators])),
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
        "OTEL_BSP_SCHEDULE_DELAY": "500",  # milliseconds: someone is watching
        "OTEL_SERVICE_NAME": pod.env.get("OTEL_SERVICE_NAME") or pod.app,
        "OTEL_RESOURCE_ATTRIBUTES": pod.env.get("OTEL_RESOURCE_ATTRIBUTES")
        or ",".join(f"{name}={value}" for name, value in resource.items()),
        "no_proxy": collector.host,
    }
