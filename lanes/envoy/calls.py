"""The ports at a pod's address where a user's command reaches each Service.

Stand-ins use their sidecar as a proxy. Many clients of Node and Java ignore proxy settings, so each
Service also has a port of its own at the sidecar.
"""

from collections.abc import Iterator

from lanes.mesh.model import Mesh, ServicePort

# Above Istio's own ports, and below the ephemeral ports of Linux.
_FIRST = 16001


def call_ports(mesh: Mesh) -> Iterator[tuple[int, ServicePort]]:
    """Yield every port of a Service, after the port at the sidecar that leads there."""
    return enumerate(mesh.ports, _FIRST)


def service_names(service: ServicePort, namespace: str) -> list[str]:
    """Return the names of the Service in the cluster's DNS, for a pod in `namespace`."""
    host = service.host
    names = [f"{host.name}.{host.namespace}", f"{host.name}.{host.namespace}.svc", host.fqdn]
    return [host.name, *names] if host.namespace == namespace else names
