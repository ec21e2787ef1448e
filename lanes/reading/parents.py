"""Attaches HTTPRoutes to their parents: Gateways' listeners, and the ports of Services."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from lanes.errors import ManifestError
from lanes.mesh.diagnostics import Diagnostics, Finding
from lanes.mesh.hostnames import Served, covers
from lanes.mesh.model import Host
from lanes.reading import kinds
from lanes.reading.destinations import Destinations
from lanes.reading.httproutes import Bound
from lanes.reading.imports import Caller
from lanes.reading.kinds import gateway_api, http_route
from lanes.reading.listener_sets import Key, Listeners, listeners_of
from lanes.reading.manifests import Manifests, Resource

_ByPort = Mapping[int, list[Bound]]


@dataclass(frozen=True)
class _Reference:
    """One of a route's parentRefs; `field`: its path in the route."""

    resource: Resource
    body: http_route.HTTPRoute
    field: str
    ref: http_route.ParentReference

    @property
    def key(self) -> Key:
        return self.ref.namespace or self.resource.namespace, self.ref.name

    @property
    def bound(self) -> Bound:
        return self.resource, self.body

    @property
    def hostnames(self) -> list[str]:
        return self.body.spec.hostnames or ["*"]


@dataclass(frozen=True)
class RouteListener:
    """A listener of a Gateway: its port or, without the Gateway, what routes name of it."""

    gateway: Key
    section: str = ""
    port: int | None = None


@dataclass(frozen=True)
class AtServices:
    """The HTTPRoutes of Services, by port.

    `producers`: routes in a Service's own namespace, for all callers. `consumers`: by namespace,
    the routes for callers there, which replace the producers' at a port. `unsupported`: Services
    with a route that is not supported, and why.
    """

    producers: Mapping[Host, _ByPort]
    consumers: Mapping[str, Mapping[Host, _ByPort]]
    unsupported: Mapping[Host, str]

    def for_caller(self, caller: Caller) -> Mapping[Host, _ByPort]:
        """Return the routes that apply to a caller, of those that its Sidecar imports."""
        producers = {
            host: routes
            for host, routes in self.producers.items()
            if caller.imports_rules(host.namespace, (host.fqdn,))
        }
        namespace = caller.namespace or ""
        consumers = {
            host: routes
            for host, routes in self.consumers.get(namespace, {}).items()
            if caller.imports_rules(namespace, (host.fqdn,))
        }
        return {
            host: {**producers.get(host, {}), **consumers.get(host, {})}
            for host in dict.fromkeys((*producers, *consumers))
        }


def at_services(manifests: Manifests, destinations: Destinations) -> AtServices:
    """Return the HTTPRoutes of each Service's ports, which apply to callers in the mesh."""
    producers: dict[Host, dict[int, list[Bound]]] = {}
    consumers: dict[str, dict[Host, dict[int, list[Bound]]]] = {}
    unsupported: dict[Host, str] = {}
    first: dict[Host, http_route.ParentReference] = {}
    for reference in _references(manifests, of_mesh=True):
        host, namespace = None, reference.resource.namespace
        with destinations.diagnostics.gathered():
            field, (of, name) = f"{reference.field}.name", reference.key
            host = destinations.service_named(reference.resource, field, name, of)
        if host is None:
            continue
        is_producer = host.namespace == namespace
        routes = producers if is_producer else consumers.setdefault(namespace, {})
        try:
            for port in _ports(reference, host, first, destinations):
                _add(routes.setdefault(host, {}).setdefault(port, []), reference.bound)
        except ManifestError as error:
            unsupported[host] = destinations.diagnostics.error(error)
    return AtServices(producers, consumers, unsupported)


def _ports(
    reference: _Reference,
    host: Host,
    first: dict[Host, http_route.ParentReference],
    destinations: Destinations,
) -> list[int]:
    """Return the ports of a Service that a route is attached to.

    `first`: the first reference to each Service. Raises ManifestError if the Service lacks the
    port, or if Istio would not merge the route with the first.
    """
    ref, field = reference.ref, f"{reference.field}.port"
    if (first.setdefault(host, ref).port is None) != (ref.port is None):
        raise reference.resource.error(
            field,
            f"some HTTPRoutes of {ref.name} name its port and some don't, and Istio merges"
            " only those that do alike; name it in all",
        )
    if ref.port is None:
        return destinations.hosts()[host]
    return [destinations.port(reference.resource, field, host, ref.port)]


def at_gateways(
    manifests: Manifests, diagnostics: Diagnostics
) -> dict[RouteListener, dict[str, list[Bound]]]:
    """Return the HTTPRoutes of each domain that a Gateway serves, by listener.

    If the manifests have no Gateway, each one that is named is assumed to serve any host; else one
    that is absent serves nothing. Warns of routes that a Gateway does not accept.
    """
    labels = {body.metadata.name: body.metadata.labels for _, body in manifests.of(kinds.Namespace)}
    gateways, sets = listeners_of(manifests, labels, diagnostics)
    diagnostics.warn(*_without_parent(manifests))
    references = list(_references(manifests, of_mesh=False))
    named = _named_listeners(references)
    bound: dict[RouteListener, dict[str, list[Bound]]] = {}
    for reference in references:
        parent = (sets if reference.ref.kind == "ListenerSet" else gateways).get(reference.key)
        listeners: Mapping[RouteListener, list[str]]
        if parent:
            listeners = _attached(reference, parent, labels, diagnostics)
        elif gateways:
            warning = absent(reference.resource, reference.field, reference.key, gateways)
            diagnostics.warn(warning)
            continue
        else:
            listener = _named_listener(reference)
            is_any = listener == RouteListener(reference.key)
            assumed = named.get(reference.key, [listener]) if is_any else [listener]
            listeners = dict.fromkeys(assumed, Served(["*"]).common(reference.hostnames))
        for listener, domains in listeners.items():
            for domain in domains:
                _add(bound.setdefault(listener, {}).setdefault(domain, []), reference.bound)
    return bound


def _named_listener(reference: _Reference) -> RouteListener:
    return RouteListener(reference.key, reference.ref.section_name, reference.ref.port)


def _named_listeners(references: Iterable[_Reference]) -> Mapping[Key, list[RouteListener]]:
    """Return the listeners that references name by section or port, by Gateway."""
    named: dict[Key, list[RouteListener]] = {}
    for reference in references:
        listener = _named_listener(reference)
        if listener != RouteListener(reference.key):
            named.setdefault(reference.key, []).append(listener)
    return named


def absent(resource: Resource, field: str, key: Key, gateways: Collection[Key]) -> Finding:
    """Return the warning that `field` names a Gateway which the manifests lack."""
    same_name = [other for other in gateways if other[1] == key[1]]
    instead = f" ({'/'.join(same_name[0])} is)" if same_name else ""
    message = f"{'/'.join(key)} is not among the Gateways here{instead}: requests there get 404"
    return resource.finding("gateway-absent", field, message)


def _references(manifests: Manifests, *, of_mesh: bool) -> Iterator[_Reference]:
    for resource, body in manifests.of(http_route.HTTPRoute):
        for index, ref in enumerate(body.spec.parent_refs):
            if ref.of_mesh == of_mesh:
                yield _Reference(resource, body, f"spec.parentRefs[{index}]", ref)


def _without_parent(manifests: Manifests) -> Iterator[Finding]:
    for resource, body in manifests.of(http_route.HTTPRoute):
        if not body.spec.parent_refs:
            message = "none is named: the route applies to nothing"
            yield resource.finding("not-attached", "spec.parentRefs", message)


def _add(routes: list[Bound], route: Bound) -> None:
    if route not in routes:
        routes.append(route)


def _attached(
    reference: _Reference,
    parent: Listeners,
    labels: Mapping[str, Mapping[str, str]],
    diagnostics: Diagnostics,
) -> Mapping[RouteListener, list[str]]:
    """Return the listeners that accept a route, with its domains; {}, and a warning: none does.

    `labels` are those of namespaces.
    """
    ref, namespace, kind = reference.ref, reference.resource.namespace, reference.resource.kind

    def rejected(field: str, message: str) -> Mapping[RouteListener, list[str]]:
        warning = f"{message}: it applies to none"
        diagnostics.warn(reference.resource.finding("not-attached", field, warning))
        return {}

    named = [
        each
        for each in parent.own
        if ref.section_name in ("", each.name) and ref.port in (None, each.port)
    ]
    if not named:
        known = ", ".join(f"{each.name} at {each.port}" for each in parent.own)
        only = known or "none that is known"
        return rejected(reference.field, f"{ref.kind} {ref.name} has no such listener, only {only}")
    route_labels = {**labels.get(namespace, {}), "kubernetes.io/metadata.name": namespace}
    route = reference.resource
    accepting = [each for each in named if _accepts(each, parent.namespace, route, route_labels)]
    if not accepting:
        by_label = any(each.allowed_routes.namespaces.from_ == "Selector" for each in named)
        limit = ", as far as its labels are known here" if by_label else ""
        message = f"{ref.kind} {ref.name} takes no {kind}s from namespace {namespace}{limit}"
        return rejected(reference.field, message)
    listeners = _domains(accepting, parent, reference.hostnames)
    if not listeners:
        served = ", ".join(each.hostname for each in accepting)
        message = f"none is served by {ref.kind} {ref.name} ({served})"
        return rejected("spec.hostnames", message)
    return listeners


def _domains(
    accepting: Iterable[gateway_api.Listener], parent: Listeners, hostnames: Iterable[str]
) -> Mapping[RouteListener, list[str]]:
    """Return the domains that a route with these hostnames has at the listeners that accept it.

    Of a port's listeners, only the one with the longest hostname serves a domain.
    """
    listeners: dict[RouteListener, list[str]] = {}
    for each in accepting:
        same_port = [other for other in parent.all if other.http and other.port == each.port]
        for domain in Served([each.hostname]).common(hostnames):
            covering = (other for other in same_port if covers(other.hostname, domain))
            if each == max(covering, key=lambda other: len(other.hostname), default=None):
                listener = RouteListener(parent.gateway, port=each.port)
                listeners.setdefault(listener, []).append(domain)
    return listeners


def _accepts(
    listener: gateway_api.Listener, namespace: str, route: Resource, labels: Mapping[str, str]
) -> bool:
    """Tell whether a listener in `namespace` accepts a route from a namespace with `labels`."""
    wanted, allowed = listener.allowed_routes.namespaces, listener.allowed_routes.kinds
    if wanted.from_ == "Selector":
        from_namespace = wanted.selector.match_labels.items() <= labels.items()
    else:
        from_namespace = wanted.from_ == "All" or namespace == route.namespace
    kinds_allowed = [(kind.group, kind.kind) for kind in allowed]
    of_kind = not kinds_allowed or (gateway_api.GROUP, route.kind) in kinds_allowed
    return listener.http and from_namespace and of_kind
