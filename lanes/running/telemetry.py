"""OpenTelemetry's variables on this machine: traces go to a collector, or nowhere."""

from lanes.envoy.tracing import Collector
from lanes.mesh.model import Pod

_NOWHERE = {
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
}


def telemetry(pod: Pod, collector: Collector | None) -> dict[str, str]:
    """Return the variables that override the pod's own of the same names.

    With a collector, these include the pod's own propagators, service name and attributes, or
    defaults for them.
    """
    if collector is None:
        return _NOWHERE
    propagators = (pod.env.get("OTEL_PROPAGATORS") or "tracecontext,baggage").split(",")
    return {
        **_NOWHERE,
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_TRACES_SAMPLER": "parentbased_always_on",
        "OTEL_PROPAGATORS": ",".join(dict.fromkeys(["tracecontext", *propagators])),
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
        "OTEL_BSP_SCHEDULE_DELAY": "500",  # milliseconds, so that traces appear soon
        "OTEL_SERVICE_NAME": pod.env.get("OTEL_SERVICE_NAME") or pod.app,
        "OTEL_RESOURCE_ATTRIBUTES": ",".join(f"{k}={v}" for k, v in _resource(pod).items()),
        "no_proxy": collector.host,
    }


def _resource(pod: Pod) -> dict[str, str]:
    """Return the pod's resource attributes: those of its manifest, over defaults.

    Attributes that a cluster would expand, such as $(NODE), are left out.
    https://opentelemetry.io/docs/specs/semconv/resource/k8s/
    """
    attributes = pod.env.get("OTEL_RESOURCE_ATTRIBUTES", "").split(",")
    own = {name: value for name, _, value in (pair.partition("=") for pair in attributes)}
    return {
        "service.version": pod.version,
        "k8s.namespace.name": pod.namespace,
        "k8s.pod.name": pod.name,
        **{name: value for name, value in own.items() if value and "$(" not in value},
    }
