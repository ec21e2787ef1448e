"""Lint rules for workloads and their instrumentation: faults and near misses."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.kube import (
    Document,
    deployment,
    destination_rule,
    foreign,
    instrumentation,
    put,
    service,
    virtual_service,
)
from tests.unit.lanes.lint_manifests import (
    ANY,
    CART,
    GOOD,
    HTTP,
    PODS,
    ROUTED,
    cases,
    chain_with,
    findings,
    labeled,
    namespace,
    replacing,
)

CONTAINER = "spec.template.spec.containers[0]"
EXCLUDED_PORTS = "traffic.sidecar.istio.io/excludeOutboundPorts"
UNVERSIONED = [labeled(pod, app="cart") for pod in PODS]
POD_V1, POD_V2 = (f"Deployment cart-{version}: spec.template" for version in ("v1", "v2"))


def foreign_pods(**env: str) -> list[Document]:
    """Return GOOD with pods that are not the sample; those of v1 have these variables."""
    others = [d for d in GOOD if d not in PODS]
    return [*others, foreign("cart", "v1", **env), foreign("cart", "v2")]


def injected(*resources: Document, annotations: Sequence[str] = ("true",)) -> list[Document]:
    """Return GOOD with pods into which the Operator injects OpenTelemetry.

    `annotations` are the values for v1 and v2. Without a second value, v2 is not instrumented.
    """
    pods = [
        put(
            deployment("cart", version, annotations={f"{OTEL}/inject-java": value}),
            f"{CONTAINER}.env",
            [],
        )
        for version, value in zip(("v1", "v2"), annotations, strict=False)
    ]
    others = [foreign("cart", "v2")][: 2 - len(annotations)]
    return [*(d for d in GOOD if d not in PODS), *pods, *others, *resources]


def two_containers(first: str, second: str) -> list[Document]:
    """Return foreign pods whose v1 has two containers with these propagators."""
    containers = [
        foreign("cart", OTEL_PROPAGATORS=propagators)["spec"]["template"]["spec"]["containers"][0]
        for propagators in (first, second)
    ]
    both = [put(containers[0], "name", "first") | {"ports": []}, containers[1]]
    return [
        put(d, "spec.template.spec.containers", both) if d["metadata"]["name"] == "cart-v1" else d
        for d in foreign_pods()
    ]


OTEL = "instrumentation.opentelemetry.io"
IN_BOTH = {f"{OTEL}/inject-java": "true"}


def instrumented(name: str, value: str, **others: str) -> Document:
    """Return a Deployment with annotations for the OpenTelemetry Operator."""
    annotations = {name: value, **others}
    return deployment("cart", annotations={f"{OTEL}/{n}": v for n, v in annotations.items()})


IN_OTHER = instrumentation(namespace="other")
INJECT = "sidecar.istio.io/inject"
NOT_INJECTED = {INJECT: "false"}
BARE_POD: Document = {
    "apiVersion": "v1",
    "kind": "Pod",
    "spec": {"containers": [{"name": "cart"}]},
    "metadata": {
        "name": "cart-v1",
        "namespace": "default",
        "annotations": NOT_INJECTED,
        "labels": {"app": "cart", "version": "v1"},
    },
}


# By rule: manifests, and the resources and fields that the rule reports.
CASES: dict[str, list[tuple[list[Document], list[str]]]] = {
    # version_label
    "TL001": [
        (replacing(PODS[0], UNVERSIONED[0]), [f"{POD_V1}.metadata.labels"]),
        (
            replacing(PODS[0], labeled(PODS[0], app="cart", **{"app.kubernetes.io/version": "1"})),
            [],
        ),
        ([CART, UNVERSIONED[0], virtual_service("cart", ANY)], []),  # the only version
        (
            [CART, *UNVERSIONED, virtual_service("cart", ANY)],
            [f"{one}.metadata.labels" for one in (POD_V1, POD_V2)],
        ),
        *(
            (
                [
                    *(CART, virtual_service("cart", ANY), *pods),
                    destination_rule(
                        "cart", *({"name": f"s{n}", "labels": s} for n, s in enumerate(subsets))
                    ),
                ],
                [f"{POD_V1}.metadata.labels"] * reported,
            )
            for pods, subsets, reported in (
                (UNVERSIONED[:1], [], False),
                (UNVERSIONED[:1], [{"lane": "x"}], True),
                (UNVERSIONED[:1], [{"app": "cart"}], False),
                (UNVERSIONED[:1], [{"lane": "x"}, {"app": "cart"}], False),
            )
        ),
        (
            [
                *(CART, UNVERSIONED[0], virtual_service("cart", ANY)),
                destination_rule("cart", {"name": "v1", "labels": {"app": "cart"}}),
                destination_rule("cart", {"name": "v1", "labels": {"lane": "x"}}, name="more"),
            ],
            [],
        ),
    ],
    # no_sidecar
    "TL005": [
        *(
            (replacing(PODS[0], changed), [f"{POD_V1}.{field}"])
            for changed, field in (
                (put(PODS[0], "spec.template.spec.hostNetwork", True), "spec.hostNetwork"),
                (deployment("cart", annotations=NOT_INJECTED), f"metadata.annotations.{INJECT}"),
                (deployment("cart", labels=NOT_INJECTED), f"metadata.labels.{INJECT}"),
            )
        ),
        (replacing(PODS[0], BARE_POD), [f"Pod cart-v1: metadata.annotations.{INJECT}"]),
        *(
            ([*GOOD, namespace(**labels)], ["Namespace default: metadata.labels"] * off)
            for labels, off in (
                ({}, True),
                ({"istio-injection": "disabled"}, True),
                ({"istio-injection": "enabled"}, False),
                ({"istio.io/rev": "stable"}, False),
                ({"istio.io/dataplane-mode": "ambient"}, False),
            )
        ),
        (  # one finding for pods behind two Services
            [
                *replacing(PODS[0], put(PODS[0], "spec.template.spec.hostNetwork", True)),
                *(service("shop", HTTP, selector={"app": "cart"}), virtual_service("shop", ANY)),
            ],
            [f"{POD_V1}.spec.hostNetwork"],
        ),
    ],
    # baggage_dropped
    "TL024": [
        (foreign_pods(OTEL_PROPAGATORS="tracecontext, baggage"), [f"{POD_V2}.metadata"]),
        (foreign_pods(OTEL_PROPAGATORS=""), [f"{POD_V2}.metadata"]),
        (
            foreign_pods(OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="flask,x"),
            [f"{POD_V1}.spec.containers", f"{POD_V2}.metadata"],
        ),
        (foreign_pods(), []),
        (
            injected(instrumentation("tracecontext")),
            ["Instrumentation instrumentation: spec.propagators", f"{POD_V2}.metadata"],
        ),
        (injected(instrumentation("tracecontext", "baggage")), [f"{POD_V2}.metadata"]),
        (  # no rule matches baggage
            [d for d in foreign_pods(OTEL_PROPAGATORS="b3") if d is not ROUTED],
            [],
        ),
        (  # of two that are not instrumented, the one that calls a service
            chain_with(
                {
                    "Deployment cart-v1": foreign("cart"),
                    "Deployment web-v1": foreign("web", CART_ADDR="cart:8000"),
                    "Deployment web-v2": foreign("web", "v2", OTEL_SERVICE_NAME="web"),
                }
            ),
            ["Deployment web-v1: spec.template.metadata"],
        ),
        (
            injected(instrumentation("tracecontext"), annotations=("true", "true")),
            ["Instrumentation instrumentation: spec.propagators"],  # one finding
        ),
        (  # of two Instrumentations, the one in the pods' namespace
            injected(
                *(
                    instrumentation("b3", name=place, namespace=place)
                    for place in ("other", "default")
                )
            ),
            ["Instrumentation default: spec.propagators", f"{POD_V2}.metadata"],
        ),
        (
            injected(instrumentation("b3", name="x", namespace="other"), annotations=["other/x"]),
            ["Instrumentation x: spec.propagators", f"{POD_V2}.metadata"],
        ),
        *(
            (
                two_containers(first, "b3"),
                [f"{POD_V1}.spec.containers[1].env[0].value", f"{POD_V2}.metadata"],
            )
            for first in ("", "baggage", "tracecontext,baggage")
        ),
        (
            injected(
                instrumentation("b3", name="a"),
                instrumentation("b3", name="b"),
                annotations=("a", "b"),
            ),
            [f"Instrumentation {name}: spec.propagators" for name in ("a", "b")],
        ),
    ],
    # sidecar_bypassed
    "TL027": [
        *(
            (
                replacing(PODS[0], deployment("cart", annotations={EXCLUDED_PORTS: ports})),
                [f"{POD_V1}.metadata.annotations.{EXCLUDED_PORTS}"] * bypassed,
            )
            for ports, bypassed in (("1,8000", True), ("8001", False), ("1,8000,9000", True))
        )
    ],
    # not_instrumented
    "TL045": [
        *(
            (
                [instrumented(name, value, **more), *resources],
                [f"{POD_V1}.metadata.annotations.{OTEL}/{name}"] * wrong,
            )
            for name, value, more, resources, wrong in (
                ("inject-java", "true", {}, [instrumentation()], False),
                ("inject-java", "true", {}, [], True),
                ("inject-java", "false", {}, [], False),
                ("inject-java", "instrumentation", {}, [instrumentation()], False),
                ("inject-java", "default/instrumentation", {}, [instrumentation()], False),
                ("inject-java", "other", {}, [instrumentation()], True),
                ("inject-java", "true", {}, [IN_OTHER], True),
                ("inject-java", "other/instrumentation", {}, [IN_OTHER], False),
                ("inject-java", "true", {}, [instrumentation(), instrumentation(name="b")], True),
                ("inject-jav", "true", {}, [instrumentation()], True),
                ("inject-jav", "true", {}, [], True),
                ("inject-java", "true", {"container-names": "x"}, [instrumentation()], True),
                ("inject-java", "true", {"container-names": "default"}, [instrumentation()], False),
                ("container-names", "x", {}, [], False),  # the Operator injects nothing
            )
        ),
        ([deployment("cart", annotations={"example.org/container-names": "x"})], []),
        (
            [
                put(instrumented("inject-java", "true"), "metadata.annotations", IN_BOTH),
                instrumentation(),
            ],
            [],  # the pods have the annotation too
        ),
        ([put(PODS[0], "metadata.annotations", {"example.org/inject-go": "true"})], []),
        (
            [put(PODS[0], "metadata.annotations", {f"{OTEL}/inject-java": "true"})],
            [f"Deployment cart-v1: metadata.annotations.{OTEL}/inject-java"],
        ),
        (
            [deployment("cart", annotations={"instrumentation.opentelemtry.io/inject-go": "true"})],
            [f"{POD_V1}.metadata.annotations.instrumentation.opentelemtry.io/inject-go"],
        ),
        ([deployment("cart", annotations={"example.org/inject-go": "true"})], []),
    ],
}


@pytest.mark.parametrize(("code", "documents", "expected"), cases(CASES))
def test_workload_rules_report_faults_and_no_near_misses(
    code: str, documents: list[Document], expected: list[str], tmp_path: Path
) -> None:
    assert findings(tmp_path, code, documents) == sorted(expected)
