"""From manifests to the mesh: every host, subset and label selector resolved."""

from collections.abc import Iterable

from lanes.hosts import common
from lanes.model import GatewayHost, Host, Mesh, Route, ServicePort, Weighted
from lanes.reading import kinds
from lanes.reading.commands import Command, assigned
from lanes.reading.destinations import Destinations
from lanes.reading.httproutes import rules_of
from lanes.reading.manifests import Manifests, Resource
from lanes.reading.parents import at_gateway, at_services
from lanes.reading.routes import routes_of
from lanes.reading.workloads import pods_of


def resolve(manifests: Manifests, commands: Iterable[Command] = ()) -> Mesh:
    """The mesh that `manifests` describe, with `commands` in place of stand-ins.

    Raises ManifestError where a reference leads nowhere or asks for what is not emulated, and
    LanesError for a command that fits no pod.
    """
    pods = tuple(assigned(pods_of(manifests), commands))
    destinations = Destinations(manifests, pods)
    return Mesh(
        sources=manifests.sources,
        provider=_provider(manifests),
        pods=pods,
        gateway=_gateway(manifests, destinations),
        ports=tuple(_service_ports(manifests, destinations)),
        left_to_cluster=manifests.left_to_cluster,
        not_run=tuple(_tls(manifests)),
    )


def _provider(manifests: Manifests) -> str:
    """Which mesh the manifests are for: what only ASM knows tells it."""
    falls_back = (
        destination.fallback
        for _, body in manifests.of(kinds.VirtualService)
        for http in body.spec.http
        for destination in http.route
    )
    propagates = (True for _ in manifests.of(kinds.ASMHeaderPropagation))
    if any(propagates) or any(falls_back):
        return "asm"
    istio = (kinds.VirtualService, kinds.DestinationRule)
    stock = any(any(manifests.of(kind)) for kind in istio)
    routes = any(manifests.of(kinds.gateway_api.HTTPRoute))
    return "gateway-api" if routes and not stock else "istio"


def _service_ports(manifests: Manifests, destinations: Destinations) -> Iterable[ServicePort]:
    """Every Service's ports, with the routes of what names it: a VirtualService, HTTPRoutes."""
    bound = at_services(manifests, destinations)
    owners: dict[Host, tuple[Resource, kinds.VirtualService]] = {}
    for resource, body in manifests.of(kinds.VirtualService):
        if "mesh" not in body.spec.gateways:
            continue
        for index, name in enumerate(body.spec.hosts):
            field = f"spec.hosts[{index}]"
            host = destinations.known(resource, field, name, body.metadata.namespace)
            if host in owners:
                other = owners[host][0].name
                raise resource.error(field, f"{name} already has VirtualService {other}; keep one")
            if host in bound:
                other = next(iter(bound[host].values()))[0][0].name
                raise resource.error(field, f"{name} already has HTTPRoute {other}; keep one kind")
            owners[host] = (resource, body)
    for host, ports in destinations.hosts().items():
        for port in ports:
            if host in owners:
                routes = routes_of(*owners[host], destinations, port)
            elif port in bound.get(host, {}):
                routes = rules_of(bound[host][port], destinations, in_mesh=True)
            else:
                routes = (Route((), (Weighted(destinations.plain(host, port), 100),)),)
            yield ServicePort(host, port, routes, destinations.pods(host))


def _gateway(manifests: Manifests, destinations: Destinations) -> tuple[GatewayHost, ...]:
    """What the gateway serves. Raises ManifestError where it would be two at once."""
    stock = tuple(_gateway_hosts(manifests, destinations))
    routed = at_gateway(manifests)
    for bound in routed.values() if stock else ():
        raise bound[0][0].error(
            "spec.parentRefs", "beside a VirtualService at a gateway it is not emulated; keep one"
        )
    return stock or tuple(
        GatewayHost(domain, rules_of(bound, destinations, in_mesh=False))
        for domain, bound in routed.items()
    )


def _tls(manifests: Manifests) -> Iterable[str]:
    """Where a gateway ends TLS, or sends clients to where it does."""
    for resource, body in manifests.of(kinds.Gateway):
        for index, server in enumerate(body.spec.servers):
            if server.tls:
                problem = "not run here; leave it out, or try it on a cluster"
                yield str(resource.error(f"spec.servers[{index}].tls", problem))


def _gateway_hosts(manifests: Manifests, destinations: Destinations) -> Iterable[GatewayHost]:
    """What the gateway serves: one port, whatever Gateways and VirtualServices share it."""
    gateways = {
        f"{body.metadata.namespace}/{body.metadata.name}": (resource, body.spec)
        for resource, body in manifests.of(kinds.Gateway)
    }
    servers = [server for _, spec in gateways.values() for server in spec.servers]
    for ends_tls, kind in ((False, "HTTP"), (True, "HTTPS")):
        if len({s.port.number for s in servers if s.ends_tls is ends_tls}) > 1:
            raise list(gateways.values())[-1][0].error(
                "spec.servers", f"servers on several ports are not emulated; keep one {kind} port"
            )
    hosts: dict[str, list[Route]] = {}
    for resource, body in manifests.of(kinds.VirtualService):
        names = [name for name in body.spec.gateways if name != "mesh"]
        if not names:
            continue
        keys = [n if "/" in n else f"{body.metadata.namespace}/{n}" for n in names]
        bound = [gateways[key][1] for key in keys if key in gateways]
        # A gateway that these manifests only name is one that exists, and serves any host.
        served = [h for spec in bound for s in spec.servers for h in s.hosts] or ["*"]
        domains = common(served, body.spec.hosts)
        if not domains:
            raise resource.error(
                "spec.hosts", f"none is served by gateway {', '.join(names)} ({', '.join(served)})"
            )
        for domain in domains:
            hosts.setdefault(domain, []).extend(routes_of(resource, body, destinations, None))
    return [GatewayHost(domain, tuple(routes)) for domain, routes in hosts.items()]
