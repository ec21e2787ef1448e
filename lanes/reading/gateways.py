"""What gateways serve: the domains of their servers, with the rules that VirtualServices bring."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from lanes.mesh.diagnostics import Diagnostics, Finding
from lanes.mesh.hostnames import Served, covers, gateway_meant, host_in_manifest, patterns
from lanes.mesh.model import GatewayHost, Pod, Route
from lanes.reading import kinds
from lanes.reading.destinations import Destinations
from lanes.reading.exported import PUBLIC, is_restricted, level_in
from lanes.reading.gateway_homes import Homes, homes_of
from lanes.reading.gateway_servers import Gateways, Key, Listener, Server
from lanes.reading.httproutes import Bound, rules_of
from lanes.reading.manifests import Manifests, Resource
from lanes.reading.merging import Brought, merged
from lanes.reading.parents import RouteListener, absent, at_gateways
from lanes.reading.sides import Side
from lanes.reading.virtual_services import routes_of, unsupported_route

_Served = dict[str, list[Brought]]


@dataclass(frozen=True)
class _Serving:
    """What a listener serves for one domain, and a resource that brought it."""

    listener: Listener | RouteListener
    domain: str
    routes: tuple[Route, ...]
    resource: Resource

    @property
    def redirects(self) -> bool:
        """Whether every rule only sends elsewhere."""
        return all(not r.destinations and 300 <= r.status < 400 for r in self.routes)

    def rivals(self, other: "_Serving") -> bool:
        """Whether the other, of a domain that meets this one, has other rules elsewhere."""
        return self.listener != other.listener and self.routes != other.routes


def gateway_hosts(
    manifests: Manifests,
    destinations: Destinations,
    pods: tuple[Pod, ...],
    diagnostics: Diagnostics,
) -> tuple[GatewayHost, ...]:
    """Everything that gateways serve, by domain."""
    _require_known(manifests, diagnostics)
    with diagnostics.gathered(fatal=True):
        stock = _of_virtual_services(manifests, destinations, pods, diagnostics)
        routed = _of_http_routes(at_gateways(manifests, diagnostics), destinations)
        return _planned((*stock, *routed), destinations)
    return ()


def _require_known(manifests: Manifests, diagnostics: Diagnostics) -> None:
    """Report what is not supported of a whole gateway, so that it may serve anything."""
    for resource, _ in (*manifests.of(kinds.Gateway), *manifests.of(kinds.gateway_api.Gateway)):
        for field in resource.left_out:
            if not field.startswith(("spec.servers[", "spec.listeners[")):
                diagnostics.error(resource.error(field, "is not supported"), fatal=True)


def _of_http_routes(
    listeners: Mapping[RouteListener, Mapping[str, list[Bound]]], destinations: Destinations
) -> list[_Serving]:
    return [
        _Serving(listener, domain, rules_of(bound, view, in_mesh=False), bound[0][0])
        for listener, served in listeners.items()
        for view in [destinations.seen_from(listener.gateway[0])]
        for domain, bound in served.items()
    ]


def _of_virtual_services(
    manifests: Manifests,
    destinations: Destinations,
    pods: tuple[Pod, ...],
    diagnostics: Diagnostics,
) -> list[_Serving]:
    gateways = Gateways(manifests)
    homes = homes_of(gateways.here, pods)
    listeners: dict[Listener, _Served] = {}
    for resource, body in manifests.of(kinds.VirtualService):
        with diagnostics.gathered():
            _bind(resource, body, gateways, homes, listeners, destinations)
    counting = {
        one.resource.place("")
        for served in listeners.values()
        for one in _all(served)
        if one.routes
    }
    serving: list[_Serving] = []
    for listener, served in listeners.items():
        for domain, brought in served.items():
            if ruling := [one for one in brought if one.routes]:
                routes = merged(ruling, destinations.diagnostics)
                serving.append(_Serving(listener, domain, routes, ruling[0].resource))
            elif brought[0].resource.place("") in counting:
                message = (
                    f"no rule applies at port {listener.port}: requests for {domain} get 404 there"
                )
                diagnostics.warn(brought[0].resource.finding("port-unserved", "spec.http", message))
    return serving


def _planned(serving: Iterable[_Serving], destinations: Destinations) -> tuple[GatewayHost, ...]:
    """What is planned for each domain: of listeners with other rules each the first.

    A listener that only redirects goes last: it sends everybody to another.
    """
    hosts: dict[str, _Serving] = {}
    for one in sorted(serving, key=lambda one: one.redirects):
        if any(one.rivals(other) for other in _met(one.domain, hosts)):
            if not one.redirects:
                destinations.diagnostics.warn(_not_planned(one))
        else:
            hosts.setdefault(one.domain, one)
    return tuple(GatewayHost(domain, one.routes) for domain, one in hosts.items())


def _met(domain: str, hosts: Mapping[str, _Serving]) -> Iterator[_Serving]:
    """Yield what is served for domains of which one covers the other."""
    yield from (hosts[pattern] for pattern in patterns(domain) if pattern in hosts)
    if domain.startswith("*"):
        yield from (host for other, host in hosts.items() if covers(domain, other))


def _not_planned(one: _Serving) -> Finding:
    return one.resource.finding(
        "another-gateway",
        "spec.parentRefs" if isinstance(one.listener, RouteListener) else "spec.gateways",
        f"not planned: for {one.domain} another Gateway, with another selector or port, has"
        " other rules; plan them one at a time",
    )


def _bind(
    resource: Resource,
    body: kinds.VirtualService,
    gateways: Gateways,
    homes: Mapping[Key, Homes],
    listeners: dict[Listener, _Served],
    destinations: Destinations,
) -> None:
    """Bring a VirtualService's rules to every server that takes its hosts."""
    namespace = body.metadata.namespace
    hosts = [_full(host, namespace) for host in body.spec.hosts]
    refused: list[Served] = []
    bound = False
    for index, name in enumerate(body.spec.gateways):
        if name == "mesh":
            continue
        key = gateway_meant(name, namespace)
        field, why = f"spec.gateways[{index}]", "the Gateway is not in these manifests"
        home = homes.get(key) or Homes.assume([key[0]], resource, field, why)
        for one in _servers(resource, index, key, namespace, gateways, destinations):
            domains = one.hosts.common(hosts)
            refused.append(one.hosts)
            bound = bound or bool(domains)
            level: int | None = PUBLIC
            routes: tuple[Route, ...] = (one.redirect,) if one.redirect else ()
            if domains and not routes:
                level, routes = _of_rules(resource, body, destinations, one.side, home)
            if level is None:
                destinations.diagnostics.warn(_not_exported(resource, name, home))
                continue
            for domain in domains:  # Istio serves none that has no rule
                brought = listeners.setdefault(one.listener, {}).setdefault(domain, [])
                if not brought or brought[-1].resource is not resource:
                    brought.append(Brought(resource, body.metadata, level, routes))
    if refused and not bound:
        names = ", ".join(name for name in body.spec.gateways if name != "mesh")
        each = [list(served) or [f"nothing of namespace {namespace}"] for served in refused]
        taken = ", ".join(dict.fromkeys(chain.from_iterable(each)))
        message = (
            f"none is served by gateway {names} ({taken}): its rules apply to no request there"
        )
        destinations.diagnostics.warn(resource.finding("not-attached", "spec.hosts", message))


def _not_exported(resource: Resource, name: str, home: Homes) -> Finding:
    message = (
        f"gateway {name} runs in namespace {' or '.join(home.namespaces)}, which these rules are"
        " not exported to: they apply to no request there"
    )
    return resource.finding("not-exported", "spec.exportTo", message)


def _of_rules(
    resource: Resource,
    body: kinds.VirtualService,
    destinations: Destinations,
    side: Side,
    home: Homes,
) -> tuple[int | None, tuple[Route, ...]]:
    """Return how the rules of a VirtualService count at a gateway (None: not at all), and them.

    Where that depends on which of its pods a request meets, it is not supported.
    """
    own, exports = body.metadata.namespace, body.spec.export_to
    levels = [level_in(exports, own, namespace) for namespace in home.namespaces]
    views = map(destinations.seen_from, home.namespaces)
    routes, *others = (routes_of(resource, body, view, side) for view in views)
    if is_restricted(exports) or destinations.differ(routes):
        home.warn(destinations.diagnostics)
    problem = "counts in some namespaces, and the gateway's pods may run in several"
    if len({level is None for level in levels}) > 1:
        why = destinations.diagnostics.error(resource.error("spec.exportTo", problem))
        return PUBLIC, (unsupported_route(why, resource.place("spec")),)
    if all(other == routes for other in others):
        return levels[0], routes
    why = f"a DestinationRule or a Service of its routes {problem}"
    return levels[0], tuple(
        replace(route, unsupported=why) if destinations.differ([route]) else route
        for route in routes
    )


def _full(host: str, namespace: str) -> str:
    """A host by its full name: a short one means a Service, at a gateway as well."""
    meant = host_in_manifest(host, namespace)
    return meant.fqdn if meant and "*" not in host else host


def _servers(
    resource: Resource,
    index: int,
    key: Key,
    namespace: str,
    gateways: Gateways,
    destinations: Destinations,
) -> list[Server]:
    """The HTTP servers of a gateway, each with the hosts that it takes from `namespace`.

    A gateway that is not here while others are is none, and gives 404. Where none is here, all
    stand elsewhere, and serve any host.
    """
    named, field = "/".join(key), f"spec.gateways[{index}]"
    if key in gateways.here:
        return gateways.servers(key, namespace)
    if gateways.here:
        destinations.diagnostics.warn(absent(resource, field, key, gateways.here))
        return []
    message = (
        f"{named} is not in these manifests: planned as a Gateway that serves every host"
        " on port 80; if the cluster has none, requests get 404"
    )
    destinations.diagnostics.warn(resource.finding("gateway-given", field, message))
    side = Side(frozenset({named}), 80)
    return [Server(Listener(frozenset({("", named)}), 80), side, Served(["*"]))]


def _all(served: _Served) -> Iterator[Brought]:
    return (one for brought in served.values() for one in brought)
