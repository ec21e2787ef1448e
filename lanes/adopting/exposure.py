"""Finds the Services that requests from outside reach."""

from collections.abc import Iterator

from lanes.mesh.model import Host, Mesh, destinations_of
from lanes.reading import kinds
from lanes.reading.manifests import Manifests

# The namespace and the labels of the pods that a Service selects.
Selected = tuple[str, frozenset[tuple[str, str]]]


def selected_by(host: Host, spec: kinds.ServiceSpec) -> Selected:
    """Return the namespace and labels that a Service selects pods by."""
    return host.namespace, frozenset(spec.selector.items())


def exposed_hosts(manifests: Manifests, mesh: Mesh) -> Iterator[Host]:
    """Yield the Services that requests from outside reach.

    These are the destinations of the gateways; without any, those that a Service's type or an
    Ingress exposes.
    """
    routed = [to.host for host in mesh.gateway for to in destinations_of(host.routes)]
    yield from routed if routed else _without_gateway(manifests)


def _without_gateway(manifests: Manifests) -> Iterator[Host]:
    hosts: dict[Selected, list[Host]] = {}
    exposed = set[Selected]()
    for _, body in manifests.of(kinds.Service):
        pods = selected_by(body.host, body.spec)
        hosts.setdefault(pods, []).append(body.host)
        if body.spec.type in ("LoadBalancer", "NodePort"):
            exposed.add(pods)
    for pods in exposed:
        yield from hosts[pods]
    for other in manifests.others:
        if other.kind == "Ingress":
            for name in _backends(other.data.get("spec")):
                yield Host(name, other.namespace or "default")


def _backends(value: object) -> Iterator[str]:
    """Yield the names of the Services in an Ingress's spec."""
    if isinstance(value, dict):
        service = value.get("service")
        if isinstance(service, dict) and isinstance(service.get("name"), str):
            yield service["name"]
        value = list(value.values())
    for inner in value if isinstance(value, list) else ():
        yield from _backends(inner)
