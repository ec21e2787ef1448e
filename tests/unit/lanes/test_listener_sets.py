"""ListenerSets: listeners that others add to a Gateway."""

import pytest

from lanes.mesh.model import Mesh
from tests.kube import (
    Document,
    api_gateway,
    backend,
    deployment,
    http_route,
    listener,
    put,
    route_rule,
    service,
    to_gateway,
)
from tests.unit.lanes.reading import mesh_of

A = (service("a"), deployment("a"))
API = "gateway.networking.k8s.io/v1"
TEAM: Document = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "team", "labels": {"team": "shop"}},
}


def web(namespaces: Document) -> Document:
    """A Gateway at port 80 for web.org that takes the ListenerSets of these namespaces."""
    gateway = api_gateway(listener(hostname="web.org"))
    return put(gateway, "spec.allowedListeners", {"namespaces": namespaces})


def more(*listeners: Document, namespace: str = "default", name: str = "more") -> Document:
    return {
        "apiVersion": API,
        "kind": "ListenerSet",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "parentRef": {"name": "web", "namespace": "default"},
            "listeners": list(listeners or [listener(name="own", hostname="own.org")]),
        },
    }


def route(name: str, parent: Document | None = None) -> Document:
    return http_route(name, parent or to_gateway(), route_rule(backend("a")))


def to_set(name: str = "more", **more: object) -> Document:
    return to_gateway(name, kind="ListenerSet", **more)


def domains(mesh: Mesh) -> list[str]:
    return sorted(host.domain for host in mesh.gateway)


def warnings(mesh: Mesh) -> list[str]:
    return [warning.rule for warning in mesh.warnings]


SAME, ALL, NONE = {"from": "Same"}, {"from": "All"}, {"from": "None"}
LABELS = {"team": "shop", "kubernetes.io/metadata.name": "team"}
BY_BOTH = {"from": "Selector", "selector": {"matchLabels": LABELS}}
BY_LABEL = {"from": "Selector", "selector": {"matchLabels": {"team": "shop"}}}


def test_a_route_is_attached_to_the_listeners_of_its_parent() -> None:
    both = [web(SAME), more()]
    assert domains(mesh_of(*A, *both, route("r"))) == ["web.org"]
    assert domains(mesh_of(*A, *both, route("r", to_set()))) == ["own.org"]
    assert domains(mesh_of(*A, *both, route("r"), route("s", to_set()))) == ["own.org", "web.org"]


def test_a_section_name_is_looked_up_in_the_parent_alone() -> None:
    both = [web(SAME), more()]
    of_set = mesh_of(*A, *both, route("r", to_set(sectionName="own")))
    assert domains(of_set) == ["own.org"]
    of_gateway = mesh_of(*A, *both, route("r", to_gateway(sectionName="own")))
    assert (domains(of_gateway), warnings(of_gateway)) == ([], ["not-attached"])


@pytest.mark.parametrize(
    ("namespaces", "namespace", "taken"),
    [
        (SAME, "default", True),
        (SAME, "team", False),
        (ALL, "team", True),
        (NONE, "default", False),
        ({}, "default", False),
        (BY_LABEL, "team", True),
        (BY_LABEL, "default", False),
        (BY_BOTH, "team", True),
    ],
)
def test_the_sets_that_a_gateway_takes(namespaces: Document, namespace: str, taken: bool) -> None:
    parent = to_set(namespace=namespace)
    own = more(
        listener(name="own", hostname="own.org", allowedRoutes={"namespaces": ALL}),
        namespace=namespace,
    )
    mesh = mesh_of(*A, TEAM, web(namespaces), own, route("r", parent))
    assert domains(mesh) == (["own.org"] if taken else [])
    assert ("listener-set" in warnings(mesh)) != taken


def test_a_listener_that_the_gateway_has_already_is_left_out() -> None:
    mesh = mesh_of(*A, web(SAME), more(listener(hostname="web.org")), route("r", to_set()))
    assert domains(mesh) == []
    assert warnings(mesh) == ["listener-set", "not-attached"]


def test_of_two_sets_with_one_listener_the_first_by_name_has_it() -> None:
    sets = [more(name="b"), more(name="a")]
    assert domains(mesh_of(*A, web(SAME), *sets, route("r", to_set("a")))) == ["own.org"]
    assert domains(mesh_of(*A, web(SAME), *sets, route("r", to_set("b")))) == []


def test_a_set_that_a_gateway_does_not_take_hides_no_other() -> None:
    sets = [more(namespace="a"), more(namespace="default")]
    mesh = mesh_of(*A, web(SAME), *sets, route("r", to_set()))
    assert (domains(mesh), warnings(mesh)) == (["own.org"], ["listener-set"])


def test_the_other_listeners_of_a_set_are_added() -> None:
    both = more(listener(hostname="web.org"), listener(name="own", hostname="own.org"))
    mesh = mesh_of(*A, web(SAME), both, route("r", to_set()))
    assert (domains(mesh), warnings(mesh)) == (["own.org"], ["listener-set"])
