"""The plan: which version answers each lane at each service, and why, according to manifests.

It follows one request per lane from the gateway on. The lanes are those of the gateway's default
route, those that its other rules lead to, and those whose header clients have to send.
"""

from collections.abc import Iterable, Mapping

from lanes.mesh.model import Mesh, ServicePort
from lanes.planning.call_graph import Overrides, call_graph
from lanes.planning.client_lanes import add_client_lanes
from lanes.planning.entry_rule import EntryRule
from lanes.planning.entry_rules import confirm
from lanes.planning.hop import Hop
from lanes.planning.ingress import host_for, select_ingress
from lanes.planning.lane_context import plan_context, require_feasible
from lanes.planning.lanes import name_lanes
from lanes.planning.left_out import other_rules, planned_ports
from lanes.planning.resolver import Resolver
from lanes.planning.result import Lane, Plan
from lanes.planning.service_names import callable_names, shared_names
from lanes.planning.unreached import unreached_ports


def plan(
    mesh: Mesh,
    path: str | None = None,
    domain: str | None = None,
    headers: Mapping[str, str] | None = None,
    calls: Overrides | None = None,
) -> Plan:
    """Plan the lanes of requests for `path` at the gateway's `domain`.

    The default path is "/", or else the first that is served. The default domain is that of the
    default virtual host. `headers`: of every request. `calls`: overrides the call graph of the
    manifests. Raises LanesError if a lane has no path or several paths.
    """
    ingress = select_ingress(mesh, path, domain, headers or {})
    by_gateway = name_lanes(ingress)
    context = plan_context(call_graph(mesh, calls), ingress, by_gateway)
    lanes = add_client_lanes(ingress, by_gateway, context)
    require_feasible(mesh, len(lanes.specs))
    resolvers = {spec.name: Resolver(context.of(spec)) for spec in lanes.specs}
    paths = {name: resolver.path() for name, resolver in resolvers.items()}
    rules = confirm(lanes, paths, resolvers)
    unreached = unreached_ports(context.graph, paths.values())
    planned = tuple(
        _lane(resolvers[name], entry, rules.of(name), unreached) for name, entry in paths.items()
    )
    hops = [hop for lane in planned for hop in (*lane.path, *lane.unreached)]
    return Plan(
        lanes.header,
        ingress.virtual_host.domain,
        planned,
        (*lanes.not_planned, *rules.not_planned),
        ingress.probe.path,
        lanes.unset,
        callable_names(mesh, (port.host for port in unreached)),
        shared_names(mesh),
        ingress.default_status,
        other_rules(context.graph, (h for h in hops if all(h is not e for e in paths.values()))),
        planned_ports(context.graph, hops),
        ingress.probe.headers,
    )


def _lane(
    resolver: Resolver,
    entry: Hop,
    rules: tuple[EntryRule, ...],
    unreached: Iterable[ServicePort],
) -> Lane:
    lane = resolver.lane
    elsewhere = tuple(hop for port in unreached if (hop := resolver.call(port)))
    return Lane(
        lane.spec.name,
        lane.spec.weight,
        entry,
        rules,
        lane.spec.header if lane.spec.sent else "",
        elsewhere,
        lane.carrier,
    )


def serves(mesh: Mesh, domain: str) -> bool:
    """Tell whether the gateway has rules for requests that name `domain`."""
    return host_for(mesh, domain) is not None
