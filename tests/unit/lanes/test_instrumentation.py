"""What people get wrong about injection: the operator then does nothing, and says nothing."""

from typing import Any

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
    asked = {f"{PREFIX}/{name.replace('_', '-')}": value for name, value in annotations.items()}
    made = put(foreign("shop"), TEMPLATE, asked)
    return put(made, "spec.template.spec.containers", list(containers or (APP,)))


def injection_warnings(*documents: Document) -> list[tuple[str, str]]:
    found = [w for w in mesh_of(*documents).warnings if w.rule == "injection"]
    return [(w.field.replace(f"{PREFIX}/", ""), w.message) for w in found]


OTEL = instrumentation("tracecontext", "baggage", name="otel")


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (shop(inject_java="true"), []),
        (shop(APP, AGENT, inject_java="true"), []),
        (
            shop(AGENT, APP, inject_java="true"),
            [
                (
                    f"{TEMPLATE}[inject-java]",
                    "the operator injects into agent, and app serves; name it in"
                    f" {PREFIX}/container-names",
                )
            ],
        ),
        (shop(AGENT, APP, inject_java="true", container_names="app"), []),
        (shop(AGENT, APP, inject_java="true", java_container_names="app"), []),
        (
            shop(inject_java="true", container_names="main, x"),
            [
                (
                    f"{TEMPLATE}[inject-java]",
                    "main, x is no container of these pods, so nothing is injected",
                )
            ],
        ),
        (
            shop(inject_pyhton="true"),
            [
                (
                    f"{TEMPLATE}[inject-pyhton]",
                    f"is no annotation of the operator; did you mean {PREFIX}/inject-python?",
                )
            ],
        ),
        (
            shop(inject_sdk="true"),
            [
                (
                    f"{TEMPLATE}[inject-sdk]",
                    "brings settings and no code, so the service has to propagate baggage itself",
                )
            ],
        ),
        (
            shop(inject_go="true"),
            [
                (
                    f"{TEMPLATE}[inject-go]",
                    "instruments Go from outside of the process and carries no baggage, so the"
                    " service has to propagate baggage itself",
                )
            ],
        ),
        (
            shop(inject_python="true", python_container_names="main", inject_java="other"),
            [
                (
                    f"{TEMPLATE}[inject-python]",
                    "main is no container of these pods, so nothing is injected",
                ),
                (
                    f"{TEMPLATE}[inject-java]",
                    '"other" matches 0 Instrumentation resources in namespace default; the operator'
                    " injects only where exactly one fits",
                ),
            ],
        ),
    ],
)
def test_what_is_not_injected_is_told(made: Document, found: list[tuple[str, str]]) -> None:
    assert injection_warnings(OTEL, made) == found


@pytest.mark.parametrize(
    ("of_namespace", "annotations", "clear"),
    [
        ({"inject-java": "true"}, {}, True),
        ({"inject-java": "false"}, {"inject_java": "true"}, True),
        ({"inject-java": "other"}, {"inject_java": "otel"}, True),
        ({"inject-java": "other"}, {"inject_java": "true"}, False),
        ({"container-names": "main"}, {"inject_java": "true"}, False),
        ({"container-names": "main"}, {"inject_java": "true", "container_names": "app"}, True),
    ],
)
def test_the_annotations_of_the_namespace(
    of_namespace: dict[str, str], annotations: dict[str, str], clear: bool
) -> None:
    asked = {f"{PREFIX}/{name}": value for name, value in of_namespace.items()}
    metadata = {"name": "default", "annotations": asked}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    assert (injection_warnings(OTEL, namespace, shop(**annotations)) == []) is clear


@pytest.mark.parametrize("asked", ["true", "other/otel"])
def test_an_annotation_on_the_deployment(asked: str) -> None:
    misplaced = put(shop(), "metadata.annotations", {f"{PREFIX}/inject-java": asked})
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
    ("elsewhere", "asked", "named"),
    [
        ([("edge", "otel")], "true", "edge/otel"),
        ([("edge", "otel"), ("edge", "other")], "True", ""),
        ([("edge", "otel"), ("edge", "other")], "otel", "edge/otel"),
        ([("edge", "otel"), ("team", "otel")], "otel", ""),
        ([("edge", "otel")], "team/otel", "edge/otel"),
        ([("edge", "otel")], "other", ""),
    ],
)
def test_an_instrumentation_of_another_namespace_is_named(
    elsewhere: list[tuple[str, str]], asked: str, named: str
) -> None:
    others = [instrumentation(name=name, namespace=namespace) for namespace, name in elsewhere]
    ((_, message),) = injection_warnings(*others, shop(inject_java=asked))
    assert message.partition("exactly one fits")[2] == (f"; write {named}" if named else "")
    assert (
        f"matches 0 Instrumentation resources in namespace {asked.rpartition('/')[0] or 'default'};"
        in message
    )


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
def test_an_annotation_of_the_operator_is_known_and_meant(name: str) -> None:
    assert injection_warnings(shop(**{name: "false"})) == []
    ((field, message),) = injection_warnings(shop(**{f"{name}s": "false"}))
    assert field == f"{TEMPLATE}[{name}s]"
    assert message.endswith(f"did you mean {PREFIX}/{name}?")


def test_several_instrumentations_of_one_namespace_are_none() -> None:
    ((_, message),) = injection_warnings(
        OTEL, instrumentation(name="other"), shop(inject_java="true")
    )
    assert message.startswith('"true" matches 2 Instrumentation resources')


def called(image: str, **more: Any) -> tuple[bool, list[str]]:
    """Whether a caller is assumed to propagate baggage, and the rules of the plan's warnings."""
    lane = virtual_service(
        "*",
        rule(to("a", headers={"request": {"set": {"baggage": "version=v2"}}})),
        gateways=["demo-gateway"],
        name="web",
    )
    caller = put(deployment("a", "v1", "b"), "spec.template.spec.containers[0].image", image)
    documents = [gateway(), lane, service("a"), service("b"), deployment("b"), caller]
    planned = plan_of(*documents, **more)
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
def test_a_pod_of_another_image_with_upstream_url_is_no_sample(image: str, assumed: bool) -> None:
    assert called(image) == (assumed, ["assumed"] if assumed else [])


def test_b3_alone_drops_the_baggage_of_whoever_calls() -> None:
    caller = shop(
        {**APP, "env": [{"name": "CART_URL", "value": "http://b:8000/"}]}, inject_java="1"
    )
    entry = virtual_service("*", rule(to("shop")), gateways=["demo-gateway"], name="web")
    b3 = instrumentation("b3", name="1")
    documents = [gateway(), entry, service("shop"), service("b"), deployment("b"), caller, b3]
    found = [w.rule for w in warnings(mesh_of(*documents), plan_of(*documents))]
    assert found == ["baggage-dropped"]
