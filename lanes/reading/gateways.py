"""The domains that gateways serve, each with its routes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from lanes.mesh.diagnostics import Diagnostics, Finding, Place
from lanes.mesh.hostnames import Served, covers, gateway_meant, host_in_manifest, patterns
from lanes.mesh.model import GatewayHost, Pod, Route
from lanes.reading import kinds
from lanes.reading.destinations import Destinations
from lanes.reading.exported import PUBLIC, is_restricted, level_in
from lanes.reading.gateway_pods import GatewayPods, gateway_pods
from lanes.reading.gateway_servers import Gateways, Listener, Server
from lanes.reading.httproutes import rules_of
from lanes.reading.manifests import Manifests, Resource
from lanes.reading.merging import Brought, merged
from lanes.reading.parents import RouteListener, absent, at_gateways
from lanes.reading.sides import Side
from lanes.reading.virtual_services import routes_of, unsupported_route


@dataclass(frozen=True)
class _Serving:
    """The routes of a listener for one domain, and a resource that brought them."""

    listener: Listener | RouteListener
    domain: str
    routes: tuple[Route, ...]
    resource: Resource

    @property
    def redirects(self) -> bool:
        """Whether every route is a redirect."""
        return all(not r.destinations and 300 <= r.status < 400 for r in self.routes)

    def conflicts(self, other: "_Serving") -> bool:
        """Tell whether another listener, for a domain that overlaps, has other routes."""
        return self.listener != other.listener and self.routes != other.routes


def gateway_hosts(
    manifests: Manifests, destinations: Destinations, pods: tuple[Pod, ...]
) -> tuple[GatewayHost, ...]:
    """Return every domain that a gateway serves, with its routes."""
    _require_supported(manifests, destinations.diagnostics)
    with destinations.diagnostics.gathered(fatal=True):
        serving = list(_VirtualServices(manifests, destinations, pods).serving())
        serving += _of_http_routes(manifests, destinations)
        return _planned(serving, destinations.diagnostics)
    return ()


def _require_supported(manifests: Manifests, diagnostics: Diagnostics) -> None:
    """Report what is not supported of a whole Gateway: such a gateway may serve anything."""
    for resource, _ in (*manifests.of(kinds.Gateway), *manifests.of(kinds.gateway_api.Gateway)):
        for field in resource.left_out:
            if not field.startswith(("spec.servers[", "spec.listeners[")):
                diagnostics.error(resource.error(field, "is not supported"), fatal=True)


def _of_http_routes(manifests: Manifests, destinations: Destinations) -> list[_Serving]:
    return [
        _Serving(listener, domain, rules_of(bound, view, in_mesh=False), bound[0][0])
        for listener, served in at_gateways(manifests, destinations.diagnostics).items()
        for view in [destinations.seen_from(listener.gateway[0])]
        for domain, bound in served.items()
    ]


def _planned(serving: Iterable[_Serving], diagnostics: Diagnostics) -> tuple[GatewayHost, ...]:
    """Return what is planned for each domain: of listeners that conflict, the first.

    A listener that only redirects comes last: its clients come back to another listener.
    """
    hosts: dict[str, _Serving] = {}
    for one in sorted(serving, key=lambda one: one.redirects):
        if any(one.conflicts(other) for other in _overlapping(one.domain, hosts)):
            if not one.redirects:
                diagnostics.warn(_not_planned(one))
        else:
            hosts.setdefault(one.domain, one)
    return tuple(GatewayHost(domain, one.routes) for domain, one in hosts.items())


def _overlapping(domain: str, hosts: Mapping[str, _Serving]) -> Iterator[_Serving]:
    """Yield what is served for domains that cover `domain`, or that it covers."""
    yield from (hosts[pattern] for pattern in patterns(domain) if pattern in hosts)
    if domain.startswith("*"):
        yield from (host for other, host in hosts.items() if covers(domain, other))


def _not_planned(serving: _Serving) -> Finding:
    return serving.resource.finding(
        "another-gateway",
        "spec.parentRefs" if isinstance(serving.listener, RouteListener) else "spec.gateways",
        f"not planned: for {serving.domain} another Gateway, with another selector or port, has"
        " other rules; plan them one at a time",
    )


class _VirtualServices:
    """The rules that VirtualServices bring to each listener and domain."""

    def __init__(
        self, manifests: Manifests, destinations: Destinations, pods: tuple[Pod, ...]
    ) -> None:
        self._destinations, self._diagnostics = destinations, destinations.diagnostics
        self._gateways = Gateways(manifests)
        self._pods = gateway_pods(self._gateways.here, pods)
        self._listeners: dict[Listener, dict[str, list[Brought]]] = {}
        self._with_rules: set[Place] = set()
        for resource, body in manifests.of(kinds.VirtualService):
            with self._diagnostics.gathered():
                self._bind(resource, body)

    def serving(self) -> Iterator[_Serving]:
        """Yield what each listener serves; warn of VirtualServices without a rule for its port."""
        for listener, served in self._listeners.items():
            for domain, brought in served.items():
                first = brought[0].resource
                if ruling := [one for one in brought if one.routes]:
                    routes = merged(ruling, self._diagnostics)
                    yield _Serving(listener, domain, routes, ruling[0].resource)
                elif first.place("") in self._with_rules:
                    message = (
                        f"no rule applies at port {listener.port}: requests for {domain} get 404"
                        " there"
                    )
                    self._diagnostics.warn(first.finding("port-unserved", "spec.http", message))

    def _bind(self, resource: Resource, body: kinds.VirtualService) -> None:
        """Bring a VirtualService's rules to every server that takes its hosts."""
        namespace = body.metadata.namespace
        hosts = [_full_name(host, namespace) for host in body.spec.hosts]
        served: list[Served] = []
        bound = False
        for index, name in enumerate(body.spec.gateways):
            for server in self._servers(resource, index, name) if name != "mesh" else ():
                served.append(server.hosts)
                if domains := server.hosts.common(hosts):
                    self._bring(resource, body, index, server, domains)
                    bound = True
        if served and not bound:
            names = ", ".join(name for name in body.spec.gateways if name != "mesh")
            each = [list(hosts) or [f"nothing of namespace {namespace}"] for hosts in served]
            known = ", ".join(dict.fromkeys(chain.from_iterable(each)))
            message = (
                f"none is served by gateway {names} ({known}): its rules apply to no request there"
            )
            self._diagnostics.warn(resource.finding("not-attached", "spec.hosts", message))

    def _servers(self, resource: Resource, index: int, name: str) -> list[Server]:
        """Return the HTTP servers of the Gateway that `spec.gateways[index]` names.

        A Gateway that is absent from the manifests serves any host if they have no Gateway at all;
        else it does not exist.
        """
        key, field = gateway_meant(name, resource.namespace), f"spec.gateways[{index}]"
        if key in self._gateways.here:
            return self._gateways.servers(key, resource.namespace)
        if self._gateways.here:
            self._diagnostics.warn(absent(resource, field, key, self._gateways.here))
            return []
        full_name = "/".join(key)
        message = (
            f"{full_name} is not in these manifests: planned as a Gateway that serves every host"
            " on port 80; if the cluster has none, requests get 404"
        )
        self._diagnostics.warn(resource.finding("gateway-given", field, message))
        side = Side(frozenset({full_name}), 80)
        return [Server(Listener(frozenset({("", full_name)}), 80), side, Served(["*"]))]

    def _bring(
        self,
        resource: Resource,
        body: kinds.VirtualService,
        index: int,
        server: Server,
        domains: list[str],
    ) -> None:
        """Bring a VirtualService's rules, or a server's redirect, to the server's domains."""
        name = body.spec.gateways[index]
        key = gateway_meant(name, resource.namespace)
        field, why = f"spec.gateways[{index}]", "the Gateway is not in these manifests"
        pods = self._pods.get(key) or GatewayPods.assume([key[0]], resource, field, why)
        level: int | None = PUBLIC
        routes: tuple[Route, ...] = (server.redirect,) if server.redirect else ()
        if not routes:
            level, routes = self._rules(resource, body, server.side, pods)
        if level is None:
            message = (
                f"gateway {name} runs in namespace {' or '.join(pods.namespaces)}, which these"
                " rules are not exported to: they apply to no request there"
            )
            self._diagnostics.warn(resource.finding("not-exported", "spec.exportTo", message))
            return
        for domain in domains:
            brought = self._listeners.setdefault(server.listener, {}).setdefault(domain, [])
            if not brought or brought[-1].resource is not resource:
                brought.append(Brought(resource, body.metadata, level, routes))
                if routes:
                    self._with_rules.add(resource.place(""))

    def _rules(
        self, resource: Resource, body: kinds.VirtualService, side: Side, pods: GatewayPods
    ) -> tuple[int | None, tuple[Route, ...]]:
        """Return the level of a VirtualService's rules at a gateway (None: not exported), and them.

        Rules that differ between the namespaces of the gateway's pods are not supported.
        """
        exports = body.spec.export_to
        levels = [level_in(exports, resource.namespace, name) for name in pods.namespaces]
        views = map(self._destinations.seen_from, pods.namespaces)
        routes, *others = (routes_of(resource, body, view, side) for view in views)
        if is_restricted(exports) or self._destinations.differ_by_caller(routes):
            pods.warn(self._diagnostics)
        problem = "counts in some namespaces, and the gateway's pods may run in several"
        if len({level is None for level in levels}) > 1:
            why = self._diagnostics.error(resource.error("spec.exportTo", problem))
            return PUBLIC, (unsupported_route(why, resource.place("spec")),)
        if all(other == routes for other in others):
            return levels[0], routes
        why = f"a DestinationRule or a Service of its routes {problem}"
        return levels[0], tuple(
            replace(route, unsupported=why)
            if self._destinations.differ_by_caller([route])
            else route
            for route in routes
        )


def _full_name(host: str, namespace: str) -> str:
    """Return a host's full name: at a gateway, too, a short name means a Service."""
    service = host_in_manifest(host, namespace)
    return service.fqdn if service and "*" not in host else host
