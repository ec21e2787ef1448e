"""What HTTPRoutes are bound to: the domains of a Gateway, and the ports of Services."""

from collections.abc import Iterator

from lanes.hosts import common, covers
from lanes.model import Host
from lanes.reading.destinations import Destinations
from lanes.reading.httproutes import Bound
from lanes.reading.kinds import gateway_api
from lanes.reading.manifests import Manifests, Resource

_Reference = tuple[Resource, gateway_api.HTTPRoute, str, gateway_api.ParentReference]
"""A route, and one of its parents with the field that names it."""


def at_services(
    manifests: Manifests, destinations: Destinations
) -> dict[Host, dict[int, list[Bound]]]:
    """The HTTPRoutes of each Service's ports, which count for callers in the mesh.

    Raises ManifestError for a parent that is not here, or that Istio would not merge.
    """
    found: dict[Host, dict[int, list[Bound]]] = {}
    styles: dict[Host, gateway_api.ParentReference] = {}
    for resource, body, field, ref in _references(manifests):
        if not ref.of_mesh:
            continue
        namespace = body.metadata.namespace
        if ref.namespace not in (None, namespace):
            raise resource.error(
                f"{field}.namespace",
                "a route for the callers of one namespace is not emulated; put it beside its"
                " Service",
            )
        host = destinations.known(resource, f"{field}.name", ref.name, namespace)
        if host is None:
            continue
        if (styles.setdefault(host, ref).port is None) != (ref.port is None):
            raise resource.error(
                f"{field}.port",
                f"some HTTPRoutes of {ref.name} name its port and some don't, and Istio merges"
                " only those that do alike; name it in all",
            )
        if ref.port is None:
            ports = destinations.hosts()[host]
        else:
            ports = [destinations.port(resource, f"{field}.port", host, ref.port)]
        for port in ports:
            _add(found.setdefault(host, {}).setdefault(port, []), (resource, body))
    return found


def at_gateway(manifests: Manifests) -> dict[str, list[Bound]]:
    """The HTTPRoutes of each domain that the gateway serves.

    A Gateway that the manifests only name is one that exists, and serves any host. Raises
    ManifestError where a Gateway that is here would not take the route.
    """
    gateways = {
        (body.metadata.namespace, body.metadata.name): (resource, body)
        for resource, body in manifests.of(gateway_api.Gateway)
    }
    found: dict[str, list[Bound]] = {}
    parents: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for resource, body, field, ref in _references(manifests):
        if ref.of_mesh:
            continue
        namespace, name = body.metadata.namespace, body.metadata.name
        key = (ref.namespace or namespace, ref.name)
        parents.setdefault((namespace, name), set()).add(key)
        wanted = body.spec.hostnames or ["*"]
        if key in gateways:
            domains = _taken(resource, field, ref, gateways[key][1], namespace, wanted)
        else:
            domains = common(["*"], wanted)
        for domain in domains:
            _add(found.setdefault(domain, []), (resource, body))
    _require_alike(manifests, parents)
    ports = {listener.port for _, body in gateways.values() for listener in body.spec.listeners}
    if len(ports) > 1:
        raise list(gateways.values())[-1][0].error(
            "spec.listeners", "listeners on several ports are not emulated; keep one HTTP port"
        )
    return found


def _require_alike(
    manifests: Manifests, parents: dict[tuple[str, str], set[tuple[str, str]]]
) -> None:
    """Raises ManifestError where Gateways have other routes each: there is one gateway here."""
    for resource, body in manifests.of(gateway_api.HTTPRoute):
        key = (body.metadata.namespace, body.metadata.name)
        if key in parents and parents[key] != next(iter(parents.values())):
            raise resource.error(
                "spec.parentRefs", "several Gateways with other routes each are not emulated"
            )


def _references(manifests: Manifests) -> Iterator[_Reference]:
    for resource, body in manifests.of(gateway_api.HTTPRoute):
        for index, ref in enumerate(body.spec.parent_refs):
            yield resource, body, f"spec.parentRefs[{index}]", ref


def _add(bound: list[Bound], one: Bound) -> None:
    if one not in bound:
        bound.append(one)


def _taken(
    resource: Resource,
    field: str,
    ref: gateway_api.ParentReference,
    gateway: gateway_api.Gateway,
    namespace: str,
    wanted: list[str],
) -> list[str]:
    """The domains under which a Gateway takes a route of `namespace` that asks for `wanted`.

    Of listeners that cover a domain, the one that names most of it has it for itself.
    """
    listeners = gateway.spec.listeners
    asked = [
        one
        for one in listeners
        if ref.section_name in (None, one.name) and ref.port in (None, one.port)
    ]
    if not asked:
        there = ", ".join(f"{one.name} at {one.port}" for one in listeners)
        raise resource.error(field, f"Gateway {ref.name} has no such listener, only {there}")
    open_to = [one for one in asked if _allows(one, gateway.metadata.namespace, namespace)]
    if not open_to:
        raise resource.error(
            field, f"Gateway {ref.name} takes no HTTPRoutes from namespace {namespace}"
        )
    domains = [
        domain
        for one in open_to
        for domain in common([one.hostname], wanted)
        if one == max((o for o in listeners if covers(o.hostname, domain)), key=_length)
    ]
    if not domains:
        served = ", ".join(one.hostname for one in open_to)
        raise resource.error("spec.hostnames", f"none is served by Gateway {ref.name} ({served})")
    return domains


def _allows(listener: gateway_api.Listener, own: str, namespace: str) -> bool:
    allowed = listener.allowed_routes
    kinds = [(kind.group, kind.kind) for kind in allowed.kinds]
    return (allowed.namespaces.from_ == "All" or own == namespace) and (
        not kinds or (gateway_api.GROUP, "HTTPRoute") in kinds
    )


def _length(listener: gateway_api.Listener) -> int:
    return len(listener.hostname)
