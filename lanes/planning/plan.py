"""Which version answers each lane at each service, and why, read off the manifests alone.

The plan walks one request per lane from the gateway's rule, which stamps it (see hops). Lanes are
those of the rule that takes everybody's requests, by weight, and those that another rule leads to,
by a way in.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from lanes.errors import LanesError
from lanes.hosts import any_of
from lanes.model import GatewayHost, Mesh, Route
from lanes.planning.gateway import Beside, Entry, beside, entries, host_for, other_hosts
from lanes.planning.hops import Choice, Hop, Walk, first_pods, hop_at, running, versions_at
from lanes.planning.ways import Way


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

    def lane(self, name: str) -> Lane:
        """The lane of this name. Raises LanesError where there is none."""
        lane = next((lane for lane in self.lanes if lane.name == name), None)
        if lane is None:
            known = ", ".join(lane.name for lane in self.lanes)
            raise LanesError(f"no lane {name} in these manifests; there are {known}")
        return lane

    def lane_to_enter(self, name: str) -> Lane:
        """The lane of this name. Raises LanesError where there is none, or it has no way in."""
        lane = self.lane(name)
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
    names, pods = frozenset(entered), running(mesh)

    def walk(lane: str) -> Walk:
        return Walk(mesh, pods, lane, header, names - {lane})

    hops = {name: _entry_hop(walk(name), entry) for name, entry in entered.items()}
    ways: dict[str, list[Way]] = {name: [] for name in entered}
    for door in doors:
        known = door.entry is entered[door.lane]
        if known or _entry_hop(walk(door.lane), door.entry) == hops[door.lane]:
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


def _entry_hop(walk: Walk, entry: Entry) -> Hop:
    """The hop that the gateway leads to: another lane's version is one to fall back to."""
    destination = entry.weighted.destination
    versions = {pod.version for pod in first_pods(entry.weighted)}
    selected = next((p.pods for p in walk.mesh.ports if p.host == destination.host), ())
    rule = Route((), (entry.weighted,), place=entry.place)
    runs = walk.lane in versions_at(walk, selected, (rule,))
    choice = Choice(not versions & walk.others, runs)
    host = replace(destination.host, name=destination.app)  # a lane may have a Service of its own
    return hop_at(walk, host, rule, entry.request, choice)
