"""Injection by the OpenTelemetry Operator: annotations that it ignores without a message."""

import pytest

from lanes.report.plan_warnings import warnings
from tests.kube import (
    Document,
    deployment,
    foreign,
    gateway,
    instrumentation,
    put,
    rule,
    service,
    to,
    virtual_service,
)
from tests.unit.lanes.reading import mesh_of, plan_of

PREFIX = "instrumentation.opentelemetry.io"
TEMPLATE = "spec.template.metadata.annotations"
APP: Document = {"name": "app", "image": "shop:1", "ports": [{"containerPort": 8000}]}
AGENT: Document = {"name": "agent", "image": "agent:1"}


def shop(*containers: Document, **annotations: str) -> Document:
    """A workload whose pods have these containers, and annotations of the operator."""
    named = {f"{PREFIX}/{name.replace('_', '-')}": value for name, value in annotations.items()}
    workload = put(foreign("shop"), TEMPLATE, named)
    return put(workload, "spec.template.spec.containers", list(containers or (APP,)))


def injection_warnings(*documents: Document) -> list[tuple[str, str]]:
    """The fields, without PREFIX, and the messages of the warnings."""
    found = [w for w in mesh_of(*documents).warnings if w.rule == "injection"]
    return [(w.field.replace(f"{PREFIX}/", ""), w.message) for w in found]


OTEL = instrumentation("tracecontext", "baggage", name="otel")
BY_ITSELF = "so the service has to propagate baggage itself"


@pytest.mark.parametrize(
    ("workload", "found"),
    [
        (shop(inject_java="true"), {}),
        (shop(APP, AGENT, inject_java="true"), {}),
        (shop(AGENT, APP, inject_java="true", container_names="app"), {}),
        (shop(AGENT, APP, inject_java="true", java_container_names="app"), {}),
        (
            shop(AGENT, APP, inject_java="true"),
            {
                "inject-java": "the operator injects into agent, and app serves; name it in"
                f" {PREFIX}/container-names"
            },
        ),
        (
            shop(inject_java="true", container_names="main, x"),
            {"inject-java": "main, x is no container of these pods, so nothing is injected"},
        ),
        (
            shop(inject_sdk="true"),
            {"inject-sdk": f"brings settings and no code, {BY_ITSELF}"},
        ),
        (
            shop(inject_go="true"),
            {
                "inject-go": "instruments Go from outside of the process and carries no baggage,"
                f" {BY_ITSELF}"
            },
        ),
        (
            shop(inject_python="true", python_container_names="main", inject_java="other"),
            {
                "inject-python": "main is no container of these pods, so nothing is injected",
                "inject-java": '"other" matches 0 Instrumentation resources in namespace default;'
                " the operator injects only where exactly one fits",
            },
        ),
    ],
)
def test_warnings_of_annotations(workload: Document, found: dict[str, str]) -> None:
    by_field = [(f"{TEMPLATE}[{key}]", message) for key, message in found.items()]
    assert injection_warnings(OTEL, workload) == by_field


@pytest.mark.parametrize(
    ("of_namespace", "of_pods", "injects"),
    [
        ({"inject-java": "true"}, {}, True),
        ({"inject-java": "false"}, {"inject_java": "true", "container_names": "main"}, False),
        ({"inject-java": "other"}, {"inject_java": "otel"}, True),
        ({"inject-java": "other"}, {"inject_java": "true"}, False),
        ({"container-names": "main"}, {"inject_java": "true"}, False),
        ({"container-names": "main"}, {"inject_java": "true", "container_names": "app"}, True),
    ],
)
def test_annotations_of_the_namespace(
    of_namespace: dict[str, str], of_pods: dict[str, str], injects: bool
) -> None:
    annotations = {f"{PREFIX}/{name}": value for name, value in of_namespace.items()}
    metadata = {"name": "default", "annotations": annotations}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    assert (injection_warnings(OTEL, namespace, shop(**of_pods)) == []) is injects


@pytest.mark.parametrize("value", ["true", "other/otel"])
def test_an_annotation_on_the_workload_is_ignored(value: str) -> None:
    misplaced = put(shop(), "metadata.annotations", {f"{PREFIX}/inject-java": value})
    assert injection_warnings(OTEL, misplaced) == [
        (
            "metadata.annotations[inject-java]",
            "stands on the Deployment and not on its pods, so nothing is injected; move it to"
            f" {TEMPLATE}",
        )
    ]
    both = put(shop(inject_java="true"), "metadata.annotations", {f"{PREFIX}/inject-java": "true"})
    assert injection_warnings(OTEL, both) == []
    off = put(shop(), "metadata.annotations", {f"{PREFIX}/inject-java": "false"})
    assert injection_warnings(OTEL, off) == []


@pytest.mark.parametrize(
    ("others", "value", "hint"),
    [
        ([("edge", "otel")], "true", "edge/otel"),
        ([("edge", "otel"), ("edge", "other")], "True", ""),
        ([("edge", "otel"), ("edge", "other")], "otel", "edge/otel"),
        ([("edge", "otel"), ("team", "otel")], "otel", ""),
        ([("edge", "otel")], "team/otel", "edge/otel"),
        ([("edge", "otel")], "other", ""),
    ],
)
def test_the_only_instrumentation_of_another_namespace_is_a_hint(
    others: list[tuple[str, str]], value: str, hint: str
) -> None:
    resources = [instrumentation(name=name, namespace=namespace) for namespace, name in others]
    ((_, message),) = injection_warnings(*resources, shop(inject_java=value))
    namespace = value.rpartition("/")[0] or "default"
    assert f"matches 0 Instrumentation resources in namespace {namespace};" in message
    assert message.partition("exactly one fits")[2] == (f"; write {hint}" if hint else "")


LANGUAGES = ["python", "java", "nodejs", "dotnet", "go", "sdk", "apache-httpd", "nginx"]


@pytest.mark.parametrize(
    "name",
    [
        *(f"inject-{language}" for language in LANGUAGES),
        *(f"{language}-container-names" for language in LANGUAGES),
        *("container-names", "otel-go-auto-target-exe", "otel-python-platform"),
        "otel-dotnet-auto-runtime",
    ],
)
def test_a_misspelled_annotation_of_the_operator(name: str) -> None:
    assert injection_warnings(shop(**{name: "false"})) == []
    assert injection_warnings(shop(**{f"{name}s": "false"})) == [
        (
            f"{TEMPLATE}[{name}s]",
            f"is no annotation of the operator; did you mean {PREFIX}/{name}?",
        )
    ]


def test_of_several_instrumentations_of_one_namespace_none_is_injected() -> None:
    ((_, message),) = injection_warnings(
        OTEL, instrumentation(name="other"), shop(inject_java="true")
    )
    assert message.startswith('"true" matches 2 Instrumentation resources')


def called(image: str) -> tuple[bool, list[str]]:
    """Whether a caller is assumed to propagate baggage, and the rules of the plan's warnings."""
    lane = virtual_service(
        "*",
        rule(to("a", headers={"request": {"set": {"baggage": "version=v2"}}})),
        gateways=["demo-gateway"],
        name="web",
    )
    caller = put(deployment("a", "v1", "b"), "spec.template.spec.containers[0].image", image)
    documents = [gateway(), lane, service("a"), service("b"), deployment("b"), caller]
    planned = plan_of(*documents)
    return "a" in planned.assumed, [w.rule for w in warnings(mesh_of(*documents), planned)]


@pytest.mark.parametrize(
    ("image", "assumed"),
    [
        ("traffic-lanes:test", False),
        ("ghcr.io/traffic-lanes/traffic-lanes:0.1.0", False),
        ("registry:5000/traffic-lanes@sha256:abc", False),
        ("registry.example.com/shop:1", True),
        ("traffic-lanes-fork:1", True),
    ],
)
def test_only_the_image_of_the_sample_is_known_to_propagate_baggage(
    image: str, assumed: bool
) -> None:
    assert called(image) == (assumed, ["assumed"] if assumed else [])


def test_a_propagator_without_baggage_drops_it() -> None:
    caller = shop(
        {**APP, "env": [{"name": "CART_URL", "value": "http://b:8000/"}]}, inject_java="1"
    )
    entry = virtual_service("*", rule(to("shop")), gateways=["demo-gateway"], name="web")
    b3 = instrumentation("b3", name="1")
    documents = [gateway(), entry, service("shop"), service("b"), deployment("b"), caller, b3]
    found = [w.rule for w in warnings(mesh_of(*documents), plan_of(*documents))]
    assert found == ["baggage-dropped"]
