"""Services as their callers in the mesh see them: each port, with the rules that count there."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from lanes.errors import ManifestError
from lanes.mesh.hostnames import host_of
from lanes.mesh.model import GatewayHost, Host, Pod, Route, ServicePort, Variant, Weighted
from lanes.reading.age import age_of
from lanes.reading.destinations import Destinations
from lanes.reading.httproutes import rules_of
from lanes.reading.imports import ANY, Caller
from lanes.reading.manifests import Manifests
from lanes.reading.parents import at_services
from lanes.reading.service_rules import (
    Read,
    ServiceRules,
    are_for_some,
    depends_on_caller,
    service_rules,
)
from lanes.reading.sides import Side
from lanes.reading.virtual_services import routes_of, unsupported_route

_MESH = frozenset({"mesh"})


@dataclass(frozen=True)
class _View:
    """What a caller sees: what rules Services for it, and the destinations that it finds."""

    given: ServiceRules
    destinations: Destinations


_Views = Mapping[Caller, _View]


def service_ports(
    manifests: Manifests,
    destinations: Destinations,
    callers: Mapping[Caller, list[Pod]],
    served: Iterable[GatewayHost],
) -> tuple[ServicePort, ...]:
    """Every Service's ports, with the routes of what names it: a VirtualService, HTTPRoutes.

    Where nothing does, where HTTP rules don't count, and where none of them is for these callers,
    a call leads to every pod. What a gateway has `served` may be no Service.
    """
    views = _views(manifests, destinations, callers, [host.domain for host in served])
    ports = _Ports(destinations, views, callers)
    found = [
        ports.port(host, port) for host, numbers in destinations.hosts().items() for port in numbers
    ]
    return (*found, *_literal_ports(destinations, views, callers))


def _views(
    manifests: Manifests,
    destinations: Destinations,
    callers: Iterable[Caller],
    served: Collection[str],
) -> _Views:
    bound = at_services(manifests, destinations)
    given = {
        caller: service_rules(manifests, destinations, bound, caller, served)
        for caller in (ANY, *(callers if depends_on_caller(manifests, bound) else ()))
    }
    return {
        caller: _View(given.get(caller, given[ANY]), destinations.seen_from(caller.namespace))
        for caller in (ANY, *callers)
    }


class _Ports:
    """Makes the ports of Services from what rules them, for each caller where they differ."""

    def __init__(
        self,
        destinations: Destinations,
        views: _Views,
        callers: Mapping[Caller, list[Pod]],
    ) -> None:
        self._destinations, self._views, self._callers = destinations, views, callers

    def port(self, host: Host, port: int) -> ServicePort:
        """The port of a Service."""
        routes = self._routes(host, port, self._views[ANY], None)
        variants = [
            Variant(frozenset(pod.key for pod in alike), own)
            for view, alike in self._differing(host, routes)
            if (own := self._routes(host, port, view, alike[0])) != routes
        ]
        return ServicePort(
            host,
            port,
            routes,
            self._destinations.pods(host),
            _plain(self._destinations, host, port),
            self._destinations.is_http(host, port),
            tuple(variants),
            self._destinations.is_hop(host, port),
        )

    def _differing(
        self, host: Host, routes: tuple[Route, ...]
    ) -> Iterator[tuple[_View, list[Pod]]]:
        """The pods that may meet other routes than these, those together that meet the same."""
        differ = self._destinations.differ_by_caller(routes, host)
        for caller, pods in self._callers.items():
            view = self._views[caller]
            if not caller.imports_service(host.namespace, host.fqdn):
                continue
            if are_for_some(view.given.owners.get(host, ())):
                yield from ((view, alike) for alike in _by_labels(pods))
            elif differ or not view.given.is_alike(self._views[ANY].given, host):
                yield view, pods

    def _routes(self, host: Host, port: int, view: _View, pod: Pod | None) -> tuple[Route, ...]:
        """The routes that a pod meets; None: one that no rule is about."""
        given, destinations = view.given, view.destinations
        place = destinations.resource(host).place("spec")
        if not destinations.is_visible(host):  # whom plain DNS finds, past all rules
            return _plain(destinations, host, port)
        routes: tuple[Route, ...] = ()
        why = given.marks.get(host, "")
        try:
            if not why:
                routes = _ruled(given, host, destinations, Side(_MESH, port, host, pod))
        except ManifestError as error:
            why = destinations.diagnostics.error(error)
        if why:
            routes = (unsupported_route(why, place),)
        if routes and not destinations.is_http(host, port):
            if not any(destinations.is_http(host, other) for other in destinations.hosts()[host]):
                _warn(destinations, host, f"port {port} is not HTTP: rules do not apply to calls")
            routes = ()
        elif routes and destinations.is_headless(host):
            _warn(destinations, host, "is headless: its callers choose the pod, by DNS")
        return routes or _plain(destinations, host, port)


def _by_labels(pods: Iterable[Pod]) -> Iterable[list[Pod]]:
    found: dict[frozenset[tuple[str, str]], list[Pod]] = {}
    for pod in pods:
        found.setdefault(frozenset(pod.labels.items()), []).append(pod)
    return found.values()


def _ruled(
    given: ServiceRules, host: Host, destinations: Destinations, side: Side
) -> tuple[Route, ...]:
    """The rules for a Service's port; (): none. Raises ManifestError for more than are planned."""
    if host in given.owners:
        return _first_rules(given.owners[host], destinations, side)
    bound = given.bound.get(host, {}).get(side.port)
    return rules_of(bound, destinations, in_mesh=True) if bound else ()


def _first_rules(
    reads: Iterable[Read], destinations: Destinations, side: Side
) -> tuple[Route, ...]:
    """The rules of the first VirtualService that has one for a call; (): none has."""
    found = (routes_of(*read, destinations, side) for read in reads)
    return next(filter(None, found), ())


def _literal_ports(
    destinations: Destinations, views: _Views, callers: Mapping[Caller, Iterable[Pod]]
) -> Iterator[ServicePort]:
    """The ports of hosts that are no Service, for the callers for which their rules count."""
    found = {
        caller: dict(_literal_routes(view.given, view.destinations))
        for caller, view in views.items()
    }
    for host, port in dict.fromkeys(key for routes in found.values() for key in routes):
        service = _service_behind(host, port, destinations)
        plain = _plain(destinations, service, port) if service else ()
        routes = found[ANY].get((host, port), plain)
        variants = [
            Variant(frozenset(pod.key for pod in pods), own)
            for caller, pods in callers.items()
            if (own := found[caller].get((host, port), plain)) != routes
        ]
        yield ServicePort(host, port, routes, (), plain, variants=tuple(variants))


def _literal_routes(
    given: ServiceRules, destinations: Destinations
) -> Iterator[tuple[tuple[Host, int], tuple[Route, ...]]]:
    """The rules for hosts that are no Service, which count for calls to that very name.

    Istio has them at port 80, and where the VirtualService names a Service with another, if HTTP is
    served there.
    """
    for name, reads in given.literal.items():
        host, alike = Host(name, ""), host_of(name, "")
        own = given.owners.get(alike) if alike else None
        if own and age_of(own[0][1].metadata) < age_of(reads[0][1].metadata):
            continue
        beside = [h for h, others in given.owners.items() for o in others if o[0] is reads[0][0]]
        numbers = {80, *(port for one in beside for port in destinations.hosts()[one])}
        for port in sorted(filter(destinations.declares_http, numbers)):
            service = _service_behind(host, port, destinations)
            if service and not destinations.declares_http(port, service):
                continue  # which is found by the Service's address, and not by the name
            if routes := _first_rules(reads, destinations, Side(_MESH, port, host)):
                yield (host, port), routes


def _service_behind(host: Host, port: int, destinations: Destinations) -> Host | None:
    """Return the Service that DNS finds for a host that is none, if it has this port."""
    alike = host_of(host.name, "")
    return alike if alike and port in destinations.hosts().get(alike, []) else None


def _plain(destinations: Destinations, host: Host, port: int) -> tuple[Route, ...]:
    """What a call gets where no rule counts; marked where that is not supported."""
    try:
        return (Route((), (Weighted(destinations.every_pod(host, port), 100),)),)
    except ManifestError as error:
        why = destinations.diagnostics.error(error)
        return (unsupported_route(why, destinations.resource(host).place("spec")),)


def _warn(destinations: Destinations, host: Host, message: str) -> None:
    finding = destinations.resource(host).finding("unrouted", "spec", message)
    destinations.diagnostics.warn(finding)
