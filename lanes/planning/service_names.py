"""Names of services: which stand in several namespaces, and how they may be called."""

from collections.abc import Iterable

from lanes.mesh.model import Host, Mesh
from lanes.planning.hop import Hop


def shared_names(mesh: Mesh) -> frozenset[str]:
    """Return the names that pods or Services of several namespaces have."""
    homes: dict[str, set[str]] = {}
    for pod in mesh.pods:
        homes.setdefault(pod.app, set()).add(pod.namespace)
    for port in mesh.ports:
        if port.host.namespace:
            homes.setdefault(port.host.name, set()).add(port.host.namespace)
    return frozenset(name for name, found in homes.items() if len(found) > 1)


def callable_names(mesh: Mesh, hosts: Iterable[Host]) -> tuple[str, ...]:
    """Return names of these Services that every service of the mesh may call them by."""
    several = len({port.host.namespace for port in mesh.ports if port.host.namespace}) > 1
    return tuple(host.with_namespace if several else host.name for host in hosts)


def namespace_of(hop: Hop) -> str:
    """Return the namespace of a hop: its pods', else that of the Service which led there."""
    return hop.namespace or next((host.namespace for host in hop.hosts), "")
