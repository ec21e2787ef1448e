"""Ingress: which virtual host, default route and alternatives the requests of a plan meet."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from lanes.mesh.diagnostics import Place
from lanes.mesh.headers import AUTHORITY
from lanes.mesh.hostnames import any_of, covers
from lanes.mesh.matching import Match
from lanes.mesh.matching import covers as takes_all
from lanes.mesh.model import (
    GatewayHost,
    Mesh,
    Route,
    Weighted,
)
from lanes.mesh.traffic import Abort
from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule, first_path, rule_by
from lanes.planning.example_requests import example_requests, named_by
from lanes.planning.lane_headers import assumed_headers
from lanes.planning.messages import PlanError, Problem
from lanes.planning.request import Request, RuleTable

Headers = frozenset[str]


@dataclass(frozen=True)
class Probe:
    """What every request asks for and carries; header names are in lower case."""

    host: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def request(self, rule: EntryRule = NO_ENTRY_RULE) -> Request:
        """Return the request that `rule` matches as well."""
        headers = {**self.headers, **rule.headers}
        return replace(rule, headers=headers).request(self.host, self.path)


@dataclass(frozen=True)
class ForwardedRequest:
    """A request as the gateway forwards it to one destination of a rule.

    `assumed`: the headers that services may hand on by themselves.
    """

    weighted: Weighted
    request: Request
    place: Place
    abort: Abort | None = None
    assumed: Headers = frozenset()

    @property
    def tags(self) -> Mapping[str, str]:
        """What the first pod finds in its baggage, and in the `assumed` headers, if not empty."""
        found = dict(self.request.received(self.weighted.destination.propagation).members())
        found |= {n: value for n, value in self.request.headers.items() if n in self.assumed}
        return {name: value for name, value in found.items() if value}


@dataclass(frozen=True)
class Alternative:
    """A gateway rule that not every request meets, by one of its matches, and where it leads.

    `rule` is None where no example of a request is known that meets it; `words` name it. `status`
    is what the rule answers by itself; None: it leads to destinations. `unsupported`: what is not
    supported about it. `taken_by`: the rule before it that takes the requests which were tried, and
    `wholly` whether it takes all that this one could.
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
    """What requests meet at the gateway.

    `route` is the rule that every request meets, if any, and `default` where it leads; (): nowhere.
    `alternatives` are the other rules of the virtual host, and `other_hosts` what the gateway's
    other virtual hosts do, if this is the default one. `sources` names the manifests in errors.
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
        """What a request gets that enters no lane on purpose; 200: it is led to a destination."""
        if self.default:
            return 200
        return self.route.status if self.route else 404


def select_ingress(
    mesh: Mesh, path: str | None, host: str | None, headers: Mapping[str, str]
) -> Ingress:
    """Select what requests for `path` at `host` meet; None: the first that is served.

    Raises LanesError where there are no pods, or no gateway serves the host.
    """
    sources = " ".join(mesh.sources)
    virtual_host = _virtual_host(mesh, sources, host)
    sent = {name.lower(): value for name, value in headers.items()}
    named = host or any_of(virtual_host.domain)
    probe = Probe(named, path or first_path(virtual_host.routes, named, sent) or "/", sent)
    bare = probe.request()
    route = bare.rule(virtual_host.routes)
    if route and route.unknown:
        raise PlanError(Problem.NOT_SUPPORTED, path=probe.path, why=route.unknown)
    assumed = assumed_headers(mesh)
    default = forward(route, bare, assumed) if route else ()
    alternatives = _alternatives(mesh, virtual_host, route, probe, assumed)
    if path and not default:  # which is asked for, and no other
        alternatives = (one for one in alternatives if one.rule is None or one.rule.path is None)
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
    """Return the virtual host for `domain`: its own, else the longest wildcard, as Envoy."""
    name, _, port = domain.lower().rpartition(":")
    name = name if name and port.isdecimal() else domain.lower()  # Istio looks at no port
    covering = [host for host in mesh.gateway if covers(host.domain, name)]
    return max(covering, key=lambda host: (host.domain[0] != "*", len(host.domain)), default=None)


def forward(
    route: Route, request: Request, assumed: Headers = frozenset()
) -> tuple[ForwardedRequest, ...]:
    """Return the request as a rule forwards it to each of its destinations."""
    # Envoy changes headers by the destination first and by the rule after that.
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
        absent = (str(found) for found in mesh.warnings if found.rule in unbound)
        also = (*absent, *map(str, mesh.not_supported))
        raise PlanError(Problem.NO_GATEWAY, *also, sources=sources)
    found = host_for(mesh, host) if host else _default_host(mesh)
    if found is None:
        served = ", ".join(each.domain for each in mesh.gateway)
        raise PlanError(Problem.HOST_NOT_SERVED, sources=sources, host=host, served=served)
    return found


def _default_host(mesh: Mesh) -> GatewayHost:
    """Return the default virtual host: `*`, or else the first."""
    return next((host for host in mesh.gateway if host.domain == "*"), mesh.gateway[0])


_Taken = tuple[str, bool]
"""What takes the requests that were tried, in words, and whether it takes all that a match does."""


class _Search:
    """Finds, for the rules of a virtual host, requests that meet them."""

    def __init__(
        self, mesh: Mesh, virtual_host: GatewayHost, probe: Probe, host: str | None
    ) -> None:
        self._mesh, self._virtual_host, self._probe = mesh, virtual_host, probe
        self._host = host
        self._table = RuleTable(virtual_host.routes)
        self._named = named_by(virtual_host.routes)

    def found(self, rule: EntryRule, match: Match, route: Route) -> tuple[EntryRule | None, _Taken]:
        """Return the entry rule by which a rule is met, or else what takes its requests."""
        reached, first = self._taking(rule)
        if first is route:
            return rule, ("", False)
        taken = _taken(self._virtual_host, reached, first, match)
        if taken[1] or self._named.most < 2:
            return None, taken
        domain = self._virtual_host.domain
        tried = example_requests(match, self._probe.path, self._named, domain, self._host)
        known = next((one for one in tried if self._taking(one)[1] is route), None)
        return known, ("", False) if known else taken

    def _taking(self, rule: EntryRule) -> tuple[GatewayHost | None, Route | None]:
        """Return the virtual host of a request by this rule, and which rule takes it, if here."""
        own = self._virtual_host
        reached = own if rule.host is None else host_for(self._mesh, rule.host)
        here = reached is not None and reached.routes == own.routes
        return reached, self._table.rule(self._probe.request(rule)) if here else None


def _taken(
    own: GatewayHost, reached: GatewayHost | None, taken: Route | None, match: Match
) -> _Taken:
    if reached and reached.routes != own.routes:
        asked = match.headers.get(AUTHORITY)
        return f"the rules for {reached.domain}", asked is None or asked.kind == "exact"
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
    """Yield the virtual host's other rules, each by each of its matches.

    `host` is what requests name; None: what every request does.
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
                yield Alternative(words, None, forward(route, request, assumed), _own(route))
                continue
            rule = replace(rule, host=rule.host or host)
            known, taken = search.found(rule, match, route)
            if known or rule not in (NO_ENTRY_RULE, EntryRule(host=host)):
                request = probe.request(known or rule)
                led = forward(route, request, assumed)
                by, wholly = taken
                yield Alternative(
                    str(known or rule), known, led, _own(route), taken_by=by, wholly=wholly
                )


def _other_hosts(
    mesh: Mesh, virtual_host: GatewayHost, probe: Probe, assumed: Headers
) -> Iterator[Alternative]:
    """Yield what the gateway's other virtual hosts do with every request, and with some."""
    for other in mesh.gateway:
        if other.routes == virtual_host.routes:
            continue
        host = any_of(other.domain)
        rule = EntryRule(host=host)
        request = probe.request(rule)
        route = request.rule(other.routes)
        if route is not None and not route.unknown:
            yield Alternative(str(rule), rule, forward(route, request, assumed), _own(route))
        yield from _alternatives(mesh, other, route, probe, assumed, host)


def _own(route: Route) -> int | None:
    """Return what a rule answers by itself; None: it leads on, or no backend has a weight."""
    return None if route.destinations or route.has_no_weight else route.status
