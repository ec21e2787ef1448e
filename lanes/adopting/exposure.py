"""Which Services requests from outside reach."""

from collections.abc import Iterator

from lanes.mesh.model import Host, Mesh, destinations_of
from lanes.reading import kinds
from lanes.reading.manifests import Manifests

# The pods that a Service selects: their namespace, and their labels.
Selected = tuple[str, frozenset[tuple[str, str]]]


def selected_by(host: Host, spec: kinds.ServiceSpec) -> Selected:
    """Return what is the same for two Services that select the same pods."""
    return host.namespace, frozenset(spec.selector.items())


def exposed_hosts(manifests: Manifests, mesh: Mesh) -> Iterator[Host]:
    """Yield the Services that requests from outside reach.

    A gateway here leads to them, and otherwise their type says so, or an Ingress.
    """
    routed = [to.host for host in mesh.gateway for to in destinations_of(host.routes)]
    yield from routed if routed else _otherwise_exposed(manifests)


def _otherwise_exposed(manifests: Manifests) -> Iterator[Host]:
    selected: dict[Selected, list[Host]] = {}
    outside = set[Selected]()
    for _, body in manifests.of(kinds.Service):
        key = selected_by(body.host, body.spec)
        selected.setdefault(key, []).append(body.host)
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
