"""Which Services requests from outside reach."""

from collections.abc import Iterator

from lanes.mesh.model import Host, Mesh
from lanes.reading import kinds
from lanes.reading.manifests import Manifests


def exposed_hosts(manifests: Manifests, mesh: Mesh) -> Iterator[Host]:
    """Yield the Services that requests from outside reach.

    A gateway here leads to them, and otherwise their type says so, or an Ingress.
    """
    routed = [
        weighted.destination.host
        for host in mesh.gateway
        for route in host.routes
        for weighted in route.destinations
    ]
    yield from routed if routed else _otherwise_exposed(manifests)


def _otherwise_exposed(manifests: Manifests) -> Iterator[Host]:
    selected: dict[tuple[str, frozenset[tuple[str, str]]], list[Host]] = {}
    outside = set[tuple[str, frozenset[tuple[str, str]]]]()
    for _, body in manifests.of(kinds.Service):
        key = (body.metadata.namespace, frozenset(body.spec.selector.items()))
        selected.setdefault(key, []).append(Host(body.metadata.name, body.metadata.namespace))
        if body.spec.type in ("LoadBalancer", "NodePort"):
            outside.add(key)
    for key in outside:
        yield from selected[key]
    for other in manifests.others:
        if other.kind == "Ingress":
            for name in _backends(other.data.get("spec")):
                yield Host(name, other.namespace or "default")


def _backends(value: object) -> Iterator[str]:
    """Yield the names of the Services that an Ingress leads to."""
    if isinstance(value, dict):
        service = value.get("service")
        if isinstance(service, dict) and isinstance(service.get("name"), str):
            yield service["name"]
        for inner in value.values():
            yield from _backends(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _backends(inner)
