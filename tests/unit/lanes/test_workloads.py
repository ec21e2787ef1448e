"""Pods as a cluster would make them: replicas, environment, injection, propagation."""

import pytest

from lanes.mesh.model import Pod
from lanes.mesh.readiness import Readiness
from lanes.mesh.traffic import Propagation
from tests.kube import (
    Document,
    deployment,
    header_propagation,
    instrumentation,
    put,
    service,
    without,
)
from tests.unit.lanes.reading import mesh_of, refusal

CONTAINER = "spec.template.spec.containers[0]"
INJECT = "instrumentation.opentelemetry.io/inject-python"


def pods_of(*documents: Document) -> tuple[Pod, ...]:
    return mesh_of(*documents).pods


def pod_of(*documents: Document) -> Pod:
    (pod,) = pods_of(*documents)
    return pod


def with_env(*entries: Document) -> Document:
    return put(deployment("a"), f"{CONTAINER}.env", list(entries))


def field(name: str, path: str) -> Document:
    return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}


def test_a_pod_says_what_its_deployment_says() -> None:
    pod = pod_of(deployment("a", "v1", "b", "c", port=9000, env={"extra": "1"}))
    assert (pod.key, pod.app, pod.version, pod.port) == ("default/a-v1", "a", "v1", 9000)
    assert pod.upstream_urls == ("http://b:8000/", "http://c:8000/")
    assert pod.env["extra"] == "1"
    assert pod.ip_env == ("POD_IP",)
    assert pod.named_ports == {"http": 9000, "management": 8001}
    assert pod.readiness == Readiness("/readyz", 8001)
    assert pod.propagation == Propagation()


@pytest.mark.parametrize(
    ("replicas", "names"),
    [(0, []), (1, ["a-v1"]), (3, ["a-v1_1", "a-v1_2", "a-v1_3"]), (None, ["a-v1"])],
)
def test_a_replica_is_a_pod(replicas: int | None, names: list[str]) -> None:
    document = put(deployment("a"), "spec.replicas", replicas)
    assert [pod.name for pod in pods_of(document)] == names


def test_more_pods_than_are_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lanes.reading.workloads.MOST_PODS", 3)
    several = [deployment("a", replicas=2), deployment("b", replicas=2)]
    assert refusal(*several) == (
        "Deployment b-v1: spec.replicas: makes more than 3 pods in all; set fewer replicas"
    )


def test_name_and_version_come_from_env_then_from_labels() -> None:
    bare = put(deployment("a", "v1", name="n"), f"{CONTAINER}.env", [])
    assert (pod_of(bare).app, pod_of(bare).version) == ("a", "v1")
    unlabeled = put(bare, "spec.template.metadata.labels", {})
    assert (pod_of(unlabeled).app, pod_of(unlabeled).version) == ("n", "")
    assert [pod.app for pod in pods_of(put(unlabeled, "spec.replicas", 2))] == ["n", "n"]
    told = with_env({"name": "app", "value": "x"}, {"name": "version", "value": "y"})
    assert (pod_of(told).app, pod_of(told).version) == ("x", "y")


def test_upstreams_are_split_at_commas_and_stripped() -> None:
    pod = pod_of(with_env({"name": "upstream_url", "value": " http://b/ ,http://c/, "}))
    assert pod.upstream_urls == ("http://b/", "http://c/")


def test_fields_of_the_pod_reach_its_environment() -> None:
    pods = pods_of(
        put(
            deployment("a", "v1", namespace="x", replicas=2, annotations={"note": "hi"}),
            f"{CONTAINER}.env",
            [
                field("NAME", "metadata.name"),
                field("SPACE", "metadata.namespace"),
                field("LABEL", "metadata.labels['version']"),
                field("NOTE", "metadata.annotations['note']"),
                field("NONE", "metadata.labels['none']"),
                field("ONE", "status.podIP"),
                field("TWO", "status.podIP"),
            ],
        )
    )
    assert [pod.env["NAME"] for pod in pods] == ["a-v1_1", "a-v1_2"]
    env = dict(pods[0].env)
    del env["NAME"]
    assert env == {"SPACE": "x", "LABEL": "v1", "NOTE": "hi", "NONE": ""}
    assert pods[0].ip_env == ("ONE", "TWO")


def test_variables_that_stand_for_more_and_more() -> None:
    more = ({"name": f"E{n}", "value": f"$(E{n - 1})" * 10} for n in range(1, 12))
    sentence = refusal(with_env({"name": "E0", "value": "0123456789"}, *more))
    assert sentence == (
        "Deployment a-v1: spec.template.spec.containers[0].env: has more than 256 KiB with each"
        " $(NAME) filled in; a cluster does not start such a container"
    )


A_KIB = {"name": "A", "value": "x" * 1024}


@pytest.mark.parametrize(
    ("values", "started"),
    [
        (["$(A)" * 256], True),
        (["$(A)" * 256 + "$$"], False),
        (["$(A)" * 255, "$(A)"], True),
        (["$(A)" * 255, "$(A)$$"], False),
        (["$(NO)" * 50_000], True),
        (["$$" * 100_000], True),
    ],
)
def test_how_much_variables_may_hold(values: list[str], started: bool) -> None:
    entries = [A_KIB, *({"name": f"B{n}", "value": value} for n, value in enumerate(values))]
    if started:
        assert len(pod_of(with_env(*entries)).env) == len(entries)
    else:
        assert refusal(with_env(*entries)).endswith("a cluster does not start such a container")


@pytest.mark.parametrize(
    "source",
    [
        {"fieldRef": {"fieldPath": "spec.nodeName"}},
        {"secretKeyRef": {"name": "x", "key": "y"}},
        {"resourceFieldRef": {"resource": "limits.cpu"}},
    ],
)
def test_what_only_a_cluster_knows_is_left_out(source: Document) -> None:
    pod = pod_of(with_env({"name": "app", "value": "b"}, {"name": "X", "valueFrom": source}))
    assert pod.env == {"app": "b"}


def config_map(name: str, namespace: str = "default", **data: str) -> Document:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def test_what_config_maps_hold_is_the_pods() -> None:
    sources = [
        {"configMapRef": {"name": "shared"}},
        {"prefix": "M_", "configMapRef": {"name": "more"}},
        {"secretRef": {"name": "shared"}},
        {"configMapRef": {"name": "other"}},
    ]
    key = {"configMapKeyRef": {"name": "more", "key": "x"}}
    asked = with_env(
        {"name": "A", "value": "own"},
        {"name": "B", "valueFrom": key},
        {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "more", "key": "y"}}},
    )
    maps = [
        config_map("shared", A="1", app="a", PRICE="$(A)"),
        config_map("more", x="2"),
        config_map("other", "elsewhere", z="3"),
    ]
    mesh = mesh_of(put(asked, f"{CONTAINER}.envFrom", sources), *maps)
    told = {"A": "own", "app": "a", "PRICE": "$(A)", "M_x": "2", "B": "2"}
    assert mesh.pods[0].env == told
    assert mesh.left_to_cluster == ("ConfigMap",) * 3
    assert len(mesh.not_run) == 2  # what is left of envFrom, and C
    whole = mesh_of(put(asked, f"{CONTAINER}.env", [{"name": "B", "valueFrom": key}]), maps[1])
    assert (whole.pods[0].env, whole.not_run) == ({"B": "2"}, ())


def test_a_config_map_that_stands_twice_stops_no_plan() -> None:
    sources = [{"configMapRef": {"name": "m"}}]
    asked = put(with_env(), f"{CONTAINER}.envFrom", sources)
    mesh = mesh_of(asked, config_map("m", A="1"), config_map("m", A="2"))
    assert mesh.pods[0].env == {"A": "2"}
    assert [one.rule for one in mesh.warnings] == ["twice"]


def test_the_port_is_the_environments_then_the_containers() -> None:
    assert pod_of(deployment("a", port=9000)).port == 9000
    told = deployment("a", port=9000, env={"port": "9001"})
    assert pod_of(without(told, f"{CONTAINER}.readinessProbe")).port == 9001


PORTS = [{"containerPort": 80}]


@pytest.mark.parametrize(
    ("containers", "serving"),
    [
        ([{"name": "istio-proxy"}, {"name": "web"}, {"name": "logs"}], "web"),
        ([{"name": "istio-proxy", "ports": PORTS}, {"name": "web"}], "web"),
        ([{"name": "logs"}, {"name": "web", "ports": PORTS}], "web"),
        ([{"name": "web", "ports": PORTS}, {"name": "logs", "ports": PORTS}], "web"),
        ([{"name": "logs", "ports": PORTS}, {"name": "web", "env": ["upstream_url"]}], "web"),
        ([{"name": "istio-proxy"}], "istio-proxy"),
    ],
)
def test_the_container_that_serves(containers: list[Document], serving: str) -> None:
    each = [
        {
            **one,
            "env": [{"name": name, "value": one["name"]} for name in ("me", *one.get("env", []))],
        }
        for one in containers
    ]
    assert pod_of(put(deployment("a"), "spec.template.spec.containers", each)).env["me"] == serving


def test_a_container_without_a_port_is_not_run() -> None:
    bare = without(without(deployment("a"), f"{CONTAINER}.ports"), f"{CONTAINER}.readinessProbe")
    (sentence,) = mesh_of(bare).not_run
    assert sentence.endswith(
        f"{CONTAINER}.ports: is missing; name the port that the container listens on"
    )


def test_a_pod_without_a_probe_is_ready_when_it_accepts() -> None:
    assert pod_of(without(deployment("a"), f"{CONTAINER}.readinessProbe")).readiness is None
    tcp = put(deployment("a"), f"{CONTAINER}.readinessProbe", {"tcpSocket": {"port": 8000}})
    assert pod_of(tcp).readiness is None


# Injection


def injected(asked: str, *others: Document, **fields: str) -> dict[str, str]:
    document = deployment("a", annotations={INJECT: asked}, env=fields)
    return dict(pod_of(document, *others).env)


def test_the_operator_sets_what_the_instrumentation_says() -> None:
    resource = instrumentation("baggage", "tracecontext", env={"OTEL_LOGS_EXPORTER": "none"})
    resource = put(resource, "spec.sampler", {"type": "always_off", "argument": "1"})
    resource = put(resource, "spec.python.env", [{"name": "OTEL_LOGS_EXPORTER", "value": "otlp"}])
    env = injected("true", resource)
    assert env["OTEL_PROPAGATORS"] == "baggage,tracecontext"
    assert env["OTEL_TRACES_SAMPLER"] == "always_off"
    assert env["OTEL_TRACES_SAMPLER_ARG"] == "1"
    assert env["OTEL_LOGS_EXPORTER"] == "otlp"


def test_what_a_container_sets_itself_is_left_to_it() -> None:
    env = injected("true", instrumentation("baggage"), OTEL_PROPAGATORS="b3")
    assert env["OTEL_PROPAGATORS"] == "b3"


@pytest.mark.parametrize("asked", ["false", None])
def test_nothing_is_injected_unasked(asked: str | None) -> None:
    annotations = {INJECT: asked} if asked else {}
    env = pod_of(deployment("a", annotations=annotations), instrumentation()).env
    assert "OTEL_PROPAGATORS" not in env


def test_an_instrumentation_may_be_asked_for_by_name() -> None:
    both = [instrumentation("baggage", name="one"), instrumentation("b3", name="two")]
    assert injected("two", *both)["OTEL_PROPAGATORS"] == "b3"
    assert injected("default/one", *both)["OTEL_PROPAGATORS"] == "baggage"


@pytest.mark.parametrize(
    ("asked", "others", "found"),
    [
        ("true", [], (0, "default")),
        ("true", [instrumentation(namespace="other")], (0, "default")),
        ("true", [instrumentation(name="one"), instrumentation(name="two")], (2, "default")),
        ("three", [instrumentation(name="one"), instrumentation(name="two")], (0, "default")),
        ("other/one", [instrumentation(name="one")], (0, "other")),
    ],
)
def test_the_operator_injects_only_where_one_fits(
    asked: str, others: list[Document], found: tuple[int, str]
) -> None:
    mesh = mesh_of(deployment("a", annotations={INJECT: asked}), *others)
    (warning,) = mesh.warnings
    assert warning.field == f"spec.template.metadata.annotations[{INJECT}]"
    count, namespace = found
    assert f"matches {count} Instrumentation resources in namespace {namespace}" in warning.message
    assert "OTEL_PROPAGATORS" not in mesh.pods[0].env


# Header propagation


def test_propagation_acts_on_its_own_namespace() -> None:
    pods = pods_of(
        deployment("a"), deployment("a", namespace="other"), header_propagation("Version", "x-tag")
    )
    assert [p.propagation.headers for p in pods] == [("version", "x-tag"), ()]


def test_propagation_acts_on_the_workloads_that_it_selects() -> None:
    pods = pods_of(
        deployment("a"),
        deployment("b"),
        header_propagation("version", prefixes=["X-Lane-"], labels={"app": "b"}),
    )
    assert [p.propagation for p in pods] == [
        Propagation(),
        Propagation(("version",), ("x-lane-",)),
    ]


def test_several_propagations_add_up() -> None:
    pod = pod_of(
        deployment("a"),
        header_propagation("version", "tenant", name="one"),
        header_propagation("tenant", "region", name="two", prefixes=["x-"]),
    )
    assert pod.propagation == Propagation(("version", "tenant", "region"), ("x-",))


@pytest.mark.parametrize(
    ("name", "covered"),
    [("version", True), ("x-lane-a", True), ("x-lane", False), ("versions", False), ("", False)],
)
def test_what_a_propagation_covers(name: str, *, covered: bool) -> None:
    assert Propagation(("version",), ("x-lane-",)).covers(name) is covered


def test_every_pod_has_a_name_of_its_own() -> None:
    pods = pods_of(deployment("a", name="a", replicas=2), deployment("a", name="a-1"))
    assert len({pod.key for pod in pods}) == 3


def test_an_instrumentation_of_another_namespace() -> None:
    there = instrumentation("b3", name="one", namespace="other")
    here = instrumentation("baggage", name="one")
    assert injected("other/one", here, there)["OTEL_PROPAGATORS"] == "b3"


def test_an_instrumentation_may_name_fields_of_the_pod() -> None:
    resource = put(instrumentation(), "spec.env", [field("SPACE", "metadata.namespace")])
    assert injected("true", resource)["SPACE"] == "default"


def test_variables_within_variables() -> None:
    pod = pod_of(
        with_env(
            {"name": "next", "value": "b"},
            {"name": "upstream_url", "value": "http://$(next):8000/"},
        ),
        service("b"),
    )
    assert pod.upstream_urls == ("http://b:8000/",)


def test_a_port_in_the_environment_that_is_none() -> None:
    (sentence,) = mesh_of(deployment("a", env={"port": "http"})).not_run
    assert f'{CONTAINER}.env: port "http" is not a number' in sentence


def test_a_probe_is_asked_at_its_own_port() -> None:
    path = f"{CONTAINER}.readinessProbe.httpGet.port"
    assert pod_of(put(deployment("a"), path, 9090)).readiness == Readiness("/readyz", 9090)


@pytest.mark.parametrize("asked", [8000, "http"])
def test_a_probe_at_the_port_of_requests_is_whether_the_sample_accepts(asked: int | str) -> None:
    path = f"{CONTAINER}.readinessProbe.httpGet.port"
    assert pod_of(put(deployment("a"), path, asked)).readiness is None


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("probes", '"probes" is not a port of the container; name one of its ports'),
        (15001, "15001 is the sidecar's port; use another"),
    ],
)
def test_a_probe_that_the_sample_can_not_answer_is_not_run(asked: int | str, why: str) -> None:
    path = f"{CONTAINER}.readinessProbe.httpGet.port"
    (sentence,) = mesh_of(put(deployment("a"), path, asked)).not_run
    assert f"{path}: {why}" in sentence


@pytest.mark.parametrize(("asked", "told"), [("/actuator/health", "/readyz"), ("/healthz",) * 2])
def test_a_probe_of_ones_own_path_is_asked_where_the_stand_in_answers(
    asked: str, told: str
) -> None:
    pod = pod_of(put(deployment("a"), f"{CONTAINER}.readinessProbe.httpGet.path", asked))
    assert pod.health == Readiness(told, 8001)


# What runs pods


def of_kind(kind: str, api: str = "apps/v1") -> Document:
    return {**deployment("a", "v2", replicas=2), "kind": kind, "apiVersion": api}


@pytest.mark.parametrize(
    ("document", "names"),
    [
        (of_kind("StatefulSet"), ["a-v2_1", "a-v2_2"]),
        (of_kind("ReplicaSet"), ["a-v2_1", "a-v2_2"]),
        (of_kind("Rollout", "argoproj.io/v1alpha1"), ["a-v2_1", "a-v2_2"]),
        (without(of_kind("DaemonSet"), "spec.replicas"), ["a-v2"]),
    ],
)
def test_what_runs_pods_is_read_like_a_deployment(document: Document, names: list[str]) -> None:
    pods = pods_of(document)
    assert [pod.name for pod in pods] == names
    assert {pod.version for pod in pods} == {"v2"}


def test_a_pod_of_its_own() -> None:
    template = deployment("a", "v2")["spec"]["template"]
    metadata = {"name": "alone", "namespace": "default", **template["metadata"]}
    pod = pod_of(
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
    )
    assert (pod.name, pod.labels["version"], pod.port) == ("alone", "v2", 8000)


def test_a_rollout_may_run_a_deployments_pods_in_its_place() -> None:
    rollout = of_kind("Rollout", "argoproj.io/v1alpha1")
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a-v1"}
    rollout = put(rollout, "spec", {"replicas": 1, "workloadRef": reference})
    (pod,) = pods_of(deployment("a"), rollout)
    assert (pod.name, pod.version) == ("a-v2", "v1")


def test_more_replicas_than_anybody_runs() -> None:
    assert "less than or equal to 1000" in refusal(deployment("a", replicas=2_000_000_000))


PREFIX = "instrumentation.opentelemetry.io"


@pytest.mark.parametrize(
    ("annotations", "propagators", "carries"),
    [
        ({}, (), None),
        ({"inject-java": "true"}, ("baggage",), True),
        ({"inject-java": "true"}, (), True),
        ({"inject-java": "true"}, ("tracecontext",), False),
        ({"inject-nodejs": "True"}, (), True),
        ({"inject-dotnet": "demo"}, (), True),
        ({"inject-go": "true"}, ("baggage",), None),
        ({"inject-sdk": "true"}, ("baggage",), None),
        ({"inject-java": "true", "container-names": "other"}, ("baggage",), None),
        ({"inject-java": "true", "java-container-names": "x, default"}, ("baggage",), True),
        ({"inject-java": "false"}, ("baggage",), None),
        ({"inject-java": "absent"}, ("baggage",), None),
    ],
)
def test_who_hands_baggage_on(
    annotations: dict[str, str], propagators: tuple[str, ...], carries: bool | None
) -> None:
    asked = {f"{PREFIX}/{name}": value for name, value in annotations.items()}
    foreign = put(deployment("a", annotations=asked), f"{CONTAINER}.env", [])
    pod = pod_of(foreign, instrumentation(*propagators, name="demo"))
    assert pod.carries_baggage is carries


def test_a_namespace_asks_for_all_its_pods_but_those_that_say_otherwise() -> None:
    space = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "default", "annotations": {f"{PREFIX}/inject-java": "true"}},
    }
    pods = mesh_of(
        space,
        instrumentation("tracecontext"),
        put(deployment("a"), f"{CONTAINER}.env", []),
        put(
            deployment("b", annotations={f"{PREFIX}/inject-java": "false"}), f"{CONTAINER}.env", []
        ),
    ).pods
    assert [pod.carries_baggage for pod in pods] == [False, None]
