"""Meshes without a gateway: the plan begins at Services, as a caller in the mesh does."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from lanes.mesh.diagnostics import Finding
from lanes.mesh.model import GatewayHost, Host, Mesh, ServicePort
from lanes.planning.call_graph import (
    CallGraph,
    Overrides,
    call_graph,
    called_by,
    is_outside,
    known_calls,
)
from lanes.planning.unreached import has_rules


def as_called(mesh: Mesh, calls: Overrides | None = None) -> Mesh:
    """Return `mesh` with virtual hosts for Services; a mesh with a gateway is returned unchanged.

    The virtual hosts are for Services that no service here calls: for the first that calls others,
    and for all with rules. If every Service is called, they are for all with rules.
    """
    if mesh.gateway or not mesh.without_gateway:
        return mesh
    graph = call_graph(mesh, calls)
    called = {host for port in mesh.ports for host in called_by(graph, port)}
    entered = list(_entered(graph, called))
    if not entered:
        return mesh
    names = Counter(port.host.name for port in entered)
    served = tuple(
        GatewayHost(host.name if names[host.name] == 1 else host.with_namespace, port.routes)
        for port in entered
        for host in [port.host]
    )
    shown = ", ".join(host.domain for host in served)
    finding = Finding("no-gateway", "", "", "", f"{mesh.without_gateway} {shown}")
    uncalled = {port.host for port in entered} - called
    # Their rules are the gateway's now, and no call in the mesh meets them.
    ports = (
        replace(port, routes=port.plain, variants=()) if port.host in uncalled else port
        for port in mesh.ports
    )
    return replace(mesh, gateway=served, ports=tuple(ports), warnings=(*mesh.warnings, finding))


def _entered(graph: CallGraph, called: set[Host]) -> Iterator[ServicePort]:
    """Yield the ports at which the requests of the plan begin."""
    first: dict[Host, ServicePort] = {}
    for port in graph.mesh.ports:
        if port.is_hop and port.host.namespace and not is_outside(graph.mesh, port):
            first.setdefault(port.host, port)
    calling = known_calls(graph)
    roots = [port for port in first.values() if port.host not in called]
    callers = [
        port for port in roots if port.host.name in calling or port.host.with_namespace in calling
    ]
    with_rules = [port for port in roots or first.values() if has_rules(port)]
    entered = [*callers[:1], *with_rules] or roots[:1] or [*first.values()][:1]
    yield from {port.host: port for port in entered}.values()
