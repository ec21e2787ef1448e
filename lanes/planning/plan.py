"""Which version answers each lane at each service, and why, read off the manifests alone.

The plan walks one request per lane from the gateway's rule, which stamps it (see hops). Lanes are
those of the rule that takes everybody's requests, by weight, and those that another rule leads to,
by a way in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

from lanes.errors import LanesError
from lanes.mesh.hostnames import any_of
from lanes.model import GatewayHost, Mesh, Route, led_to, names_of
from lanes.planning import baggage
from lanes.planning.call_graph import Given, call_graph
from lanes.planning.cycles import alike, going_round, require_ends
from lanes.planning.entry_rule import EntryRule, first_path
from lanes.planning.entry_rules import Candidate, doors_of, stamped
from lanes.planning.hop import Hop
from lanes.planning.ingress import (
    Alternative,
    ForwardedRequest,
    beside,
    forward,
    host_for,
    other_hosts,
)
from lanes.planning.lane_headers import LaneHeader, assumed_headers, tags
from lanes.planning.reasons import Choice
from lanes.planning.request import Request
from lanes.planning.resolver import hop_at
from lanes.planning.service_names import shared, to_call
from lanes.planning.shares import first_pods
from lanes.planning.unanswered import Unanswered, unanswered
from lanes.planning.unreached import apart, uncalled
from lanes.planning.walk import Walk, running

# The lane of requests that carry no tag.
UNTAGGED = "untagged"


@dataclass(frozen=True)
class Lane:
    """One lane: its tag, its weight as the gateway's rule says it, its way through.

    `entry_rules`: what enters it on purpose. A lane that only they enter has weight 0.
    `client_header`: the header, or baggage member, that a client has to send, since no gateway sets
    it; "" where one does. `unreached`: what services in no known path would answer a call with its
    tag. `carrier`: the header that holds the tag. The lane of the requests that carry none is
    called untagged.
    """

    name: str
    weight: int
    entry: Hop
    entry_rules: tuple[EntryRule, ...] = ()
    client_header: str = ""
    unreached: tuple[Hop, ...] = ()

    carrier: str = "baggage"

    @property
    def path(self) -> tuple[Hop, ...]:
        """Its hops in the order of the answer, each once."""
        return tuple(self.entry.walk())

    @cached_property
    def optional_cycles(self) -> frozenset[tuple[str, str]]:
        """Its calls that go round, and that pods may leave out (see circles)."""
        return going_round(self.entry)

    @property
    def testable_rules(self) -> tuple[EntryRule, ...]:
        """The ways in that are tried, since their methods only read."""
        return tuple(way for way in self.entry_rules if not way.not_sent_because)


@dataclass(frozen=True)
class Plan:
    """Every lane's path. `header` is the tag's name: a header, or a baggage member; "" for none.

    `not_planned`: in words, what of the gateway's rules leads to no one lane, and why. `path`: what
    requests ask for. `unset_headers`: tags that rules of the mesh ask for, that no gateway sets,
    and that none lets clients send. `unreached`: services of which nothing tells who calls them.
    `shared_names`: names that services of several namespaces have. `unanswered`: where lanes end,
    and why.
    """

    header: str
    domain: str
    lanes: tuple[Lane, ...]
    not_planned: tuple[str, ...] = ()
    path: str = "/"
    unset_headers: tuple[LaneHeader, ...] = ()
    unreached: tuple[str, ...] = ()
    shared_names: frozenset[str] = frozenset()
    unanswered: tuple[Unanswered, ...] = ()

    @property
    def host(self) -> str | None:
        """A host for requests to name, since the gateway serves no other; None: it serves any."""
        return None if self.domain == "*" else any_of(self.domain)

    @property
    def enterable(self) -> tuple[Lane, ...]:
        """The lanes that have a way in."""
        return tuple(lane for lane in self.lanes if lane.entry_rules)

    def lane(self, name: str) -> Lane:
        """The lane of this name. Raises LanesError where there is none."""
        lane = next((lane for lane in self.lanes if lane.name == name), None)
        if lane is None:
            known = ", ".join(lane.name for lane in self.lanes)
            raise LanesError(f"no lane {name} in these manifests; there are {known}")
        return lane

    def lane_to_enter(self, name: str) -> Lane:
        """The lane of this name. Raises LanesError where there is none, or no way in to try."""
        lane = self.lane(name)
        if lane.entry_rules and not lane.testable_rules:
            methods = " or ".join(dict.fromkeys(way.method or "GET" for way in lane.entry_rules))
            raise LanesError(
                f"lane {name} is entered by {methods} alone, which"
                f" {lane.entry_rules[0].not_sent_because} and so is not sent;"
                f" a rule of the gateway's for, say, the header x-lane: {name} would let GET enter"
            )
        if not lane.entry_rules:
            by = "by its weight alone (leave --lane out)" if lane.weight else "by no means"
            raise LanesError(
                f"lane {name} has no way in: requests get there {by}; a rule of the gateway's for,"
                f" say, the header x-lane: {name} would let them enter"
            )
        return lane

    @property
    def assumed(self) -> dict[str, str]:
        """The services that nothing tells to hand on a lane's tag, each with what it has to."""
        return {
            hop.service: lane.carrier for lane in self.lanes for hop in lane.path if hop.assumed
        }

    def share(self, lane: Lane) -> float:
        """The part of all requests that `lane` should get, 0 to 1."""
        return lane.weight / sum(other.weight for other in self.lanes)


def plan(
    mesh: Mesh,
    path: str | None = None,
    domain: str | None = None,
    headers: Mapping[str, str] | None = None,
    calls: Given | None = None,
) -> Plan:
    """The lanes that a request for `path` at the gateway's `domain` may be in.

    Without a path, "/", or the first that is served where that is not; without a domain,
    everybody's: the one that serves any host, else the gateway's first. `headers` are what
    everybody's requests carry, and `calls` who calls whom, where manifests do not tell. Raises
    LanesError where the manifests give a lane no way, or no one way.
    """
    where = " ".join(mesh.sources)
    gateway = _gateway(mesh, where, domain)
    host = domain or any_of(gateway.domain)
    everybodys = EntryRule({name.lower(): value for name, value in (headers or {}).items()})
    asked = path or first_path(gateway.routes, host, everybodys.headers) or "/"
    bare = everybodys.request(host, asked)
    route = bare.rule(gateway.routes)
    if route is None:
        raise LanesError(f"{where}: no rule of the gateway takes a request for {asked}")
    assumed = assumed_headers(mesh)
    split = forward(route, bare, assumed)
    header = _header(where, route, asked, split)
    entered: dict[str, list[ForwardedRequest]] = {}
    for entry in split:
        name = entry.tags.get(header, UNTAGGED)
        if name in entered and name != UNTAGGED:
            raise LanesError(f"{where}: the gateway stamps lane {name} at two destinations")
        entered.setdefault(name, []).append(entry)
    weights = {name: sum(e.weighted.weight for e in led) for name, led in entered.items()}
    others = list(beside(mesh, gateway, route, everybodys, host, asked, assumed))
    elsewhere: list[Alternative] = []
    if gateway is _everybodys(mesh):
        elsewhere = list(other_hosts(mesh, gateway, everybodys, asked, assumed))
    header = header or stamped([*others, *elsewhere])
    doors, unplanned = doors_of(others, header, split)
    doors += doors_of(elsewhere, header, split)[0]  # which are none, the headline tells
    for door in doors:
        entered.setdefault(door.lane, [door.entry])
    known = [_carried(header, name) for name in entered if name != UNTAGGED]
    own: dict[str, LaneHeader] = {}
    loose: list[LaneHeader] = []
    names, pods = frozenset(entered) - {UNTAGGED}, running(mesh)
    known_calls, untagged = call_graph(mesh, calls), entered.get(UNTAGGED, [])

    @cache
    def walk(lane: str) -> Walk:
        tag = own[lane].header if lane in own else header
        name = "" if lane == UNTAGGED else lane
        return Walk(mesh, known_calls, pods, name, tag, names - {lane}, assumed)

    for tag in tags(mesh, known):
        way = EntryRule(dict(tag.headers))
        led = _led(gateway, everybodys.with_headers(way).request(host, asked), tag, assumed)
        if not led or tag.name in entered:
            loose.append(tag)
            continue
        one = Walk(mesh, known_calls, pods, tag.name, tag.header, names, assumed)
        each = led if len(led) > 1 else []
        behind = [_entry_hop(one, [entry], untagged).upstreams for entry in each]
        if not all(alike(one, behind[0], other) for other in behind[1:]):
            unplanned.append(f"{way} (what answers depends on the gateway's stamp beside it)")
            continue
        own[tag.name] = tag
        entered[tag.name] = led
        doors.append(Candidate(tag.name, way, led[0]))
    hops = {name: _entry_hop(walk(name), led, untagged) for name, led in entered.items()}
    ways: dict[str, list[EntryRule]] = {name: [] for name in entered}
    for door in doors:
        first = door.entry is entered[door.lane][0]
        hop = hops[door.lane] if first else _entry_hop(walk(door.lane), [door.entry], untagged)
        if alike(walk(door.lane), (hop,), (hops[door.lane],)):
            ways[door.lane].append(door.way)
        elif door.way.host is None:
            unplanned.append(f"{door.way} (leads lane {door.lane} another way)")
    path_hops = [hop for entry in hops.values() for hop in entry.walk()]
    missing = uncalled(mesh, known_calls, path_hops)

    def elsewhere_for(lane: str) -> tuple[Hop, ...]:
        sent = dict(own[lane].headers) if lane in own else _carried(header, lane)
        found = (apart(walk(lane), port, {} if lane == UNTAGGED else sent) for port in missing)
        return tuple(hop for hop in found if hop)

    lanes = tuple(
        Lane(
            name,
            weights.get(name, 0),
            hop,
            _least(ways[name]),
            own[name].header if name in own else "",
            elsewhere_for(name),
            walk(name).header if walk(name).header in assumed else "baggage",
        )
        for name, hop in hops.items()
    )
    return Plan(
        header,
        gateway.domain,
        lanes,
        tuple(unplanned),
        asked,
        tuple(loose),
        to_call(mesh, (port.host for port in missing)),
        shared(mesh),
        tuple(
            one
            for lane in lanes
            for one in unanswered(mesh, lane.name, walk(lane.name), (*lane.path, *lane.unreached))
        ),
    )


def _gateway(mesh: Mesh, where: str, domain: str | None) -> GatewayHost:
    """The rules for requests that name `domain`, or for everybody's."""
    if not mesh.pods:
        raise LanesError(f"{where}: no Deployment there; lanes need pods to lead to")
    if not mesh.gateway:
        absent = [str(found) for found in mesh.warnings if found.rule == "gateway-absent"]
        none = (
            "no VirtualService with HTTP rules and no HTTPRoute is bound to a gateway;"
            " there is no way in"
        )
        raise LanesError("\n".join([f"{where}: {none}", *absent]))
    gateway = host_for(mesh, domain) if domain else _everybodys(mesh)
    if gateway is None:
        served = ", ".join(host.domain for host in mesh.gateway)
        raise LanesError(f"{where}: the gateway does not serve {domain}, only {served}")
    return gateway


def _carried(header: str, lane: str) -> Mapping[str, str]:
    """The headers that rules may see of a stamped lane: its tag as one, and in the baggage."""
    return {"baggage": baggage.with_member("", header, lane), header: lane}


def _led(
    gateway: GatewayHost, request: Request, tag: LaneHeader, assumed: frozenset[str]
) -> list[ForwardedRequest]:
    """Where the gateway leads a request that a client sends with this tag; [] if it loses it."""
    route = request.rule(gateway.routes)
    led = forward(route, request, assumed) if route else ()
    kept = all(dict(tag.headers).items() <= entry.request.headers.items() for entry in led)
    return list(led) if kept else []


def serves(mesh: Mesh, domain: str) -> bool:
    """Whether the gateway has rules for requests that name `domain`."""
    return host_for(mesh, domain) is not None


def _everybodys(mesh: Mesh) -> GatewayHost:
    """The rules for requests that name no host that another asks for by itself."""
    return next((host for host in mesh.gateway if host.domain == "*"), mesh.gateway[0])


def _least(ways: list[EntryRule]) -> tuple[EntryRule, ...]:
    """The ways that ask for no more than another does."""
    ways = list(dict.fromkeys(ways))
    return tuple(way for way in ways if not any(way.asks_more_than(other) for other in ways))


def _header(where: str, route: Route, path: str, split: tuple[ForwardedRequest, ...]) -> str:
    """The one name that requests are stamped with; "" where none is."""
    if not split:
        rule = ": ".join((route.place.file or where, route.place.resource, route.place.field))
        raise LanesError(
            f"{rule}: answers {path} with {route.status} by itself, so there are no lanes;"
            " --path names another"
        )
    named = [set(entry.tags) for entry in split]
    names = set.intersection(*named) or set.union(*named)
    if len(names) > 1:
        raise LanesError(
            f"{where}: the gateway stamps {', '.join(sorted(names))}; each of its destinations"
            " should set one header that an ASMHeaderPropagation names, or one baggage member"
        )
    return next(iter(names), "")


def _entry_hop(
    walk: Walk, led: Sequence[ForwardedRequest], untagged: Sequence[ForwardedRequest]
) -> Hop:
    """The hop that the gateway leads to.

    Another lane's version there is one to fall back to, and so is where `untagged` requests go.
    """
    weighted = [entry.weighted for entry in led]
    destination = weighted[0].destination
    versions = {pod.version for one in weighted for pod in first_pods(one)}
    selected = next((p.pods for p in walk.mesh.ports if p.host == destination.host), ())
    rule = Route((), tuple(weighted), abort=led[0].abort, place=led[0].place)
    runs = walk.lane in walk.versions_of(names_of((*selected, *led_to([rule]))))
    ordinary = {entry.weighted.destination.name for entry in untagged}
    own = not versions & walk.others and ordinary != {one.destination.name for one in weighted}
    choice = Choice(own, runs)
    host = replace(destination.host, name=destination.app)  # a lane may have a Service of its own
    hop = hop_at(walk, host, rule, led[0].request, choice)
    require_ends(walk)
    return hop
