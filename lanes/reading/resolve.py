"""From manifests to the mesh: every host, subset and label selector resolved."""

from collections.abc import Iterable
from dataclasses import replace

from lanes.errors import Problems
from lanes.findings import Finding
from lanes.hosts import common
from lanes.model import GatewayHost, Host, Mesh, Route, ServicePort, Weighted
from lanes.reading import kinds
from lanes.reading.commands import Command, assigned
from lanes.reading.destinations import Destinations
from lanes.reading.elsewhere import completed
from lanes.reading.httproutes import Bound, rules_of
from lanes.reading.manifests import Manifests, Resource
from lanes.reading.parents import at_gateway, at_services
from lanes.reading.routes import routes_of
from lanes.reading.workloads import not_run, pods_of

# The annotation on a Service that names those which its pods call.
CALLS = "traffic-lanes/calls"


def resolve(manifests: Manifests, commands: Iterable[Command] = ()) -> Mesh:
    """The mesh that `manifests` describe, with `commands` in place of stand-ins.

    Raises LanesError, all in one, for what asks for more than is understood, and for a command
    that fits no pod.
    """
    problems = Problems()
    manifests = completed(manifests)
    warnings: list[Finding] = list(manifests.warnings)
    pods = tuple(assigned(pods_of(manifests, warnings), commands))
    destinations = Destinations(manifests, pods, problems)
    mesh = Mesh(
        sources=manifests.sources,
        provider=_provider(manifests),
        pods=pods,
        gateway=_gateway(manifests, destinations, problems),
        ports=tuple(_service_ports(manifests, destinations, problems)),
        left_to_cluster=manifests.left_to_cluster,
        calls=dict(_calls(manifests)),
        not_run=(*not_run(manifests), *_not_run(manifests)),
    )
    problems.require_none()
    return replace(mesh, warnings=tuple(dict.fromkeys((*warnings, *destinations.warnings))))


def _calls(manifests: Manifests) -> Iterable[tuple[Host, tuple[str, ...]]]:
    """Whom each Service's annotation says that it calls."""
    for _, body in manifests.of(kinds.Service):
        told = body.metadata.annotations.get(CALLS, "")
        called = tuple(name.strip() for name in told.split(",") if name.strip())
        if called:
            yield Host(body.metadata.name, body.metadata.namespace), called


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


def _service_ports(
    manifests: Manifests, destinations: Destinations, problems: Problems
) -> Iterable[ServicePort]:
    """Every Service's ports, with the routes of what names it: a VirtualService, HTTPRoutes."""
    bound: dict[Host, dict[int, list[Bound]]] = {}
    with problems.gathered():
        bound = at_services(manifests, destinations)
    owners: dict[Host, tuple[Resource, kinds.VirtualService]] = {}
    for resource, body in manifests.of(kinds.VirtualService):
        if "mesh" not in body.spec.gateways:
            continue
        for index, name in enumerate(body.spec.hosts):
            with problems.gathered():
                field = f"spec.hosts[{index}]"
                host = destinations.known(resource, field, name, body.metadata.namespace)
                if host is None:
                    continue
                if host in owners:
                    other = owners[host][0].name
                    problem = f"{name} already has VirtualService {other}; keep one"
                    raise resource.error(field, problem)
                if host in bound:
                    other = next(iter(bound[host].values()))[0][0].name
                    problem = f"{name} already has HTTPRoute {other}; keep one kind"
                    raise resource.error(field, problem)
                if body.spec.http:
                    owners[host] = (resource, body)
    for host, ports in destinations.hosts().items():
        for port in ports:
            with problems.gathered():
                if host in owners:
                    routes = routes_of(*owners[host], destinations, port)
                elif port in bound.get(host, {}):
                    routes = rules_of(bound[host][port], destinations, in_mesh=True)
                else:
                    routes = (Route((), (Weighted(destinations.plain(host, port), 100),)),)
                yield ServicePort(host, port, routes, destinations.pods(host))


def _gateway(
    manifests: Manifests, destinations: Destinations, problems: Problems
) -> tuple[GatewayHost, ...]:
    """What the gateway serves."""
    with problems.gathered():
        stock = tuple(_gateway_hosts(manifests, destinations, problems))
        routed = at_gateway(manifests)
        for bound in routed.values() if stock else ():
            raise bound[0][0].error(
                "spec.parentRefs",
                "beside a VirtualService at a gateway it is not emulated; keep one",
            )
        return stock or tuple(
            GatewayHost(domain, rules_of(bound, destinations, in_mesh=False))
            for domain, bound in routed.items()
        )
    return ()


def _not_run(manifests: Manifests) -> Iterable[str]:
    """Where routing asks for what only a cluster does, or a gateway for TLS."""
    for resource in manifests.resources:
        paths: list[str] = []
        if isinstance(resource.body, _ROUTING):
            paths += kinds.only_running(resource.body.spec, "spec")
        if isinstance(resource.body, kinds.Gateway):
            servers = enumerate(resource.body.spec.servers)
            paths += [f"spec.servers[{index}].tls" for index, one in servers if one.tls]
        for path in paths:
            yield str(resource.error(path, "not run here; leave it out, or try it on a cluster"))


_ROUTING = (kinds.DestinationRule, kinds.VirtualService, kinds.gateway_api.HTTPRoute)


def _gateway_hosts(
    manifests: Manifests, destinations: Destinations, problems: Problems
) -> Iterable[GatewayHost]:
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
        with problems.gathered():
            for domain in domains:
                hosts.setdefault(domain, []).extend(routes_of(resource, body, destinations, None))
    return [GatewayHost(domain, tuple(routes)) for domain, routes in hosts.items()]
