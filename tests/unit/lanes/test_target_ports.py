"""Ports that containers do not name: their Services do."""

import pytest

from tests.kube import Document, deployment, put, service, without
from tests.unit.lanes.reading import mesh_of

BARE = without(deployment("a"), "spec.template.spec.containers[0].ports")
NO_PORT = [put(BARE, "spec.template.spec.containers[0].env", [])]


def serving(*ports: Document, selector: Document | None = None) -> Document:
    found = put(service("a"), "spec.ports", list(ports))
    return put(found, "spec.selector", selector or {"app": "a"})


@pytest.mark.parametrize(
    ("one", "port"),
    [
        (serving({"port": 80, "targetPort": 3000}), 3000),
        (serving({"port": 8080}), 8080),
        (serving({"port": 53, "protocol": "UDP"}, {"port": 81}), 81),
        (serving({"port": 80}, selector={"app": "b"}), None),
        (serving({"port": 80}, selector={"app": "a", "version": "v1"}), 80),
        (put(serving({"port": 80}), "metadata.namespace", "other"), None),
    ],
)
def test_the_port_that_a_service_leads_to(one: Document, port: int | None) -> None:
    mesh = mesh_of(*NO_PORT, put(one, "metadata.name", "s"))
    missing = any("name the port that the container listens on" in told for told in mesh.not_run)
    assert missing == (port is None)
    assert port in (None, mesh.pods[0].port)


def test_a_container_that_names_its_port_keeps_it() -> None:
    named = put(NO_PORT[0], "spec.template.spec.containers[0].ports", [{"containerPort": 9000}])
    assert mesh_of(named, serving({"port": 80})).pods[0].port == 9000


def test_the_container_that_serves_has_it_beside_others() -> None:
    path = "spec.template.spec.containers"
    bare = [{"name": name, "image": name} for name in ("istio-proxy", "web", "logs")]
    pod = mesh_of(put(NO_PORT[0], path, bare), serving({"port": 80, "targetPort": 3000})).pods[0]
    assert pod.port == 3000
