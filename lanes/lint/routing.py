"""VirtualServices and HTTPRoutes as rules see them: matches, header changes, destinations."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from lanes.mesh.hostnames import gateway_meant, host_in_manifest
from lanes.mesh.match_index import MatchIndex
from lanes.mesh.matching import Match
from lanes.mesh.model import Host
from lanes.mesh.traffic import HeaderOps
from lanes.reading import httproutes, kinds, virtual_services
from lanes.reading.kinds.http_route import RouteMatch
from lanes.reading.manifests import Resource


@dataclass(frozen=True)
class RuleMatch:
    """A match of a rule. `header_fields`: the field of each header, by the header's name.

    `narrow`: the match also has conditions that `conditions` cannot hold, such as a port.
    `unknown_headers`: headers whose conditions are not supported.
    """

    field: str
    conditions: Match
    narrow: bool
    header_fields: Mapping[str, str]
    unknown_headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class HttpRule:
    """A rule of a VirtualService or an HTTPRoute.

    `changes`: how it changes a request's headers; `destination_changes`: how each of its
    destinations does.
    """

    field: str
    name: str
    matches: tuple[RuleMatch, ...]
    changes: HeaderOps
    destination_changes: tuple[HeaderOps, ...]

    @property
    def title(self) -> str:
        """The rule's name, or else its place, such as http[0]."""
        return self.name or self.field.removeprefix("spec.")


@dataclass(frozen=True)
class Routing:
    """A VirtualService or an HTTPRoute, where it applies, and its HTTP rules."""

    resource: Resource
    in_mesh: bool
    at_gateway: bool
    rules: tuple[HttpRule, ...]

    @cached_property
    def taken_before(self) -> tuple[tuple[int | None, ...], ...]:
        """For each match of each rule, the number of the earlier rule that takes its requests.

        None: no earlier rule takes all of them. A rule without a match counts as one match.
        An HTTPRoute has none, since its order decides last.
        """
        if not isinstance(self.resource.body, kinds.VirtualService):
            return ()
        earlier: MatchIndex[int] = MatchIndex()
        takers: list[tuple[int | None, ...]] = []
        for number, rule in enumerate(self.rules):
            matches = [(m.conditions, m.narrow) for m in rule.matches] or [(Match(), False)]
            takers.append(tuple(next(earlier.covering(match), None) for match, _ in matches))
            if None in takers[-1] and not self.resource.lacks(f"{rule.field}.match"):
                for match in (match for match, narrow in matches if not narrow):
                    earlier.add(match, number)
        return tuple(takers)

    @cached_property
    def unreachable(self) -> Mapping[int, int]:
        """The rules that no request reaches, each with the first rule that takes its requests."""
        return {
            number: min(taker for taker in takers if taker is not None)
            for number, takers in enumerate(self.taken_before)
            if None not in takers
        }


@dataclass(frozen=True)
class Destination:
    """A destination of a VirtualService's HTTP rule. `host`: None if it names no Service.

    `reached`: whether any request reaches the rule. `idle`: whether all of the rule's weight is
    on other destinations.
    """

    routing: Routing
    service: kinds.VirtualService
    rule: kinds.HttpRoute
    rule_field: str
    http: kinds.HttpDestination
    field: str
    host: Host | None
    reached: bool
    idle: bool

    @property
    def resource(self) -> Resource:
        return self.routing.resource

    @property
    def name(self) -> str:
        """The host as it is written."""
        return self.http.destination.host

    @property
    def subset(self) -> str:
        return self.http.destination.subset or ""

    @property
    def port(self) -> int | None:
        port = self.http.destination.port
        return port.number if port else None

    @property
    def live(self) -> bool:
        """Whether requests get here."""
        return self.reached and not self.idle


def of_service(resource: Resource, service: kinds.VirtualService) -> Routing:
    """Return a VirtualService as routing."""
    rules = tuple(_rules_of_service(resource, service))
    return Routing(resource, in_mesh(service), at_gateway(service), rules)


def of_route(resource: Resource, route: kinds.HTTPRoute) -> Routing:
    """Return an HTTPRoute as routing."""
    mesh = any(ref.of_mesh for ref in route.spec.parent_refs)
    return Routing(resource, mesh, not mesh, tuple(_rules_of_route(resource, route)))


def destinations_of(routing: Routing, *, in_force: bool) -> Iterator[Destination]:
    """Yield the destinations of a VirtualService's HTTP rules; none for an HTTPRoute.

    `in_force`: whether the VirtualService applies to any request.
    """
    resource, service = routing.resource, routing.resource.body
    if not isinstance(service, kinds.VirtualService):
        return
    for number, rule in enumerate(service.spec.http):
        field = f"spec.http[{number}]"
        weighted = any(http.weight for http in rule.route)
        for index, http in enumerate(rule.route):
            yield Destination(
                routing,
                service,
                rule,
                field,
                http,
                f"{field}.route[{index}]",
                host_in_manifest(http.destination.host, resource.namespace),
                reached=in_force and number not in routing.unreachable,
                idle=weighted and not http.weight,
            )


def in_mesh(service: kinds.VirtualService) -> bool:
    """Tell whether a VirtualService applies to callers in the mesh."""
    return bool(service.spec.hosts) and "mesh" in service.spec.gateways


def at_gateway(service: kinds.VirtualService) -> bool:
    """Tell whether a VirtualService is bound to a gateway."""
    return any(name != "mesh" for name in service.spec.gateways)


def gateways_of(resource: Resource, service: kinds.VirtualService) -> list[tuple[str, str]]:
    """Return the namespace and name of each Gateway that a VirtualService is bound to."""
    names = (name for name in service.spec.gateways if name != "mesh")
    return [gateway_meant(name, resource.namespace) for name in names]


def _rules_of_service(resource: Resource, service: kinds.VirtualService) -> Iterator[HttpRule]:
    for number, http in enumerate(service.spec.http):
        field = f"spec.http[{number}]"
        matches = tuple(
            _match_of_service(resource, f"{field}.match[{index}]", match)
            for index, match in enumerate(http.match)
        )
        changes = virtual_services.header_ops(http.headers.request)
        by_destination = tuple(
            virtual_services.header_ops(one.headers.request) for one in http.route
        )
        yield HttpRule(field, http.name, matches, changes, by_destination)


def _match_of_service(resource: Resource, field: str, match: kinds.HttpMatch) -> RuleMatch:
    headers = f"{field}.headers."
    return RuleMatch(
        field,
        virtual_services.match_of(match),
        virtual_services.is_narrow(match) or resource.lacks(field),
        {name.lower(): f"{headers}{name}" for name in match.headers},
        tuple(f.removeprefix(headers) for f in resource.left_out if f.startswith(headers)),
    )


def _rules_of_route(resource: Resource, route: kinds.HTTPRoute) -> Iterator[HttpRule]:
    for number, rule in enumerate(route.spec.rules):
        field = f"spec.rules[{number}]"
        matches = tuple(
            _match_of_route(resource, f"{field}.matches[{index}]", match)
            for index, match in enumerate(rule.matches)
        )
        changes = httproutes.request_changes(rule.filters)
        by_destination = tuple(httproutes.request_changes(r.filters) for r in rule.backend_refs)
        yield HttpRule(field, rule.name, matches, changes, by_destination)


def _match_of_route(resource: Resource, field: str, match: RouteMatch) -> RuleMatch:
    headers = enumerate(match.headers)
    return RuleMatch(
        field,
        httproutes.match_of(match),
        resource.lacks(field),
        {header.name.lower(): f"{field}.headers[{index}]" for index, header in headers},
    )
