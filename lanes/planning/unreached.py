"""Services in no known path: what they would answer each lane, if something called them."""

from collections.abc import Iterable, Mapping

from lanes.errors import LanesError
from lanes.model import Host, Mesh, Propagation, Route, ServicePort
from lanes.planning.call_graph import CallGraph, is_outside
from lanes.planning.entry_rule import first_path
from lanes.planning.hop import Hop
from lanes.planning.request import Request
from lanes.planning.resolver import answer_at
from lanes.planning.walk import Walk


def uncalled(mesh: Mesh, calls: CallGraph, hops: Iterable[Hop]) -> tuple[ServicePort, ...]:
    """The first port of each Service that has rules, or whose callers may be the known hops, and
    that stands in no known path.

    A Service without rules of its own counts where nothing tells what one of the hops calls, and
    not at all where another's rules lead to it, or the gateway's: it is that one's backend. What
    stands outside of the mesh counts where rules choose among its versions.
    """
    hops = list(hops)
    known = {host for hop in hops for host in hop.hosts}
    behind = {pod.key for port in mesh.ports if port.host in known for pod in port.pods}
    told = all(
        calls.tell(port.host, port.pods) for port in mesh.ports if port.host in known and port.pods
    )
    led: list[tuple[Host | None, Route]] = [
        (None, route) for host in mesh.gateway for route in host.routes
    ]
    led += [(port.host, route) for port in mesh.ports for route in port.routes]
    backends = {
        weighted.destination.host
        for host, route in led
        for weighted in route.destinations
        if weighted.destination.host != host
    }
    found: dict[Host, ServicePort] = {}
    for port in mesh.ports:
        own = {pod.key for pod in port.pods}
        if port.host in known or (own and own <= behind) or is_outside(mesh, port):
            continue
        if _has_rules(port) or (not told and port.pods and port.host not in backends):
            found.setdefault(port.host, port)
    return tuple(found.values())


def apart(walk: Walk, port: ServicePort, headers: Mapping[str, str]) -> Hop | None:
    """What the Service would answer a call that has these headers; None: no one version."""
    propagation = port.pods[0].propagation if port.pods else Propagation()
    path = first_path(port.routes, port.host.name, headers) or "/"
    try:
        return answer_at(walk.ending, port, Request(headers, path), propagation)
    except LanesError:  # what stands in no path stops no plan
        return None


def _has_rules(port: ServicePort) -> bool:
    if len(port.routes) != 1:
        return True
    (route,) = port.routes
    plain = len(route.destinations) == 1 and route.destinations[0].destination.host == port.host
    subset = any(w.destination.subset for w in route.destinations)
    return bool(route.matches) or not plain or subset
