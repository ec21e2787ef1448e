"""What the gateway makes of a request: the rule that takes it, and the lanes that this stamps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lanes.mesh.examples import example
from lanes.mesh.hostnames import any_of, covers
from lanes.mesh.matching import Match
from lanes.model import Abort, GatewayHost, Mesh, Place, Route, Weighted
from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule, way_by
from lanes.planning.request import Request

Headers = frozenset[str]


@dataclass(frozen=True)
class ForwardedRequest:
    """A destination of a gateway's rule, and the request as it leaves for there."""

    weighted: Weighted
    request: Request
    place: Place
    abort: Abort | None = None

    assumed: Headers = frozenset()

    @property
    def tags(self) -> Mapping[str, str]:
        """What the first pod will find in its baggage, and in the headers to hand on by itself.

        What is empty is no tag.
        """
        found = dict(self.request.received(self.weighted.destination.propagation).members())
        found |= {n: value for n, value in self.request.headers.items() if n in self.assumed}
        return {name: value for name, value in found.items() if value}


@dataclass(frozen=True)
class Alternative:
    """A rule that not everybody's requests reach, by one of its matches, and where it leads."""

    words: str
    way: EntryRule | None  # None: no request is known that comes to it
    entries: tuple[ForwardedRequest, ...] = ()


def host_for(mesh: Mesh, domain: str) -> GatewayHost | None:
    """The rules for `domain`: its own name wins, then the longest that covers it, as in Envoy."""
    covering = [host for host in mesh.gateway if covers(host.domain, domain.lower())]
    return max(covering, key=lambda host: (host.domain[0] != "*", len(host.domain)), default=None)


def forward(
    route: Route, request: Request, assumed: Headers = frozenset()
) -> tuple[ForwardedRequest, ...]:
    """Where a rule leads a request, with the headers that it gets on the way.

    `assumed`: the headers that services may hand on by themselves.
    """
    # Envoy changes headers by the destination first and by the rule after that.
    return tuple(
        ForwardedRequest(
            w, request.changed(w.request, route.request), route.place, route.abort, assumed
        )
        for w in route.destinations
    )


def beside(
    mesh: Mesh,
    gateway: GatewayHost,
    ordinary: Route,
    everybodys: EntryRule,
    host: str,
    path: str,
    assumed: Headers,
) -> Iterator[Alternative]:
    """The other rules for `gateway`'s requests: those that ask for more than everybody's do.

    Requests for a host that others' rules are for never come to these.
    """
    for route in gateway.routes:
        for match in (route.matches or (Match(),)) if route is not ordinary else ():
            way = way_by(match, path)
            behind = (
                way == NO_ENTRY_RULE
            )  # the ordinary rule, which takes all that comes by this path
            if behind:
                way = EntryRule(path=example(match.uri) if match.uri else "/")
            words = str(way) if way else ", ".join([*match.headers, *["path"] * bool(match.uri)])
            if way is None:
                request = everybodys.request(host, path)
                yield Alternative(words, None, forward(route, request, assumed))
                continue
            request = everybodys.with_headers(way).request(host, path)
            reached = gateway if way.host is None else host_for(mesh, way.host)
            here = reached is not None and reached.routes == gateway.routes
            known = way if here and request.rule(gateway.routes) is route else None
            if known or not behind:
                yield Alternative(words, known, forward(route, request, assumed))


def other_hosts(
    mesh: Mesh, gateway: GatewayHost, everybodys: EntryRule, path: str, assumed: Headers
) -> Iterator[Alternative]:
    """What the gateway's other hosts make of everybody's requests for `path`."""
    for other in mesh.gateway:
        if other.routes == gateway.routes:
            continue
        way = EntryRule(host=any_of(other.domain))
        request = everybodys.with_headers(way).request("", path)
        route = request.rule(other.routes)
        if route is not None:
            yield Alternative(str(way), way, forward(route, request, assumed))
