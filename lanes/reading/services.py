"""Services as callers in the mesh see them: each port, with the routes that apply there."""

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
    Entry,
    ServiceRules,
    depends_on_caller,
    have_caller_matches,
    service_rules,
)
from lanes.reading.sides import Side
from lanes.reading.virtual_services import routes_of, unsupported_route

_MESH = frozenset({"mesh"})


@dataclass(frozen=True)
class _View:
    """The rules that apply for a caller, and the destinations that it finds."""

    rules: ServiceRules
    destinations: Destinations


_Views = Mapping[Caller, _View]


def service_ports(
    manifests: Manifests,
    destinations: Destinations,
    callers: Mapping[Caller, list[Pod]],
    gateway: Iterable[GatewayHost],
) -> tuple[ServicePort, ...]:
    """Return the ports of every Service, and of other hosts that have rules, with their routes.

    A call that no rule applies to leads to every pod of the Service.
    """
    views = _views(manifests, destinations, callers, [host.domain for host in gateway])
    ports = _Ports(destinations, views, callers)
    of_services = [
        ports.port(host, port) for host, numbers in destinations.hosts().items() for port in numbers
    ]
    return (*of_services, *_other_ports(destinations, views, callers))


def _views(
    manifests: Manifests,
    destinations: Destinations,
    callers: Iterable[Caller],
    gateway_domains: Collection[str],
) -> _Views:
    bound = at_services(manifests, destinations)
    rules = {
        caller: service_rules(manifests, destinations, bound, caller, gateway_domains)
        for caller in (ANY, *(callers if depends_on_caller(manifests, bound) else ()))
    }
    return {
        caller: _View(rules.get(caller, rules[ANY]), destinations.seen_from(caller.namespace))
        for caller in (ANY, *callers)
    }


class _Ports:
    """Makes the ports of Services, with variants for callers that get other routes."""

    def __init__(
        self,
        destinations: Destinations,
        views: _Views,
        callers: Mapping[Caller, list[Pod]],
    ) -> None:
        self._destinations, self._views, self._callers = destinations, views, callers

    def port(self, host: Host, port: int) -> ServicePort:
        """Return a port of a Service."""
        routes = self._routes(host, port, self._views[ANY], None)
        variants = [
            Variant(frozenset(pod.key for pod in pods), other)
            for view, pods in self._views_that_may_differ(host, routes)
            if (other := self._routes(host, port, view, pods[0])) != routes
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

    def _views_that_may_differ(
        self, host: Host, routes: tuple[Route, ...]
    ) -> Iterator[tuple[_View, list[Pod]]]:
        """Yield groups of pods that may get other routes than these, and what each group sees."""
        differ = self._destinations.differ_by_caller(routes, host)
        for caller, pods in self._callers.items():
            view = self._views[caller]
            if not caller.imports_service(host.namespace, host.fqdn):
                continue
            if have_caller_matches(view.rules.virtual_services.get(host, ())):
                yield from ((view, alike) for alike in _by_labels(pods))
            elif differ or not view.rules.is_alike(self._views[ANY].rules, host):
                yield view, pods

    def _routes(self, host: Host, port: int, view: _View, pod: Pod | None) -> tuple[Route, ...]:
        """Return the routes of a pod's calls; `pod` None: a pod that no rule names."""
        rules, destinations = view.rules, view.destinations
        if not destinations.is_visible(host):  # DNS finds the Service, and no rule applies
            return _plain(destinations, host, port)
        routes: tuple[Route, ...] = ()
        why = rules.unsupported.get(host, "")
        try:
            if not why:
                routes = _ruled(rules, host, destinations, Side(_MESH, port, host, pod))
        except ManifestError as error:
            why = destinations.diagnostics.error(error)
        if why:
            routes = (unsupported_route(why, destinations.resource(host).place("spec")),)
        if routes and not destinations.is_http(host, port):
            if not any(destinations.is_http(host, other) for other in destinations.hosts()[host]):
                _warn(destinations, host, f"port {port} is not HTTP: rules do not apply to calls")
            routes = ()
        elif routes and destinations.is_headless(host):
            _warn(destinations, host, "is headless: its callers choose the pod, by DNS")
        return routes or _plain(destinations, host, port)


def _by_labels(pods: Iterable[Pod]) -> Iterable[list[Pod]]:
    groups: dict[frozenset[tuple[str, str]], list[Pod]] = {}
    for pod in pods:
        groups.setdefault(frozenset(pod.labels.items()), []).append(pod)
    return groups.values()


def _ruled(
    rules: ServiceRules, host: Host, destinations: Destinations, side: Side
) -> tuple[Route, ...]:
    """Return the routes that rules give a Service's port; (): no rule applies.

    Raises ManifestError if there are more rules than are planned.
    """
    if host in rules.virtual_services:
        _, routes = _first_routes(rules.virtual_services[host], destinations, side)
        return routes
    bound = rules.http_routes.get(host, {}).get(side.port)
    return rules_of(bound, destinations, in_mesh=True) if bound else ()


def _first_routes(
    entries: Iterable[Entry], destinations: Destinations, side: Side
) -> tuple[Entry | None, tuple[Route, ...]]:
    """Return the first VirtualService that has routes for `side`, and them; None, (): none has."""
    ruled = ((entry, routes_of(*entry, destinations, side)) for entry in entries)
    return next((one for one in ruled if one[1]), (None, ()))


def _other_ports(
    destinations: Destinations, views: _Views, callers: Mapping[Caller, Iterable[Pod]]
) -> Iterator[ServicePort]:
    """Yield the ports of hosts that are not Services, for callers to which their rules apply."""
    by_caller = {
        caller: dict(_other_routes(view.rules, view.destinations)) for caller, view in views.items()
    }
    for host, port in dict.fromkeys(key for routes in by_caller.values() for key in routes):
        service = _service_behind(host, port, destinations)
        plain = _plain(destinations, service, port) if service else ()
        routes = by_caller[ANY].get((host, port), plain)
        variants = [
            Variant(frozenset(pod.key for pod in pods), other)
            for caller, pods in callers.items()
            if (other := by_caller[caller].get((host, port), plain)) != routes
        ]
        yield ServicePort(host, port, routes, (), plain, variants=tuple(variants))


def _other_routes(
    rules: ServiceRules, destinations: Destinations
) -> Iterator[tuple[tuple[Host, int], tuple[Route, ...]]]:
    """Yield the routes of hosts that are not Services; they apply to calls to that very name.

    Istio has them at port 80. If the VirtualService also names a Service, Istio has them at that
    Service's ports too, where HTTP is served. Older rules of the Service behind the name take its
    calls.
    """
    for name, entries in rules.other_hosts.items():
        host = Host(name, "")
        numbers = {80}
        for other, others in rules.virtual_services.items():
            if any(resource is entries[0][0] for resource, _ in others):
                numbers.update(destinations.hosts()[other])
        for port in sorted(filter(destinations.declares_http, numbers)):
            behind = _service_behind(host, port, destinations)
            if behind and not destinations.declares_http(port, behind):
                continue  # proxies route such a call by the Service's address, not by the name
            entry, routes = _first_routes(entries, destinations, Side(_MESH, port, host))
            of_service = rules.virtual_services.get(behind, ()) if behind else ()
            own, _ = _first_routes(of_service, destinations, Side(_MESH, port, behind))
            if entry and not (own and age_of(own[1].metadata) < age_of(entry[1].metadata)):
                yield (host, port), routes


def _service_behind(host: Host, port: int, destinations: Destinations) -> Host | None:
    """Return the Service with this port that DNS finds for a host that is not a Service."""
    service = host_of(host.name, "")
    return service if service and port in destinations.hosts().get(service, []) else None


def _plain(destinations: Destinations, host: Host, port: int) -> tuple[Route, ...]:
    """Return the route to every pod of a Service, marked if that is not supported."""
    try:
        return (Route((), (Weighted(destinations.every_pod(host, port), 100),)),)
    except ManifestError as error:
        why = destinations.diagnostics.error(error)
        return (unsupported_route(why, destinations.resource(host).place("spec")),)


def _warn(destinations: Destinations, host: Host, message: str) -> None:
    finding = destinations.resource(host).finding("unrouted", "spec", message)
    destinations.diagnostics.warn(finding)
