"""The port of a Service that is planned where nothing names one."""

from collections.abc import Mapping
from dataclasses import replace

from lanes.mesh.model import Mesh
from lanes.planning.messages import PlanError, Problem


def with_ports(mesh: Mesh, chosen: Mapping[str, int]) -> Mesh:
    """Return `mesh` with the chosen port of each Service before its others.

    A Service is named by its name, or by NAME.NAMESPACE. A call that names a port keeps to it.
    Raises LanesError for a Service or a port that is not there.
    """
    if not chosen:
        return mesh
    ports = list(mesh.ports)
    for name, number in chosen.items():
        there = [port for port in ports if name in (port.host.name, port.host.with_namespace)]
        first = [port for port in there if port.port == number]
        if not first:
            known = ", ".join(str(port.port) for port in there) or "none"
            raise PlanError(Problem.UNKNOWN_PORT, name=name, port=number, known=known)
        ports = [*first, *(port for port in ports if port not in first)]
    order = {host: at for at, host in enumerate(dict.fromkeys(port.host for port in mesh.ports))}
    return replace(mesh, ports=tuple(sorted(ports, key=lambda port: order[port.host])))
