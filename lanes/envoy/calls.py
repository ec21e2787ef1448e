"""Where the user's own code finds each Service: at a port of its pod's address, one for each.

The stand-in asks its sidecar as a proxy. Clients that know nothing of proxies, as many of Node's
and Java's do, connect to what looks like the Service itself.
"""

from collections.abc import Iterator

from lanes.mesh.model import Mesh, ServicePort

# Far from Istio's own, and below those that Linux gives to clients.
_FIRST = 16001


def call_ports(mesh: Mesh) -> Iterator[tuple[int, ServicePort]]:
    """Every port of a Service, after the number of the one that stands for it."""
    return enumerate(mesh.ports, _FIRST)


def service_names(service: ServicePort, namespace: str) -> list[str]:
    """What a pod in `namespace` may call the Service, in the cluster's DNS."""
    host = service.host
    names = [f"{host.name}.{host.namespace}", f"{host.name}.{host.namespace}.svc", host.fqdn]
    return [host.name, *names] if host.namespace == namespace else names
