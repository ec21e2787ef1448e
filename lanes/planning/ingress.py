"""Ingress: the virtual host, default route and alternatives for the requests of a plan."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from lanes.mesh.diagnostics import Place
from lanes.mesh.headers import AUTHORITY
from lanes.mesh.hostnames import any_of, covers
from lanes.mesh.matching import Match
from lanes.mesh.matching import covers as takes_all
from lanes.mesh.model import GatewayHost, Mesh, Route, Weighted
from lanes.mesh.traffic import Abort
from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule, first_path, rule_by
from lanes.planning.example_requests import example_requests, rule_examples
from lanes.planning.lane_headers import assumed_headers
from lanes.planning.messages import PlanError, Problem
from lanes.planning.request import Request, RuleTable

Headers = frozenset[str]


@dataclass(frozen=True)
class Probe:
    """The host, path and headers of every request; header names are in lower case."""

    host: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def request(self, rule: EntryRule = NO_ENTRY_RULE) -> Request:
        """Return a request that also has what `rule` matches."""
        headers = {**self.headers, **rule.headers}
        return replace(rule, headers=headers).request(self.host, self.path)


@dataclass(frozen=True)
class ForwardedRequest:
    """A request as the gateway forwards it to one destination of a rule.

    `assumed`: the headers that services may propagate.
    """

    weighted: Weighted
    request: Request
    place: Place
    abort: Abort | None = None
    assumed: Headers = frozenset()

    @property
    def tags(self) -> Mapping[str, str]:
        """The nonempty baggage members and `assumed` headers that the first pod receives."""
        found = dict(self.request.received(self.weighted.destination.propagation).members())
        found |= {n: value for n, value in self.request.headers.items() if n in self.assumed}
        return {name: value for name, value in found.items() if value}


@dataclass(frozen=True)
class Alternative:
    """One match of a gateway rule that is not the default route, and the rule's destinations.

    - words: a name for messages
    - rule: None if no example of a request that takes it is known
    - status: of the rule's own answer; None: the rule leads to destinations
    - unsupported: why the rule is not supported; "": it is
    - taken_by: the rule before it that takes the example requests
    - wholly: `taken_by` takes all requests of this match
    """

    words: str
    rule: EntryRule | None
    forwarded: tuple[ForwardedRequest, ...] = ()
    status: int | None = None
    unsupported: str = ""
    taken_by: str = ""
    wholly: bool = False


@dataclass(frozen=True)
class Ingress:
    """The gateway's rules for the requests of a plan.

    - sources: names the manifests in errors
    - route: the default route, if any; `default`: its destinations
    - alternatives: the other rules of the virtual host
    - other_hosts: the rules of the other virtual hosts, if this is the default one
    - assumed: the headers that services may propagate
    """

    sources: str
    virtual_host: GatewayHost
    probe: Probe
    route: Route | None
    default: tuple[ForwardedRequest, ...]
    alternatives: tuple[Alternative, ...]
    other_hosts: tuple[Alternative, ...]
    assumed: Headers

    @property
    def default_status(self) -> int:
        """The status of a request by no entry rule; 200 if the default route has destinations."""
        if self.default:
            return 200
        return self.route.status if self.route else 404


def select_ingress(
    mesh: Mesh, path: str | None, host: str | None, headers: Mapping[str, str]
) -> Ingress:
    """Return the ingress for requests for `path` at `host`; None: the first that is served.

    Raises LanesError if there are no pods, or the gateway does not serve the host.
    """
    sources = " ".join(mesh.sources)
    virtual_host = _virtual_host(mesh, sources, host)
    sent = {name.lower(): value for name, value in headers.items()}
    named = host or any_of(virtual_host.domain)
    probe = Probe(named, path or first_path(virtual_host.routes, named, sent) or "/", sent)
    request = probe.request()
    route = request.rule(virtual_host.routes)
    if route and route.unknown:
        raise PlanError(Problem.NOT_SUPPORTED, path=probe.path, why=route.unknown)
    assumed = assumed_headers(mesh)
    default = forward(route, request, assumed) if route else ()
    alternatives = _alternatives(mesh, virtual_host, route, probe, assumed)
    if path and not default:  # the user chose this path, so rules for other paths do not count
        alternatives = (a for a in alternatives if a.rule is None or a.rule.path is None)
    is_default = virtual_host is _default_host(mesh)
    return Ingress(
        sources,
        virtual_host,
        probe,
        route,
        default,
        tuple(alternatives),
        tuple(_other_hosts(mesh, virtual_host, probe, assumed)) if is_default else (),
        assumed,
    )


def host_for(mesh: Mesh, domain: str) -> GatewayHost | None:
    """Return the virtual host for `domain`: of that name, else the longest wildcard, as Envoy."""
    name, _, port = domain.lower().rpartition(":")
    name = name if name and port.isdecimal() else domain.lower()  # Istio ignores the port
    covering = [host for host in mesh.gateway if covers(host.domain, name)]
    return max(covering, key=lambda host: (host.domain[0] != "*", len(host.domain)), default=None)


def forward(
    route: Route, request: Request, assumed: Headers = frozenset()
) -> tuple[ForwardedRequest, ...]:
    """Return the request as a rule forwards it to each of its destinations."""
    # Envoy applies the destination's header changes before the rule's.
    return tuple(
        ForwardedRequest(
            w, request.changed(w.request, route.request), route.place, route.abort, assumed
        )
        for w in route.destinations
    )


def _virtual_host(mesh: Mesh, sources: str, host: str | None) -> GatewayHost:
    if not mesh.pods:
        raise PlanError(Problem.NO_PODS, sources=sources)
    if not mesh.gateway:
        unbound = ("gateway-absent", "not-attached")
        warnings = (str(warning) for warning in mesh.warnings if warning.rule in unbound)
        causes = (*warnings, *map(str, mesh.not_supported))
        raise PlanError(Problem.NO_GATEWAY, *causes, sources=sources)
    virtual_host = host_for(mesh, host) if host else _default_host(mesh)
    if virtual_host is None:
        served = ", ".join(each.domain for each in mesh.gateway)
        raise PlanError(Problem.HOST_NOT_SERVED, sources=sources, host=host, served=served)
    return virtual_host


def _default_host(mesh: Mesh) -> GatewayHost:
    """Return the default virtual host: `*`, or else the first."""
    return next((host for host in mesh.gateway if host.domain == "*"), mesh.gateway[0])


_Taken = tuple[str, bool]
"""The rule that takes the example requests of a match, in words; whether it takes all of them."""


class _Search:
    """Finds requests that take the rules of a virtual host."""

    def __init__(
        self, mesh: Mesh, virtual_host: GatewayHost, probe: Probe, host: str | None
    ) -> None:
        self._mesh, self._virtual_host, self._probe = mesh, virtual_host, probe
        self._host = host
        self._table = RuleTable(virtual_host.routes)
        self._examples = rule_examples(virtual_host.routes)

    def found(self, rule: EntryRule, match: Match, route: Route) -> tuple[EntryRule | None, _Taken]:
        """Return an entry rule that takes `route`, or else the rule that takes its requests."""
        reached, first = self._taking(rule)
        if first is route:
            return rule, ("", False)
        taken = _taken(self._virtual_host, reached, first, match)
        if taken[1] or self._examples.most < 2:
            return None, taken
        domain = self._virtual_host.domain
        rules = example_requests(match, self._probe.path, self._examples, domain, self._host)
        known = next((example for example in rules if self._taking(example)[1] is route), None)
        return known, ("", False) if known else taken

    def _taking(self, rule: EntryRule) -> tuple[GatewayHost | None, Route | None]:
        """Return a request's virtual host, and the rule that takes it; None: of another host."""
        searched = self._virtual_host
        reached = searched if rule.host is None else host_for(self._mesh, rule.host)
        is_searched = reached is not None and reached.routes == searched.routes
        return reached, self._table.rule(self._probe.request(rule)) if is_searched else None


def _taken(
    searched: GatewayHost, reached: GatewayHost | None, taken: Route | None, match: Match
) -> _Taken:
    if reached and reached.routes != searched.routes:
        authority = match.headers.get(AUTHORITY)
        return f"the rules for {reached.domain}", authority is None or authority.kind == "exact"
    if taken is None:
        return "", False
    wholly = any(takes_all(other, match) for other in taken.matches or (Match(),))
    return f"{taken.place.field} of {taken.place.resource}", wholly


def _alternatives(
    mesh: Mesh,
    virtual_host: GatewayHost,
    default: Route | None,
    probe: Probe,
    assumed: Headers,
    host: str | None = None,
) -> Iterator[Alternative]:
    """Yield the matches of the virtual host's rules, without the default route.

    `host`: the host of the requests; None: the usual one.
    """
    search = _Search(mesh, virtual_host, probe, host)
    for route in virtual_host.routes:
        for match in (route.matches or (Match(),)) if route is not default else ():
            rule = rule_by(match, probe.path)
            if route.unknown:
                words = str(rule or "") or route.place.field
                yield Alternative(words, None, unsupported=route.unknown)
                continue
            if rule is None:
                words = ", ".join([*match.headers, *["path"] * bool(match.uri)])
                request = probe.request()
                forwarded = forward(route, request, assumed)
                yield Alternative(words, None, forwarded, _own_status(route))
                continue
            rule = replace(rule, host=rule.host or host)
            known, taken = search.found(rule, match, route)
            if known or rule not in (NO_ENTRY_RULE, EntryRule(host=host)):
                request = probe.request(known or rule)
                yield Alternative(
                    str(known or rule),
                    known,
                    forward(route, request, assumed),
                    _own_status(route),
                    taken_by=taken[0],
                    wholly=taken[1],
                )


def _other_hosts(
    mesh: Mesh, virtual_host: GatewayHost, probe: Probe, assumed: Headers
) -> Iterator[Alternative]:
    """Yield the default routes and the other matches of the gateway's other virtual hosts."""
    for other in mesh.gateway:
        if other.routes == virtual_host.routes:
            continue
        host = any_of(other.domain)
        rule = EntryRule(host=host)
        request = probe.request(rule)
        route = request.rule(other.routes)
        if route is not None and not route.unknown:
            yield Alternative(str(rule), rule, forward(route, request, assumed), _own_status(route))
        yield from _alternatives(mesh, other, route, probe, assumed, host)


def _own_status(route: Route) -> int | None:
    """Return the status of a rule's own answer; None: it has destinations or needs some."""
    return None if route.destinations or route.has_no_weight else route.status
