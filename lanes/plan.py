"""Which version answers each lane at each service, and why, read off the manifests alone.

The plan walks one request per lane: the gateway's rule stamps it, each hop's rules choose a
destination, and the pods that stand there say what they call next.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import re2

from lanes import baggage
from lanes.errors import LanesError
from lanes.hosts import covers, host_of
from lanes.model import (
    Endpoint,
    GatewayHost,
    HeaderOps,
    Host,
    Match,
    Mesh,
    Pod,
    Propagation,
    Route,
    ServicePort,
    StringMatch,
    Weighted,
)

MATCH, FALLBACK, NONE = "match", "fallback", "none"


@dataclass(frozen=True)
class Hop:
    """What answers a lane at one service.

    `versions` holds one version, or several where the manifests leave the choice open, or
    none where nothing answers. `why`: match (the lane's own), fallback, or none. `namespace`
    is that of the pods; "" where nothing answers, or the manifests leave it open.
    """

    service: str
    versions: tuple[str, ...]
    why: str
    upstreams: tuple["Hop", ...] = ()
    namespace: str = ""

    @property
    def version(self) -> str:
        return "|".join(self.versions)

    def walk(self) -> Iterator["Hop"]:
        """This hop, then everything behind it in the order of the answer."""
        yield self
        for upstream in self.upstreams:
            yield from upstream.walk()


@dataclass(frozen=True)
class Lane:
    """One lane: its tag, its weight as the gateway's rule says it, its way through."""

    name: str
    weight: int
    entry: Hop

    @property
    def path(self) -> tuple[Hop, ...]:
        return tuple(self.entry.walk())


@dataclass(frozen=True)
class Plan:
    """Every lane's path. `header` is the tag's name: a header, or a baggage member."""

    header: str
    domain: str
    lanes: tuple[Lane, ...]

    @property
    def host(self) -> str | None:
        """A host for requests to name, since the gateway serves no other; None: it serves any."""
        return None if self.domain == "*" else self.domain.replace("*", "any")

    def share(self, lane: Lane) -> float:
        """The part of all requests that `lane` should get, 0 to 1."""
        return lane.weight / sum(other.weight for other in self.lanes)


@dataclass(frozen=True)
class _Request:
    headers: Mapping[str, str]
    path: str

    def changed(self, *operations: HeaderOps) -> "_Request":
        """The request after `operations`, one by one; each removes before it sets, as in Envoy."""
        headers = dict(self.headers)
        for ops in operations:
            for name in ops.remove:
                headers.pop(name, None)
            headers.update(ops.set)
            for name, value in ops.add.items():
                headers[name] = f"{headers[name]},{value}" if name in headers else value
        return _Request(headers, self.path)


def plan(mesh: Mesh, path: str = "/", domain: str | None = None) -> Plan:
    """The lanes that a request for `path` at the gateway's `domain` can be stamped with.

    Without a domain, the gateway's first. Raises LanesError where the manifests give a lane no
    way, or no one way.
    """
    where = " ".join(mesh.sources)
    if not mesh.pods:
        raise LanesError(f"{where}: no Deployment there; lanes need pods to lead to")
    if not mesh.gateway:
        raise LanesError(
            f"{where}: no VirtualService and no HTTPRoute is bound to a gateway; there is no way in"
        )
    gateway = mesh.gateway[0] if domain is None else _gateway_host(mesh, domain)
    if gateway is None:
        served = ", ".join(host.domain for host in mesh.gateway)
        raise LanesError(f"{where}: the gateway does not serve {domain}, only {served}")
    bare = _Request({}, path)
    route = _route(gateway.routes, bare)
    if route is None:
        raise LanesError(f"{where}: no rule of the gateway takes a request for {path}")
    # Envoy changes headers by the destination first and by the rule after that.
    stamped = [(w, bare.changed(w.request, route.request)) for w in route.destinations]
    tags = [_tags(weighted, request) for weighted, request in stamped]
    header = _header(where, tags)
    lanes: list[Lane] = []
    for (weighted, request), tag in zip(stamped, tags, strict=True):
        name = tag[header]
        if any(lane.name == name for lane in lanes):
            raise LanesError(f"{where}: the gateway stamps lane {name} at two destinations")
        hop = _hop(_Walk(mesh, name), [weighted], True, request, weighted.destination.host, ())
        lanes.append(Lane(name, weighted.weight, hop))
    return Plan(header, gateway.domain, tuple(lanes))


def serves(mesh: Mesh, domain: str) -> bool:
    """Whether the gateway has rules for requests that name `domain`."""
    return _gateway_host(mesh, domain) is not None


def _gateway_host(mesh: Mesh, domain: str) -> GatewayHost | None:
    """The rules for `domain`: the longest name that covers it wins, as in Envoy."""
    covering = [host for host in mesh.gateway if covers(host.domain, domain.lower())]
    return max(covering, key=lambda host: len(host.domain), default=None)


def _header(where: str, tags: list[dict[str, str]]) -> str:
    """The one name that every request is stamped with."""
    common = set.intersection(*map(set, tags))
    if len(common) != 1:
        names = f"stamps {', '.join(sorted(common))}" if common else "stamps no lane"
        raise LanesError(
            f"{where}: the gateway {names}; each of its destinations should set one header that"
            " an ASMHeaderPropagation names (is it here?), or one baggage member"
        )
    return common.pop()


def _tags(weighted: Weighted, request: _Request) -> dict[str, str]:
    """What the first pod will find in its baggage."""
    carried = _inbound(weighted.destination.propagation, request)
    return baggage.members(carried.headers.get("baggage", ""))


def _inbound(propagation: Propagation, request: _Request) -> _Request:
    """The receiving sidecar writes propagated headers into baggage."""
    header = request.headers.get("baggage", "")
    for name, value in request.headers.items():
        if propagation.covers(name):
            header = baggage.with_member(header, name, value)
    return _Request({**request.headers, "baggage": header}, request.path)


def _outbound(propagation: Propagation, request: _Request) -> _Request:
    """The calling sidecar sets propagated headers from baggage before it chooses a route."""
    found = baggage.members(request.headers.get("baggage", ""))
    headers = {name: value for name, value in found.items() if propagation.covers(name)}
    return _Request({**request.headers, **headers}, request.path)


def _route(routes: tuple[Route, ...], request: _Request) -> Route | None:
    return next((r for r in routes if _taken(r.matches, request)), None)


def _taken(matches: tuple[Match, ...], request: _Request) -> bool:
    return not matches or any(
        all(_holds(m, request.headers.get(name)) for name, m in match.headers.items())
        and (match.uri is None or _holds(match.uri, request.path))
        and match.method in (None, "GET")
        for match in matches
    )


def _holds(match: StringMatch, value: str | None) -> bool:
    if value is None:
        return False
    if match.how == "exact":
        return value == match.value
    if match.how == "prefix":
        return value.startswith(match.value)
    if match.how == "segments":
        return f"{value}/".startswith(f"{match.value}/")
    return re2.fullmatch(match.value, value) is not None


@dataclass(frozen=True)
class _Walk:
    mesh: Mesh
    lane: str


def _hop(
    walk: _Walk,
    destinations: list[Weighted],
    chosen: bool,
    request: _Request,
    host: Host,
    behind: tuple[Host, ...],
) -> Hop:
    """The hop that `destinations` lead to, and all hops after it.

    `chosen`: they were chosen for this lane, and not for whatever has none of its own.
    """
    used = [w for w in destinations if w.weight or len(destinations) == 1]
    answering = [_first(w) for w in used]
    endpoints = [e for _, tier in answering for e in tier]
    if not endpoints:
        return Hop(host.name, (), NONE)
    for weighted, (_, tier) in zip(used, answering, strict=True):
        if not tier:
            raise LanesError(
                f"lane {walk.lane}: a part of it goes to {weighted.destination.name}, which has"
                " no pods, so the lane has no one path; deploy it or take it out of the split"
            )
    pods = [e.pod for e in endpoints]
    versions = tuple(sorted({pod.version for pod in pods}))
    own = versions == (walk.lane,) or (chosen and all(tier == 0 for tier, _ in answering))
    urls = {pod.upstream_urls for pod in pods}
    if len(urls) > 1:
        raise LanesError(
            f"lane {walk.lane}: the pods that answer at {host.name} ({', '.join(versions)})"
            " call different upstreams, so the lane has no one path; route them apart"
        )
    received = _inbound(pods[0].propagation, request).headers.get("baggage", "")
    sent = received if all(pod.carries_baggage for pod in pods) else ""
    upstreams = tuple(
        _call(walk, url, pods[0], sent, (*behind, host)) for url in pods[0].upstream_urls
    )
    namespace = pods[0].namespace if all(pod.namespace_named for pod in pods) else ""
    return Hop(pods[0].app, versions, MATCH if own else FALLBACK, upstreams, namespace)


def _first(weighted: Weighted) -> tuple[int, tuple[Endpoint, ...]]:
    """The first tier with endpoints, and its number."""
    tiers = enumerate(weighted.destination.tiers)
    return next(((number, tier) for number, tier in tiers if tier), (0, ()))


def _call(walk: _Walk, url: str, caller: Pod, carried: str, behind: tuple[Host, ...]) -> Hop:
    """The hop behind `url`: OpenTelemetry hands on the baggage, and no other header."""
    port, path = _service_at(walk.mesh, url, caller.namespace)
    if port is None:
        raise LanesError(
            f"pod {caller.name} calls {url}, which is no Service's http URL in these manifests"
        )
    if port.host in behind:
        chain = " -> ".join(host.name for host in (*behind, port.host))
        raise LanesError(f"lane {walk.lane}: {chain}: the chain never ends; break the loop")
    request = _outbound(caller.propagation, _Request({"baggage": carried} if carried else {}, path))
    route = _route(port.routes, request)
    if route is None:
        return Hop(port.host.name, (), NONE)
    destinations = list(route.destinations)
    if len(destinations) > 1 and any(w.request != HeaderOps() for w in destinations):
        raise LanesError(
            f"lane {walk.lane}: the rule at {port.host.name} splits the lane and changes headers"
            " by destination, so the lane has no one path; match the lane before splitting"
        )
    ops = ([destinations[0].request] if len(destinations) == 1 else []) + [route.request]
    chosen = route is not _route(port.routes, _Request({}, path))
    return _hop(walk, destinations, chosen, request.changed(*ops), port.host, behind)


def _service_at(mesh: Mesh, url: str, namespace: str) -> tuple[ServicePort | None, str]:
    try:
        parts = urlsplit(url)
        number = parts.port or 80
    except ValueError:  # a port that is none
        return None, ""
    if parts.scheme != "http":
        return None, ""
    host = host_of(parts.hostname or "", namespace)
    found = next((p for p in mesh.ports if p.host == host and p.port == number), None)
    return found, parts.path or "/"
