"""What HTTPRoutes are bound to: the domains of a Gateway, and the ports of Services."""

from collections.abc import Collection, Iterator, Mapping
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
from lanes.reading.listener_sets import Listeners, listeners_of
from lanes.reading.manifests import Manifests, Resource

_Reference = tuple[Resource, http_route.HTTPRoute, str, http_route.ParentReference]
"""A route, and one of its parents with the field that names it."""

_Key = tuple[str, str]


@dataclass(frozen=True)
class _From:
    """A route's kind, and the namespace that it is in, with the labels that are known of that."""

    kind: str
    namespace: str
    known: Mapping[str, str]

    @property
    def labels(self) -> Mapping[str, str]:
        return {**self.known, "kubernetes.io/metadata.name": self.namespace}


@dataclass(frozen=True)
class RouteListener:
    """Where a Gateway listens: a port of one that is here, else what routes name of it."""

    gateway: _Key
    section: str = ""
    port: int | None = None


@dataclass(frozen=True)
class AtServices:
    """The HTTPRoutes of Services' ports.

    `producers` stand beside their Service and count for all callers, but for those of a namespace
    that has `consumers`' routes of its own. `unsupported`: the Services with a route that is not
    supported, and why.
    """

    producers: Mapping[Host, Mapping[int, list[Bound]]]
    consumers: Mapping[str, Mapping[Host, Mapping[int, list[Bound]]]]
    unsupported: Mapping[Host, str]

    def for_caller(self, caller: Caller) -> Mapping[Host, Mapping[int, list[Bound]]]:
        """The routes that count for a caller, of those that its Sidecar imports."""
        beside = {
            host: routes
            for host, routes in self.producers.items()
            if caller.imports_rules(host.namespace, (host.fqdn,))
        }
        space = caller.namespace or ""
        own = {
            host: routes
            for host, routes in self.consumers.get(space, {}).items()
            if caller.imports_rules(space, (host.fqdn,))
        }
        return {
            host: {**beside.get(host, {}), **own.get(host, {})}
            for host in dict.fromkeys((*beside, *own))
        }


def at_services(manifests: Manifests, destinations: Destinations) -> AtServices:
    """Return the HTTPRoutes of each Service's ports, which count for callers in the mesh."""
    found: dict[Host, dict[int, list[Bound]]] = {}
    consumers: dict[str, dict[Host, dict[int, list[Bound]]]] = {}
    marks: dict[Host, str] = {}
    styles: dict[Host, http_route.ParentReference] = {}
    for resource, body, field, ref in _references(manifests):
        if not ref.of_mesh:
            continue
        namespace = body.metadata.namespace
        host = None
        with destinations.diagnostics.gathered():
            of = ref.namespace or namespace
            host = destinations.service_named(resource, f"{field}.name", ref.name, of)
        if host is None:
            continue
        own = found if host.namespace == namespace else consumers.setdefault(namespace, {})
        try:
            for port in _ports(resource, field, ref, host, styles, destinations):
                _add(own.setdefault(host, {}).setdefault(port, []), (resource, body))
        except ManifestError as error:
            marks[host] = destinations.diagnostics.error(error)
    return AtServices(found, consumers, marks)


def _ports(
    resource: Resource,
    field: str,
    ref: http_route.ParentReference,
    host: Host,
    styles: dict[Host, http_route.ParentReference],
    destinations: Destinations,
) -> list[int]:
    """The ports of a Service that a route is bound to.

    Raises ManifestError for a port that is not here, and for routes that Istio would not merge.
    """
    if (styles.setdefault(host, ref).port is None) != (ref.port is None):
        raise resource.error(
            f"{field}.port",
            f"some HTTPRoutes of {ref.name} name its port and some don't, and Istio merges"
            " only those that do alike; name it in all",
        )
    if ref.port is None:
        return destinations.hosts()[host]
    return [destinations.port(resource, f"{field}.port", host, ref.port)]


def at_gateways(
    manifests: Manifests, diagnostics: Diagnostics
) -> dict[RouteListener, dict[str, list[Bound]]]:
    """The HTTPRoutes of each domain that a Gateway serves, by where it listens.

    Where no Gateway is here, those that are named exist elsewhere, and serve any host; where others
    are, one that is absent serves nothing. Warns of a route that a Gateway does not take.
    """
    labels = {body.metadata.name: body.metadata.labels for _, body in manifests.of(kinds.Namespace)}
    gateways, sets = listeners_of(manifests, labels, diagnostics)
    diagnostics.warn(*_without_parent(manifests))
    references = [one for one in _references(manifests) if not one[3].of_mesh]
    named: dict[_Key, dict[RouteListener, None]] = {}
    for _, body, _, ref in references:
        key = _key(body, ref)
        if ref.section_name or ref.port:
            named.setdefault(key, {})[RouteListener(key, ref.section_name, ref.port)] = None
    found: dict[RouteListener, dict[str, list[Bound]]] = {}
    for resource, body, field, ref in references:
        key = _key(body, ref)
        wanted = body.spec.hostnames or ["*"]
        parent = (sets if ref.kind == "ListenerSet" else gateways).get(key)
        if parent:
            own = body.metadata.namespace
            route = _From(resource.kind, own, labels.get(own, {}))
            taken = _taken(resource, field, ref, parent, route, wanted, diagnostics)
            listeners = {
                RouteListener(parent.gateway, port=port): domains for port, domains in taken.items()
            }
        elif gateways:
            diagnostics.warn(absent(resource, field, key, gateways))
            continue
        elif ref.section_name or ref.port:
            listeners = {
                RouteListener(key, ref.section_name, ref.port): Served(["*"]).common(wanted)
            }
        else:
            listeners = dict.fromkeys(
                named.get(key, [RouteListener(key)]), Served(["*"]).common(wanted)
            )
        for listener, domains in listeners.items():
            for domain in domains:
                _add(found.setdefault(listener, {}).setdefault(domain, []), (resource, body))
    return found


def absent(resource: Resource, field: str, key: _Key, gateways: Collection[_Key]) -> Finding:
    """Return the warning that `field` names a Gateway which is not among those here."""
    named = [other for other in gateways if other[1] == key[1]]
    instead = f" ({'/'.join(named[0])} is)" if named else ""
    message = f"{'/'.join(key)} is not among the Gateways here{instead}: requests there get 404"
    return resource.finding("gateway-absent", field, message)


def _key(body: http_route.HTTPRoute, ref: http_route.ParentReference) -> _Key:
    return ref.namespace or body.metadata.namespace, ref.name


def _references(manifests: Manifests) -> Iterator[_Reference]:
    for resource, body in manifests.of(http_route.HTTPRoute):
        for index, ref in enumerate(body.spec.parent_refs):
            yield resource, body, f"spec.parentRefs[{index}]", ref


def _without_parent(manifests: Manifests) -> Iterator[Finding]:
    for resource, body in manifests.of(http_route.HTTPRoute):
        if not body.spec.parent_refs:
            message = "none is named: the route applies to nothing"
            yield resource.finding("not-attached", "spec.parentRefs", message)


def _add(bound: list[Bound], one: Bound) -> None:
    if one not in bound:
        bound.append(one)


def _taken(
    resource: Resource,
    field: str,
    ref: http_route.ParentReference,
    parent: Listeners,
    route: _From,
    wanted: list[str],
    diagnostics: Diagnostics,
) -> dict[int, list[str]]:
    """The domains under which a Gateway takes a `route`, by port; {}, and a warning: it does not.

    Of a port's listeners that cover a domain, the one that names most of it has it for itself.
    """

    def refused(where: str, message: str) -> dict[int, list[str]]:
        diagnostics.warn(resource.finding("not-attached", where, f"{message}: it applies to none"))
        return {}

    asked = [
        one
        for one in parent.own
        if ref.section_name in ("", one.name) and ref.port in (None, one.port)
    ]
    if not asked:
        there = ", ".join(f"{one.name} at {one.port}" for one in parent.own) or "none that is known"
        return refused(field, f"{ref.kind} {ref.name} has no such listener, only {there}")
    open_to = [one for one in asked if _allows(one, parent.namespace, route)]
    if not open_to:
        by_label = any(one.allowed_routes.namespaces.from_ == "Selector" for one in asked)
        known = ", as far as its labels are known here" if by_label else ""
        return refused(
            field,
            f"{ref.kind} {ref.name} takes no {route.kind}s from namespace {route.namespace}{known}",
        )
    found: dict[int, list[str]] = {}
    for one in open_to:
        beside = [other for other in parent.all if other.http and other.port == one.port]
        for domain in Served([one.hostname]).common(wanted):
            covering = (other for other in beside if covers(other.hostname, domain))
            if one == max(covering, key=_length, default=None):
                found.setdefault(one.port, []).append(domain)
    if not found:
        served = ", ".join(one.hostname for one in open_to)
        return refused("spec.hostnames", f"none is served by {ref.kind} {ref.name} ({served})")
    return found


def _allows(listener: gateway_api.Listener, own: str, route: _From) -> bool:
    wanted, allowed = listener.allowed_routes.namespaces, listener.allowed_routes.kinds
    if wanted.from_ == "Selector":
        named = wanted.selector.match_labels.items() <= route.labels.items()
    else:
        named = wanted.from_ == "All" or own == route.namespace
    of_kind = [(kind.group, kind.kind) for kind in allowed]
    return listener.http and named and (not of_kind or (gateway_api.GROUP, route.kind) in of_kind)


def _length(listener: gateway_api.Listener) -> int:
    return len(listener.hostname)
