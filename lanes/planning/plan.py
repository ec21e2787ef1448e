"""Which version answers each lane at each service, and why, read off the manifests alone.

The plan walks one request per lane: the gateway's rule stamps it, each hop's rules choose a
destination, and the pods that stand there say what they call next. Lanes are those of the rule
that takes everybody's requests, by weight, and those that another rule leads to, by a way in.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from urllib.parse import urlsplit

from lanes.errors import LanesError
from lanes.hosts import any_of, host_of
from lanes.model import Endpoint, GatewayHost, HeaderOps, Host, Mesh, Pod, ServicePort, Weighted
from lanes.planning.gateway import Beside, Entry, beside, entries, host_for, other_hosts
from lanes.planning.request import Request
from lanes.planning.ways import Way

MATCH, FALLBACK, NONE = "match", "fallback", "none"


@dataclass(frozen=True)
class Hop:
    """What answers a lane at one service.

    `versions` holds one version, or several where the manifests leave the choice open, or
    none where nothing answers. `why`: match (the lane's own), fallback, or none; then `status`
    is what the mesh answers instead. `namespace` is that of the pods; "" where nothing answers,
    or the manifests leave it open.
    """

    service: str
    versions: tuple[str, ...]
    why: str
    upstreams: tuple["Hop", ...] = ()
    status: int = 200
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
    """One lane: its tag, its weight as the gateway's rule says it, its way through.

    `ways`: what enters it on purpose. A lane that only they enter has weight 0.
    """

    name: str
    weight: int
    entry: Hop
    ways: tuple[Way, ...] = ()

    @property
    def path(self) -> tuple[Hop, ...]:
        return tuple(self.entry.walk())


@dataclass(frozen=True)
class Plan:
    """Every lane's path. `header` is the tag's name: a header, or a baggage member.

    `unplanned`: in words, what of the gateway's rules leads to no one lane, and why.
    """

    header: str
    domain: str
    lanes: tuple[Lane, ...]
    unplanned: tuple[str, ...] = ()

    @property
    def host(self) -> str | None:
        """A host for requests to name, since the gateway serves no other; None: it serves any."""
        return None if self.domain == "*" else any_of(self.domain)

    @property
    def enterable(self) -> tuple[Lane, ...]:
        """The lanes that have a way in."""
        return tuple(lane for lane in self.lanes if lane.ways)

    def lane_to_enter(self, name: str) -> Lane:
        """The lane of this name. Raises LanesError where there is none, or it has no way in."""
        lane = next((lane for lane in self.lanes if lane.name == name), None)
        if lane is None:
            known = ", ".join(lane.name for lane in self.lanes)
            raise LanesError(f"no lane {name} in these manifests; there are {known}")
        if not lane.ways:
            by = "by its weight alone (leave --lane out)" if lane.weight else "by no means"
            raise LanesError(
                f"lane {name} has no way in: requests get there {by}; a rule of the gateway's for,"
                f" say, the header x-lane: {name} would let them enter"
            )
        return lane

    def share(self, lane: Lane) -> float:
        """The part of all requests that `lane` should get, 0 to 1."""
        return lane.weight / sum(other.weight for other in self.lanes)


def plan(mesh: Mesh, path: str = "/", domain: str | None = None) -> Plan:
    """The lanes that a request for `path` at the gateway's `domain` can be stamped with.

    Without a domain, everybody's: the one that serves any host, else the gateway's first.
    Raises LanesError where the manifests give a lane no way, or no one way.
    """
    where = " ".join(mesh.sources)
    if not mesh.pods:
        raise LanesError(f"{where}: no Deployment there; lanes need pods to lead to")
    if not mesh.gateway:
        raise LanesError(
            f"{where}: no VirtualService and no HTTPRoute is bound to a gateway; there is no way in"
        )
    gateway = host_for(mesh, domain) if domain else _everybodys(mesh)
    if gateway is None:
        served = ", ".join(host.domain for host in mesh.gateway)
        raise LanesError(f"{where}: the gateway does not serve {domain}, only {served}")
    host = domain or any_of(gateway.domain)
    bare = Way().request(host, path)
    route = bare.rule(gateway.routes)
    if route is None:
        raise LanesError(f"{where}: no rule of the gateway takes a request for {path}")
    split = entries(route, bare)
    header = _header(where, split)
    entered: dict[str, Entry] = {}
    for entry in split:
        name = entry.tags[header]
        if name in entered:
            raise LanesError(f"{where}: the gateway stamps lane {name} at two destinations")
        entered[name] = entry
    weights = {name: entry.weighted.weight for name, entry in entered.items()}
    doors, unplanned = _doors(beside(gateway, route, host, path), header, split)
    if gateway is _everybodys(mesh):  # what other hosts make of it, the headline tells
        doors += _doors(other_hosts(mesh, gateway, path), header, split)[0]
    for door in doors:
        entered.setdefault(door.lane, door.entry)
    hops = {name: _entry_hop(mesh, name, entry, entered) for name, entry in entered.items()}
    ways: dict[str, list[Way]] = {name: [] for name in entered}
    for door in doors:
        known = door.entry is entered[door.lane]
        if known or _entry_hop(mesh, door.lane, door.entry, entered) == hops[door.lane]:
            ways[door.lane].append(door.way)
        elif door.way.host is None:
            unplanned.append(f"{door.way} (leads lane {door.lane} another way)")
    lanes = (Lane(n, weights.get(n, 0), hop, _least(ways[n])) for n, hop in hops.items())
    return Plan(header, gateway.domain, tuple(lanes), tuple(unplanned))


def serves(mesh: Mesh, domain: str) -> bool:
    """Whether the gateway has rules for requests that name `domain`."""
    return host_for(mesh, domain) is not None


def _everybodys(mesh: Mesh) -> GatewayHost:
    """The rules for requests that name no host that another asks for by itself."""
    return next((host for host in mesh.gateway if host.domain == "*"), mesh.gateway[0])


@dataclass(frozen=True)
class _Door:
    """A way into a lane, and where it leads."""

    lane: str
    way: Way
    entry: Entry


def _doors(
    others: Iterable[Beside], header: str, split: tuple[Entry, ...]
) -> tuple[list[_Door], list[str]]:
    """The ways in that `others` are, and in words those that are none.

    A rule that stamps by the ordinary `split` is no way of its own, and needs no word.
    """
    doors: list[_Door] = []
    none: list[str] = []
    for other in others:
        if _shares(other.entries, header) == _shares(split, header):
            continue
        led = [entry for entry in other.entries if entry.weighted.weight]
        if not led:
            none.append(f"{other.words} (answers 500: no backend has a weight above 0)")
        elif len(led) > 1:
            none.append(f"{other.words} (has a split of its own)")
        elif header not in led[0].tags:
            none.append(f"{other.words} (stamps no lane)")
        elif other.way is None:
            none.append(f"{other.words} (no GET that comes there is known)")
        else:
            doors.append(_Door(led[0].tags[header], other.way, led[0]))
    return doors, none


def _shares(split: Iterable[Entry], header: str) -> set[tuple[str | None, str, Fraction]]:
    """The lanes of a split, each with its destination and its share."""
    split = list(split)
    total = sum(entry.weighted.weight for entry in split) or 1
    return {
        (
            entry.tags.get(header),
            entry.weighted.destination.name,
            Fraction(entry.weighted.weight, total),
        )
        for entry in split
    }


def _least(ways: list[Way]) -> tuple[Way, ...]:
    """The ways that ask for no more than another does."""
    return tuple(way for way in ways if not any(way.asks_more_than(other) for other in ways))


def _header(where: str, split: tuple[Entry, ...]) -> str:
    """The one name that every request is stamped with."""
    if not split:
        raise LanesError(f"{where}: the gateway's rule has no backend of a weight above 0")
    common = set.intersection(*(set(entry.tags) for entry in split))
    if len(common) != 1:
        names = f"stamps {', '.join(sorted(common))}" if common else "stamps no lane"
        raise LanesError(
            f"{where}: the gateway {names}; each of its destinations should set one header that"
            " an ASMHeaderPropagation names (is it here?), or one baggage member"
        )
    return common.pop()


def _entry_hop(mesh: Mesh, lane: str, entry: Entry, lanes: Iterable[str]) -> Hop:
    """The hop that the gateway leads to: another lane's version is one to fall back to."""
    pods = {endpoint.pod.version for endpoint in _first(entry.weighted)[1]}
    chosen = not pods & (set(lanes) - {lane})
    destination = entry.weighted.destination
    host = replace(destination.host, name=destination.app)  # a lane may have a Service of its own
    return _hop(_Walk(mesh, lane), [entry.weighted], chosen, entry.request, host, ())


@dataclass(frozen=True)
class _Walk:
    mesh: Mesh
    lane: str


def _hop(
    walk: _Walk,
    destinations: list[Weighted],
    chosen: bool,
    request: Request,
    host: Host,
    behind: tuple[Host, ...],
) -> Hop:
    """The hop that `destinations` lead to, and all hops after it.

    `chosen`: they were chosen for this lane, and not for whatever has none of its own.
    """
    used = [w for w in destinations if w.weight or len(destinations) == 1]
    answering = [_first(w) for w in used]
    endpoints = [e for _, tier in answering for e in tier]
    if not endpoints:  # a destination without tiers is a Service that is not there
        exists = any(w.destination.tiers for w in used)
        return Hop(host.name, (), NONE, status=503 if exists else 500)
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
    received = request.received(pods[0].propagation).headers.get("baggage", "")
    sent = received if all(pod.carries_baggage for pod in pods) else ""
    upstreams = tuple(
        _call(walk, url, pods[0], sent, (*behind, host)) for url in pods[0].upstream_urls
    )
    namespace = pods[0].namespace if all(pod.namespace_named for pod in pods) else ""
    return Hop(pods[0].app, versions, MATCH if own else FALLBACK, upstreams, namespace=namespace)


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
    request = Request({"baggage": carried} if carried else {}, path).sent(caller.propagation)
    route = request.rule(port.routes)
    if route is None:
        return Hop(port.host.name, (), NONE, status=404)
    destinations = list(route.destinations)
    if len(destinations) > 1 and any(w.request != HeaderOps() for w in destinations):
        raise LanesError(
            f"lane {walk.lane}: the rule at {port.host.name} splits the lane and changes headers"
            " by destination, so the lane has no one path; match the lane before splitting"
        )
    ops = ([destinations[0].request] if len(destinations) == 1 else []) + [route.request]
    chosen = route is not Request({}, path).rule(port.routes)
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
