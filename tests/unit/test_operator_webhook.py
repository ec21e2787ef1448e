"""The cluster tier's webhook changes a pod like the real Operator."""

from tests.cluster.operator_webhook import MOUNT, NAME, PREFIX, Json, injected

SPEC: Json = {
    "propagators": ["baggage"],
    "sampler": {"type": "always_off", "argument": "1"},
    "env": [{"name": "OTEL_LOGS_EXPORTER", "value": "none"}],
    "python": {"env": [{"name": "OTEL_TRACES_EXPORTER", "value": "none"}]},
}
OWN = [{"name": "app", "value": "mockb"}, {"name": "OTEL_PROPAGATORS", "value": "b3"}]


def pod(**annotations: str) -> Json:
    """Return a pod from Istio's injector, whose second container is the service's."""
    secured = {"name": "default", "env": OWN, "securityContext": {"runAsNonRoot": True}}
    spec = {"containers": [{"name": "other"}, secured], "initContainers": [{"name": "istio-proxy"}]}
    return {"metadata": {"annotations": annotations, "labels": {"app": "mockb"}}, "spec": spec}


def test_the_container_that_is_named_is_injected_and_keeps_its_own_variables() -> None:
    changed = injected(pod(**{f"{PREFIX}/container-names": "default"}), SPEC, "image:1")
    other, container = changed["containers"]
    assert other == {"name": "other"}
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert variables == {
        "app": "mockb",
        "OTEL_PROPAGATORS": "b3",
        "OTEL_SERVICE_NAME": "mockb",
        "OTEL_TRACES_SAMPLER": "always_off",
        "OTEL_TRACES_SAMPLER_ARG": "1",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf",
        "PYTHONPATH": f"{MOUNT}/opentelemetry/instrumentation/auto_instrumentation:{MOUNT}",
    }
    last = changed["initContainers"][-1]
    assert [each["name"] for each in changed["initContainers"]] == ["istio-proxy", NAME]
    assert last["securityContext"] == container["securityContext"]
    assert last["volumeMounts"] == container["volumeMounts"]


def test_the_first_container_is_injected_where_none_is_named() -> None:
    first, second = injected(pod(), SPEC, "image:1")["containers"]
    assert (len(first["volumeMounts"]), second["env"]) == (1, OWN)
