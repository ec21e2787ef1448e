"""What the gateway makes of a request: the rule that takes it, and the lanes that this stamps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lanes.mesh.examples import example
from lanes.mesh.hostnames import any_of, covers
from lanes.mesh.matching import Match
from lanes.model import Abort, GatewayHost, Mesh, Place, Route, Weighted
from lanes.planning.entry_rule import EVERYBODYS, Way, way_by
from lanes.planning.request import Request

Headers = frozenset[str]


@dataclass(frozen=True)
class Entry:
    """A destination of a gateway's rule, and the request as it leaves for there."""

    weighted: Weighted
    request: Request
    place: Place
    abort: Abort | None = None

    trusted: Headers = frozenset()

    @property
    def tags(self) -> Mapping[str, str]:
        """What the first pod will find in its baggage, and in the headers to hand on by itself.

        What is empty is no tag.
        """
        found = dict(self.request.received(self.weighted.destination.propagation).members())
        found |= {n: value for n, value in self.request.headers.items() if n in self.trusted}
        return {name: value for name, value in found.items() if value}


@dataclass(frozen=True)
class Beside:
    """A rule that not everybody's requests reach, by one of its matches, and where it leads."""

    words: str
    way: Way | None  # None: no request is known that comes to it
    entries: tuple[Entry, ...] = ()


def host_for(mesh: Mesh, domain: str) -> GatewayHost | None:
    """The rules for `domain`: its own name wins, then the longest that covers it, as in Envoy."""
    covering = [host for host in mesh.gateway if covers(host.domain, domain.lower())]
    return max(covering, key=lambda host: (host.domain[0] != "*", len(host.domain)), default=None)


def entries(route: Route, request: Request, trusted: Headers = frozenset()) -> tuple[Entry, ...]:
    """Where a rule leads a request, with the headers that it gets on the way.

    `trusted`: the headers that services may hand on by themselves.
    """
    # Envoy changes headers by the destination first and by the rule after that.
    return tuple(
        Entry(w, request.changed(w.request, route.request), route.place, route.abort, trusted)
        for w in route.destinations
    )


def beside(
    mesh: Mesh,
    gateway: GatewayHost,
    ordinary: Route,
    everybodys: Way,
    host: str,
    path: str,
    trusted: Headers,
) -> Iterator[Beside]:
    """The other rules for `gateway`'s requests: those that ask for more than everybody's do.

    Requests for a host that others' rules are for never come to these.
    """
    for route in gateway.routes:
        for match in (route.matches or (Match(),)) if route is not ordinary else ():
            way = way_by(match, path)
            behind = way == EVERYBODYS  # the ordinary rule, which takes all that comes by this path
            if behind:
                way = Way(path=example(match.uri) if match.uri else "/")
            words = str(way) if way else ", ".join([*match.headers, *["path"] * bool(match.uri)])
            if way is None:
                request = everybodys.request(host, path)
                yield Beside(words, None, entries(route, request, trusted))
                continue
            request = everybodys.with_headers(way).request(host, path)
            reached = gateway if way.host is None else host_for(mesh, way.host)
            here = reached is not None and reached.routes == gateway.routes
            known = way if here and request.rule(gateway.routes) is route else None
            if known or not behind:
                yield Beside(words, known, entries(route, request, trusted))


def other_hosts(
    mesh: Mesh, gateway: GatewayHost, everybodys: Way, path: str, trusted: Headers
) -> Iterator[Beside]:
    """What the gateway's other hosts make of everybody's requests for `path`."""
    for other in mesh.gateway:
        if other.routes == gateway.routes:
            continue
        way = Way(host=any_of(other.domain))
        request = everybodys.with_headers(way).request("", path)
        route = request.rule(other.routes)
        if route is not None:
            yield Beside(str(way), way, entries(route, request, trusted))
