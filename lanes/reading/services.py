"""Services as their callers in the mesh see them: each port, with the rules that count there."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from lanes.errors import ManifestError
from lanes.mesh.diagnostics import Diagnostics
from lanes.mesh.hostnames import covers, host_of, meant
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
    owners, several, literal = _owners(manifests, destinations, bound, domains, diagnostics)
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
    return (*found, *_literal_ports(literal, owners, destinations, pods))


def _literal_ports(
    literal: Mapping[str, _Read],
    owners: Mapping[Host, _Read],
    destinations: Destinations,
    pods: tuple[Pod, ...],
) -> Iterator[ServicePort]:
    """The ports of hosts that are no Service, which count for calls to that very name.

    Istio has them at port 80, and where the VirtualService names a Service with another, if HTTP is
    told there.
    """
    for name, read in literal.items():
        host, alike = Host(name, ""), host_of(name, "")
        own = owners.get(alike) if alike else None
        if own and _order(own) < _order(read):
            continue
        beside = (one for one, other in owners.items() if other[0] is read[0])
        numbers = {80, *(port for one in beside for port in destinations.hosts()[one])}
        for port in sorted(filter(destinations.tells_http, numbers)):
            known = port in destinations.hosts().get(alike, []) if alike else False
            if known and alike and not destinations.tells_http(port, alike):
                continue  # which is found by the Service's address, and not by the name
            side = Side(_MESH, port, host, pods)
            plain = _plain(destinations, alike, port) if known and alike else ()
            if routes := routes_of(*read, destinations, side):
                yield ServicePort(host, port, routes, (), plain)


def _order(read: _Read) -> tuple[str, str]:
    """What orders VirtualServices of one age."""
    return read[0].name, read[0].namespace


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
) -> tuple[dict[Host, _Read], dict[Host, str], dict[str, _Read]]:
    """The VirtualService of each Service: the one that names it, else the closest wildcard's.

    Beside them the Services for which that is not supported, and why; and the VirtualService of
    each host that is no Service.
    """
    owners: dict[Host, _Read] = {}
    wild: dict[str, _Read] = {}
    marks: dict[Host, str] = {}
    literal: dict[str, _Read] = {}
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
            if not destinations.has(name, namespace) and not meant(name, namespace).namespace:
                literal.setdefault(name.lower(), (resource, body))
                if not at_gateway:
                    destinations.warn_literal(resource, field, name, namespace)
                continue
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
    every = [host.fqdn for host in destinations.hosts()]
    literal |= {
        name: read for name, read in wild.items() if not any(covers(name, h) for h in every)
    }
    return owners, marks, literal


def _second(resource: Resource, field: str, name: str, other: Resource) -> ManifestError:
    return resource.error(field, f"{name} already has VirtualService {other.name}; keep one")
