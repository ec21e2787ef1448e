"""The ports that the user chooses for calls that name no port."""

from collections.abc import Mapping
from dataclasses import replace

from lanes.mesh.model import Mesh
from lanes.planning.messages import PlanError, Problem


def with_ports(mesh: Mesh, chosen: Mapping[str, int]) -> Mesh:
    """Return `mesh` with the chosen port of each Service before its others.

    `chosen`: ports by NAME or NAME.NAMESPACE. Calls that name a port do not change.
    Raises LanesError if the Service or the port does not exist.
    """
    if not chosen:
        return mesh
    ports = list(mesh.ports)
    for name, number in chosen.items():
        of_name = [port for port in ports if name in (port.host.name, port.host.with_namespace)]
        first = [port for port in of_name if port.port == number]
        if not first:
            known = ", ".join(str(port.port) for port in of_name) or "none"
            raise PlanError(Problem.UNKNOWN_PORT, name=name, port=number, known=known)
        ports = [*first, *(port for port in ports if port not in first)]
    hosts = dict.fromkeys(port.host for port in mesh.ports)
    order = {host: number for number, host in enumerate(hosts)}
    return replace(mesh, ports=tuple(sorted(ports, key=lambda port: order[port.host])))
