"""Services as their callers in the mesh see them: each port, with the rules that count there."""

from collections.abc import Collection, Iterable

from lanes.errors import ManifestError
from lanes.mesh.diagnostics import Diagnostics
from lanes.mesh.hostnames import covers
from lanes.mesh.model import GatewayHost, Host, Pod, Route, ServicePort, Weighted
from lanes.reading import kinds
from lanes.reading.destinations import Destinations
from lanes.reading.httproutes import Bound, rules_of
from lanes.reading.manifests import Manifests, Resource
from lanes.reading.parents import at_services
from lanes.reading.routes import routes_of, unsupported_route
from lanes.reading.sides import Side

_MESH = frozenset({"mesh"})
_Read = tuple[Resource, kinds.VirtualService]


def service_ports(
    manifests: Manifests,
    destinations: Destinations,
    pods: tuple[Pod, ...],
    served: Iterable[GatewayHost],
    diagnostics: Diagnostics,
) -> tuple[ServicePort, ...]:
    """Every Service's ports, with the routes of what names it: a VirtualService, HTTPRoutes.

    Where nothing does, where HTTP rules don't count, and where none of them is for these callers,
    a call leads to every pod. What a gateway has `served` may be no Service.
    """
    bound, marks = at_services(manifests, destinations)
    domains = [host.domain for host in served]
    found: list[ServicePort] = []
    owners, several = _owners(manifests, destinations, bound, domains, diagnostics)
    marks = {**marks, **several}
    for host, ports in destinations.hosts().items():
        for port in ports:
            plain = _plain(destinations, host, port)
            routes: tuple[Route, ...] = ()
            try:
                if host in marks:
                    place = destinations.resource(host).place("spec")
                    routes = (unsupported_route(marks[host], place),)
                elif host in owners:
                    side = Side(_MESH, port, host, pods)
                    routes = routes_of(*owners[host], destinations, side)
                elif port in bound.get(host, {}):
                    routes = rules_of(bound[host][port], destinations, in_mesh=True)
            except ManifestError as error:
                place = destinations.resource(host).place("spec")
                routes = (unsupported_route(diagnostics.error(error), place),)
            http = destinations.http(host, port)
            if routes and not http:
                if not any(destinations.http(host, other) for other in ports):
                    problem = f"port {port} is no HTTP: no rule counts for calls"
                    _warn(destinations, host, problem)
                routes = ()
            elif routes and destinations.headless(host):
                _warn(destinations, host, "is headless: its callers choose the pod, by DNS")
            behind = destinations.pods(host)
            found.append(ServicePort(host, port, routes or plain, behind, plain, http))
    return tuple(found)


def _plain(destinations: Destinations, host: Host, port: int) -> tuple[Route, ...]:
    """What a call gets where no rule counts; marked where that is not supported."""
    try:
        return (Route((), (Weighted(destinations.plain(host, port), 100),)),)
    except ManifestError as error:
        why = destinations.diagnostics.error(error)
        return (unsupported_route(why, destinations.resource(host).place("spec")),)


def _warn(destinations: Destinations, host: Host, message: str) -> None:
    finding = destinations.resource(host).finding("unrouted", "spec", message)
    destinations.diagnostics.warn(finding)


def _owners(
    manifests: Manifests,
    destinations: Destinations,
    bound: dict[Host, dict[int, list[Bound]]],
    served: Collection[str],
    diagnostics: Diagnostics,
) -> tuple[dict[Host, _Read], dict[Host, str]]:
    """The VirtualService of each Service: the one that names it, else the closest wildcard's.

    Beside them the Services for which that is not supported, and why.
    """
    owners: dict[Host, _Read] = {}
    wild: dict[str, _Read] = {}
    marks: dict[Host, str] = {}
    for resource, body in manifests.of(kinds.VirtualService):
        if "mesh" not in body.spec.gateways or not body.spec.http:
            continue
        for index, name in enumerate(body.spec.hosts):
            field = f"spec.hosts[{index}]"
            if name.startswith("*"):
                if name in wild:
                    why = diagnostics.error(_second(resource, field, name, wild[name][0]))
                    hosts = destinations.hosts()
                    marks |= {host: why for host in hosts if covers(name, host.fqdn)}
                wild.setdefault(name, (resource, body))
                continue
            namespace = body.metadata.namespace
            at_gateway = len(body.spec.gateways) > 1 and any(
                covers(domain, name.lower()) for domain in served
            )
            if at_gateway and not destinations.has(name, namespace):
                continue
            host = None
            with diagnostics.gathered():
                host = destinations.known(resource, field, name, namespace)
            if host is None:
                continue
            if host in owners:
                marks[host] = diagnostics.error(_second(resource, field, name, owners[host][0]))
            if host in bound:
                other = next(iter(bound[host].values()))[0][0].name
                problem = f"{name} already has HTTPRoute {other}; keep one kind"
                marks[host] = diagnostics.error(resource.error(field, problem))
            owners.setdefault(host, (resource, body))
    for host in destinations.hosts() if wild else ():
        covering = [name for name in wild if covers(name, host.fqdn)]
        if covering and host not in owners and host not in bound:
            owners[host] = wild[max(covering, key=len)]
    return owners, marks


def _second(resource: Resource, field: str, name: str, other: Resource) -> ManifestError:
    return resource.error(field, f"{name} already has VirtualService {other.name}; keep one")
