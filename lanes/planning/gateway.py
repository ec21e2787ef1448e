"""What the gateway makes of a request: the rule that takes it, and the lanes that this stamps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lanes.hosts import any_of, covers
from lanes.model import GatewayHost, Mesh, Place, Route, Weighted
from lanes.planning.request import Request
from lanes.planning.ways import Way, way_by


@dataclass(frozen=True)
class Entry:
    """A destination of a gateway's rule, and the request as it leaves for there."""

    weighted: Weighted
    request: Request
    place: Place

    @property
    def tags(self) -> Mapping[str, str]:
        """What the first pod will find in its baggage."""
        return self.request.received(self.weighted.destination.propagation).members()


@dataclass(frozen=True)
class Beside:
    """A rule that not everybody's requests reach, by one of its matches, and where it leads."""

    words: str
    way: Way | None  # None: no request is known that comes to it
    entries: tuple[Entry, ...] = ()


def host_for(mesh: Mesh, domain: str) -> GatewayHost | None:
    """The rules for `domain`: the longest name that covers it wins, as in Envoy."""
    covering = [host for host in mesh.gateway if covers(host.domain, domain.lower())]
    return max(covering, key=lambda host: len(host.domain), default=None)


def entries(route: Route, request: Request) -> tuple[Entry, ...]:
    """Where a rule leads a request, with the headers that it gets on the way."""
    # Envoy changes headers by the destination first and by the rule after that.
    return tuple(
        Entry(w, request.changed(w.request, route.request), route.place) for w in route.destinations
    )


def beside(gateway: GatewayHost, ordinary: Route, host: str, path: str) -> Iterator[Beside]:
    """The other rules for `gateway`'s requests: those that ask for more than `host` and `path`."""
    for route in gateway.routes:
        for match in route.matches if route is not ordinary else ():
            way = way_by(match, path)
            words = str(way) if way else ", ".join([*match.headers, *["path"] * bool(match.uri)])
            request = way.request(host, path) if way else None
            if request is None or request.rule(gateway.routes) is not route:
                yield Beside(words, None, entries(route, Way().request(host, path)))
            else:
                yield Beside(words, way, entries(route, request))


def other_hosts(mesh: Mesh, gateway: GatewayHost, path: str) -> Iterator[Beside]:
    """What the gateway's other hosts make of everybody's requests for `path`."""
    for other in mesh.gateway:
        if other.routes == gateway.routes:
            continue
        way = Way(host=any_of(other.domain))
        request = way.request("", path)
        route = request.rule(other.routes)
        if route is not None:
            yield Beside(str(way), way, entries(route, request))
