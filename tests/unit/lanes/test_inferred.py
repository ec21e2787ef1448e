"""Services and pods that are inferred from routing."""

from pathlib import Path

import pytest

from lanes.reading import kinds
from lanes.reading.inferred import completed
from lanes.reading.manifests import Manifests
from lanes.reading.reader import read
from tests.kube import (
    Document,
    backend,
    deployment,
    destination_rule,
    http_route,
    put,
    route_rule,
    rule,
    service,
    to,
    to_gateway,
    to_service,
    virtual_service,
    write,
)


def complete(folder: Path, *documents: Document) -> Manifests:
    return completed(read([write(folder, *documents)]))


LEADING = virtual_service("a", rule(to("a", port=81), to("b.default.svc.cluster.local")))
BACK = to("a", fallback={"host": "c", "port": {"number": 82}})
MANY = route_rule(backend("b", port=82), backend("c", namespace="other"))


@pytest.mark.parametrize(
    ("documents", "found"),
    [
        ([destination_rule("a", "v1")], {"default/a": [80]}),
        ([destination_rule("a", "v1", namespace="shop")], {"shop/a": [80]}),
        ([destination_rule("example.com", "v1")], {}),
        ([LEADING], {"default/a": [81], "default/b": [80]}),
        ([virtual_service("a", rule(BACK))], {"default/a": [80], "default/c": [82]}),
        ([virtual_service("a", rule(to("example.com", port=81)))], {}),
        (
            [http_route("a", to_service("a", 81), MANY)],
            {"default/a": [81], "default/b": [82], "other/c": [8000]},
        ),
        (
            [http_route("a", to_service("a", 81, namespace="other"), MANY)],
            {"other/a": [81], "default/b": [82], "other/c": [8000]},
        ),
        (
            [http_route("a", to_gateway("gw"), route_rule(backend("b", port=82), backend("b")))],
            {"default/b": [82, 8000]},
        ),
        ([service("b", 81), destination_rule("a", "v1")], {"default/b": [81]}),
        ([deployment("b"), destination_rule("a", "v1")], {}),
    ],
)
def test_inferred_services_are_those_that_something_routes_to(
    tmp_path: Path, documents: list[Document], found: dict[str, list[int]]
) -> None:
    bodies = [body for _, body in complete(tmp_path, *documents).of(kinds.Service)]
    assert found == {
        f"{one.metadata.namespace}/{one.metadata.name}": [port.port for port in one.spec.ports]
        for one in bodies
    }


A = service("a")
WIDE, NARROW = service("a"), service("a-v2", selector={"app": "a", "version": "v2"})
FAILOVER = {"loadBalancer": {"localityLbSetting": {"failoverPriority": ["zone", "version=v2"]}}}
TO_V1 = {"loadBalancer": {"localityLbSetting": {"failoverPriority": ["version=v1"]}}}
PREFERS = {"name": "next", "labels": {"app": "a"}, "trafficPolicy": FAILOVER}
PLAIN = {"name": "next", "labels": {"app": "a"}, "trafficPolicy": {"tls": {"mode": "DISABLE"}}}


@pytest.mark.parametrize(
    ("documents", "found"),
    [
        ([A], {"default/a": ({"app": "a"}, "")}),
        ([A, destination_rule("a")], {"default/a": ({"app": "a"}, "")}),
        (
            [A, destination_rule("a", "v1", "v2")],
            {
                "default/a-v1": ({"app": "a", "version": "v1"}, None),
                "default/a-v2": ({"app": "a", "version": "v2"}, None),
            },
        ),
        (
            [A, destination_rule("a", {"name": "blue", "labels": {"color": "blue"}})],
            {"default/a-blue": ({"app": "a", "color": "blue"}, "blue")},
        ),
        (
            [A, destination_rule("a", PREFERS)],
            {"default/a-next": ({"app": "a", "version": "v2"}, None)},
        ),
        (
            [A, destination_rule("a", {**PREFERS, "trafficPolicy": {}}, policy=FAILOVER)],
            {"default/a-next": ({"app": "a", "version": "v2"}, None)},
        ),
        (
            [A, destination_rule("a", PLAIN, policy=FAILOVER)],
            {"default/a-next": ({"app": "a", "version": "v2"}, None)},
        ),
        (
            [A, destination_rule("a", PREFERS, policy=TO_V1)],
            {"default/a-next": ({"app": "a", "version": "v2"}, None)},
        ),
        (
            [A, put(A, "metadata.namespace", "other")],
            {"default/a": ({"app": "a"}, ""), "other/a": ({"app": "a"}, "")},
        ),
        ([A, destination_rule("example.com", "v1")], {"default/a": ({"app": "a"}, "")}),
        ([WIDE, NARROW], {"default/a-v2": ({"app": "a", "version": "v2"}, "")}),
        ([NARROW, WIDE], {"default/a-v2": ({"app": "a", "version": "v2"}, "")}),
        (
            [put(WIDE, "metadata.namespace", "other"), NARROW],
            {
                "other/a": ({"app": "a"}, ""),
                "default/a-v2": ({"app": "a", "version": "v2"}, ""),
            },
        ),
        ([A, service("b", selector={"app": "a"})], {"default/a": ({"app": "a"}, "")}),
        ([A, put(service("b"), "spec.selector", {})], {"default/a": ({"app": "a"}, "")}),
        ([put(A, "spec.selector", {})], {}),
    ],
)
def test_inferred_pods_are_those_of_subsets_and_of_services_without_subsets(
    tmp_path: Path, documents: list[Document], found: dict[str, tuple[dict[str, str], str | None]]
) -> None:
    """By name: their labels, and the version where no label has one."""
    manifests = complete(tmp_path, *documents)
    pods = [body for _, body in manifests.of(kinds.Pod)]
    variables = [{one.name: one.value for one in pod.spec.containers[0].env} for pod in pods]
    assert found == {
        f"{pod.metadata.namespace}/{pod.metadata.name}": (pod.metadata.labels, env.get("version"))
        for pod, env in zip(pods, variables, strict=True)
    }
    assert {env["app"] for env in variables} <= {"a", "a-v2"}
    assert [one.rule for one in manifests.warnings] == ["no-workloads"] * bool(found)


def test_an_inferred_pod_has_the_target_ports_of_its_service_and_all_named_ports(
    tmp_path: Path,
) -> None:
    named = service("a", {"port": 80, "targetPort": "web"}, {"port": 81, "targetPort": 9000}, 82)
    (_, first), (_, second) = complete(tmp_path, named, service("b")).of(kinds.Pod)
    numbers = [(p.container_port, p.name) for p in first.spec.containers[0].ports]
    assert numbers == [(9000, ""), (82, ""), (80, "web")]
    numbers = [(p.container_port, p.name) for p in second.spec.containers[0].ports]
    assert numbers == [(8000, ""), (80, "web")]
