"""What rules of VirtualServices and HTTPRoutes match, for whom they are, which headers they set."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lanes.mesh.hostnames import gateway_meant
from lanes.mesh.matching import Match
from lanes.mesh.model import Host
from lanes.mesh.traffic import HeaderOps
from lanes.reading import httproutes, kinds, virtual_services
from lanes.reading.manifests import Resource


@dataclass(frozen=True)
class Leg:
    """A destination of a VirtualService's rule. `host`: None where it is no Service's name.

    `counts`: whether any request gets to its rule.
    """

    resource: Resource
    service: kinds.VirtualService
    rule: kinds.HttpRoute
    rule_field: str
    http: kinds.HttpDestination
    field: str
    host: Host | None
    counts: bool

    @property
    def subset(self) -> str:
        return self.http.destination.subset or ""

    @property
    def idle(self) -> bool:
        """Whether it is one of several and gets no share."""
        return not self.http.weight and any(one.weight for one in self.rule.route)

    @property
    def live(self) -> bool:
        """Whether requests get to it."""
        return self.counts and not self.idle


@dataclass(frozen=True)
class Asked:
    """A match of a rule. `fields`: those of its headers, by name.

    `narrow`: it asks for more than `match` tells, such as a port or the caller's labels. `unknown`:
    headers that it asks for, and that no plan can know.
    """

    field: str
    match: Match
    narrow: bool
    fields: Mapping[str, str]
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class HttpRule:
    """A rule of a VirtualService or an HTTPRoute, and how it changes a request's headers.

    `legs`: the changes of each of its destinations.
    """

    field: str
    name: str
    asked: tuple[Asked, ...]
    request: HeaderOps
    legs: tuple[HeaderOps, ...]

    @property
    def title(self) -> str:
        """Its name, or else its place, such as http[0]."""
        return self.name or self.field.removeprefix("spec.")


@dataclass(frozen=True)
class Routing:
    """A VirtualService or an HTTPRoute: for whom it is, and its rules."""

    resource: Resource
    in_mesh: bool
    at_gateway: bool
    rules: tuple[HttpRule, ...]


def of_service(resource: Resource, service: kinds.VirtualService) -> Routing:
    """Return a VirtualService as routing."""
    rules = tuple(_rules_of_service(resource, service))
    return Routing(resource, in_mesh(service), at_gateway(service), rules)


def of_route(resource: Resource, route: kinds.HTTPRoute) -> Routing:
    """Return an HTTPRoute as routing."""
    mesh = any(ref.of_mesh for ref in route.spec.parent_refs)
    return Routing(resource, mesh, not mesh, tuple(_rules_of_route(resource, route)))


def in_mesh(service: kinds.VirtualService) -> bool:
    """Tell whether a VirtualService is for callers in the mesh."""
    return bool(service.spec.hosts) and "mesh" in service.spec.gateways


def at_gateway(service: kinds.VirtualService) -> bool:
    """Tell whether a VirtualService is bound to a gateway."""
    return any(name != "mesh" for name in service.spec.gateways)


def gateways_of(resource: Resource, service: kinds.VirtualService) -> list[tuple[str, str]]:
    """Return the Gateways that a VirtualService is bound to, each by namespace and name."""
    named = (name for name in service.spec.gateways if name != "mesh")
    return [gateway_meant(name, resource.namespace) for name in named]


def _rules_of_service(resource: Resource, service: kinds.VirtualService) -> Iterator[HttpRule]:
    for number, http in enumerate(service.spec.http):
        field = f"spec.http[{number}]"
        asked = []
        for index, match in enumerate(http.match):
            where = f"{field}.match[{index}]"
            narrow = virtual_services.is_narrow(match) or resource.lacks(where)
            fields = {name.lower(): f"{where}.headers.{name}" for name in match.headers}
            headers = [f for f in resource.left_out if f.startswith(f"{where}.headers.")]
            unknown = tuple(f.removeprefix(f"{where}.headers.") for f in headers)
            asked.append(Asked(where, virtual_services.match_of(match), narrow, fields, unknown))
        legs = tuple(virtual_services.header_ops(leg.headers.request) for leg in http.route)
        request = virtual_services.header_ops(http.headers.request)
        yield HttpRule(field, http.name, tuple(asked), request, legs)


def _rules_of_route(resource: Resource, route: kinds.HTTPRoute) -> Iterator[HttpRule]:
    for number, rule in enumerate(route.spec.rules):
        field = f"spec.rules[{number}]"
        asked = []
        for index, match in enumerate(rule.matches):
            where = f"{field}.matches[{index}]"
            named = enumerate(match.headers)
            fields = {header.name.lower(): f"{where}.headers[{i}]" for i, header in named}
            found = httproutes.match_of(match)
            asked.append(Asked(where, found, resource.lacks(where), fields))
        legs = tuple(httproutes.request_changes(ref.filters) for ref in rule.backend_refs)
        request = httproutes.request_changes(rule.filters)
        yield HttpRule(field, rule.name, tuple(asked), request, legs)
