"""Names of services: shared by several namespaces, or usable from any namespace."""

from collections import Counter
from collections.abc import Iterable

from lanes.mesh.model import Host, Mesh, names_of
from lanes.planning.hop import Hop


def shared_names(mesh: Mesh) -> frozenset[str]:
    """Return the names that pods or Services of several namespaces have."""
    services = names_of(mesh.pods) | {
        (port.host.name, port.host.namespace) for port in mesh.ports if port.host.namespace
    }
    counts = Counter(name for name, _ in services)
    return frozenset(name for name, count in counts.items() if count > 1)


def callable_names(mesh: Mesh, hosts: Iterable[Host]) -> tuple[str, ...]:
    """Return names of these Services that callers in any namespace of the mesh can use."""
    several = len({port.host.namespace for port in mesh.ports if port.host.namespace}) > 1
    return tuple(host.with_namespace if several else host.name for host in hosts)


def namespace_of(hop: Hop) -> str:
    """Return the namespace of a hop: of its pods, else of the called Service."""
    return hop.namespace or next((host.namespace for host in hop.hosts), "")
