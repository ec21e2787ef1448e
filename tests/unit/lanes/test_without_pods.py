"""A mesh that lost pods is one that never had them."""

from dataclasses import replace

import pytest

from lanes.mesh.model import Mesh
from lanes.mesh.without_pods import without_pods
from tests.kube import (
    Document,
    deployment,
    destination_rule,
    gateway,
    rule,
    service,
    to,
    virtual_service,
)
from tests.unit.lanes.reading import mesh_of

V1, V2 = deployment("a"), deployment("a", "v2")
OF_B = [{"sourceLabels": {"app": "b"}}]
ROUTED = [
    gateway(),
    virtual_service("*", rule(to("a", "v2", fallback="v1")), gateways=["demo-gateway"], name="web"),
    virtual_service("a", rule(to("a", "v2"), match=OF_B), rule(to("a", "v1"))),
    destination_rule("a", "v1", "v2"),
    *(service("a"), service("b"), deployment("b")),
]


def bare(mesh: Mesh) -> Mesh:
    """The mesh without what depends on its file."""
    return replace(mesh, sources=(), warnings=())


@pytest.mark.parametrize(("gone", "left"), [("a-v1", V2), ("a-v2", V1)])
def test_a_mesh_without_pods(gone: str, left: Document) -> None:
    mesh = mesh_of(*ROUTED, V1, V2)
    found = without_pods(mesh, [pod for pod in mesh.pods if pod.name == gone])
    assert bare(found) == bare(mesh_of(*ROUTED, left))
    assert without_pods(mesh, []) == mesh
