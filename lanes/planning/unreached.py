"""Unreached services: the services in no known path."""

from collections.abc import Iterable

from lanes.mesh.model import Host, Mesh, ServicePort, destinations_of
from lanes.planning.call_graph import CallGraph, is_outside
from lanes.planning.hop import Hop


def unreached_ports(graph: CallGraph, entries: Iterable[Hop]) -> tuple[ServicePort, ...]:
    """Return the first port of each Service that is in no path from the `entries` on.

    A Service without rules counts only if the callees of some hop are not known. It does not count
    if a rule of the gateway or another Service leads to it, since it is a backend there. A host
    outside of the mesh counts if rules choose among its versions.
    """
    mesh = graph.mesh
    known = {host for entry in entries for hop in entry.walk() for host in hop.hosts}
    reached = [port for port in mesh.ports if port.host in known]
    behind = {pod.key for port in reached for pod in port.pods}
    all_known = all(graph.knows(port.host, port.pods) for port in reached if port.pods)
    backends: frozenset[Host] = frozenset() if all_known else _backends(mesh)
    found: dict[Host, ServicePort] = {}
    for port in mesh.ports:
        own = {pod.key for pod in port.pods}
        no_service = not port.is_hop or not (port.host.namespace or port.pods)
        no_hop = no_service or is_outside(mesh, port)
        if port.host in known or (own and own <= behind) or no_hop:
            continue
        if has_rules(port) or (not all_known and port.pods and port.host not in backends):
            found.setdefault(port.host, port)
    return tuple(found.values())


def _backends(mesh: Mesh) -> frozenset[Host]:
    """Return the hosts to which the gateway's rules or those of other hosts lead."""
    at_gateways = (to.host for host in mesh.gateway for to in destinations_of(host.routes))
    of_others = (
        to.host
        for port in mesh.ports
        for to in destinations_of(port.all_routes)
        if to.host != port.host
    )
    return frozenset((*at_gateways, *of_others))


def has_rules(port: ServicePort) -> bool:
    """Tell whether rules choose where a call to the port goes, or among its pods."""
    if len(port.routes) != 1 or port.variants:
        return True
    (route,) = port.routes
    if route.matches or len(route.destinations) != 1:
        return True
    to = route.destinations[0].destination
    return to.host != port.host or bool(to.subset)
