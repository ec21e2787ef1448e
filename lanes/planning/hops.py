"""One lane's way, hop by hop: which version answers at each service, and why.

The walk follows one request: each hop's rules choose a destination, and the pods that stand there
say what they call next.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace

from lanes.errors import LanesError
from lanes.model import (
    Abort,
    HeaderOps,
    Host,
    Mesh,
    Place,
    Pod,
    Propagation,
    Route,
    ServicePort,
    Weighted,
)
from lanes.planning import baggage
from lanes.planning.calls import Calls, UpstreamsDifferError
from lanes.planning.parts import failing_of, first_pods, first_tier, shares_of
from lanes.planning.request import Request

MATCH, FALLBACK, SPLIT, NONE = "match", "fallback", "split", "none"
CAUGHT, SHADOWED, LOST = "caught", "shadowed", "lost"
UNSELECTED, UNROUTED = "unselected", "unrouted"

# Longer than any answer waits for; Python ends the walk at some 200.
MOST_CALLS = 100

# Why a lane whose version runs at a service is answered by none of it, or by another lane's.
ASTRAY = (CAUGHT, SHADOWED, LOST, UNSELECTED, UNROUTED)


@dataclass(frozen=True)
class Hop:
    """What answers a lane at one service.

    `versions` holds one version, or several where a rule splits or leaves the choice open, or
    none where nothing answers; `shares` are their parts, 0 to 1, where the rules tell. `why`:

    - match: the lane's own; a request without a lane has any for its own
    - fallback: another's, since the lane has no version here
    - split: several, whatever the lane
    - caught: another lane's, whose rule takes this lane as well
    - shadowed: a rule that takes every request stands before the lane's own
    - lost: the lane's tag does not reach the service
    - unselected: the lane's version runs here, and what its rule selects is not it
    - unrouted: the lane's version runs here, and no rule leads to it
    - none: nothing answers, and `status` is what the mesh answers instead

    `note` says more in words, `place` where the rule stands, `hosts` which Services led here.
    `on_trust`: it calls others, and nothing tells that it hands the lane's tag on. `namespace` is
    that of the pods; "" where nothing answers, or the manifests leave it open. `failing`: what
    shares of the calls get in place of all this, by a fault, or by a part of a split without pods.
    """

    service: str
    versions: tuple[str, ...]
    why: str
    upstreams: tuple["Hop", ...] = ()
    status: int = 200
    namespace: str = ""
    shares: tuple[float, ...] = ()
    note: str = ""
    place: Place = field(default=Place(), compare=False)
    hosts: tuple[Host, ...] = field(default=(), compare=False)
    on_trust: bool = field(default=False, compare=False)
    failing: tuple[Abort, ...] = ()

    @property
    def version(self) -> str:
        return "|".join(self.versions)

    @property
    def behind(self) -> tuple["Hop", ...]:
        """What answers behind it, without the reasons why."""
        return _without_reasons(self.upstreams)

    def walk(self) -> Iterator["Hop"]:
        """This hop, then everything behind it in the order of the answer."""
        yield self
        for upstream in self.upstreams:
            yield from upstream.walk()


def _without_reasons(hops: tuple[Hop, ...]) -> tuple[Hop, ...]:
    return tuple(replace(hop, why="", note="", upstreams=hop.behind) for hop in hops)


Running = Mapping[tuple[str, str], Set[str]]


@dataclass(frozen=True)
class Walk:
    """Who walks: a lane ("": a request without one), its tag's header, and the lanes beside it.

    `running`: see the function of this name. `trusted`: the headers that services hand on by
    themselves, if they do.
    """

    mesh: Mesh
    calls: Calls
    running: Running
    lane: str
    header: str = ""
    others: frozenset[str] = frozenset()
    trusted: frozenset[str] = frozenset()

    def as_lane(self, request: Request, lane: str) -> Request:
        """`request` as it would be in another lane."""
        if self.header in self.trusted:
            return replace(request, headers={**request.headers, self.header: lane})
        carried = baggage.with_member(request.headers.get("baggage", ""), self.header, lane)
        headers = {**request.headers, "baggage": carried}
        return replace(request, headers=headers)


def hop_at(
    walk: Walk,
    service: Host,
    rule: Route,
    request: Request,
    choice: "Choice",
    behind: tuple[Host, ...] = (),
) -> Hop:
    """The hop that `rule` leads `request` to, and all hops after it.

    Raises LanesError where the lane has no one path from there.
    """
    destinations = rule.destinations
    hosts = (service, *(w.destination.host for w in destinations))
    used = [w for w in destinations if w.weight or len(destinations) == 1]
    answering = [first_tier(w) for w in used]
    endpoints = [e for _, tier in answering for e in tier]
    if not endpoints:  # a destination without tiers is a Service that is not there
        exists = any(w.destination.tiers for w in used)
        note = _unselected(walk, used) if used and choice.own and choice.runs else ""
        status = 503 if exists else rule.status
        return Hop(
            service.name,
            (),
            NONE,
            status=status,
            note=note,
            place=rule.place,
            hosts=hosts,
            failing=(rule.abort,) if rule.abort else (),
        )
    failing = tuple(failing_of(rule, zip(used, answering, strict=True)))
    used = [w for w, (_, tier) in zip(used, answering, strict=True) if tier]
    answering = [(number, tier) for number, tier in answering if tier]
    pods = [e.pod for e in endpoints]
    shares = shares_of([(w.weight, tier) for w, (_, tier) in zip(used, answering, strict=True)])
    try:
        called = walk.calls.of(hosts, tuple(pods))
    except UpstreamsDifferError:
        versions = ", ".join(sorted(shares))
        raise LanesError(
            f"lane {walk.lane}: the pods that answer at {service.name} ({versions})"
            " call different upstreams, so the lane has no one path; route them apart"
        ) from None
    first_choice = all(tier == 0 for tier, _ in answering)
    why, note = _why(walk, used, tuple(sorted(shares)), first_choice, choice)
    received = request.received(pods[0].propagation).headers.get("baggage", "")
    ends = any(pod.carries_baggage is False for pod in pods)
    sent = {"baggage": received} if received and not ends else {}
    sent |= {name: v for name, v in request.headers.items() if name in walk.trusted}
    calls = {
        pod.unrouted: tuple(_call(walk, url, pod, sent, (*behind, service)) for url in called)
        for pod in {pod.unrouted: pod for pod in reversed(pods)}.values()
    }
    upstreams = calls[pods[0].unrouted]
    if len(calls) > 1 and len(set(map(_without_reasons, calls.values()))) > 1:
        raise LanesError(
            f"lane {walk.lane or 'untagged'}: of the pods that answer at {service.name}"
            f" ({', '.join(sorted(shares))}) some make calls past their sidecars, so the lane has"
            " no one path; route them apart"
        )
    told = all(share is not None for share in shares.values()) and len(shares) > 1
    return Hop(
        pods[0].app,
        tuple(sorted(shares)),
        why,
        upstreams,
        namespace=pods[0].namespace if all(pod.namespace_named for pod in pods) else "",
        shares=tuple(shares[v] or 0.0 for v in sorted(shares)) if told else (),
        note=note,
        place=rule.place,
        hosts=hosts,
        failing=failing,
        on_trust=bool(called and walk.lane)
        and (
            walk.header in walk.trusted
            or (not ends and any(pod.carries_baggage is None for pod in pods))
        ),
    )


@dataclass(frozen=True)
class Choice:
    """How a rule came to be chosen for a lane.

    `own`: it was chosen for what the request carries, and does not take every request. `of`: the
    other lanes that it takes as well. `later`: a rule behind it is the lane's own. `lost`: with the
    lane's tag it would be another. `runs`: the lane's version runs at the service, whichever rule
    leads there.
    """

    own: bool
    runs: bool = False
    of: frozenset[str] = frozenset()
    later: bool = False
    lost: bool = False


def _why(
    walk: Walk,
    used: list[Weighted],
    versions: tuple[str, ...],
    first_choice: bool,
    choice: Choice,
) -> tuple[str, str]:
    """Why these versions answer the lane, and more in words where that helps."""
    lane = walk.lane
    if versions == (lane,):
        return MATCH, ""
    if not lane:
        return (SPLIT if len(versions) > 1 else MATCH), ""
    if len(versions) > 1 and (not choice.own or len(used) > 1):
        return SPLIT, ""
    if choice.own and versions[0] in choice.of:
        return CAUGHT, f"the rule of lane {versions[0]} takes it as well"
    if choice.own and first_choice:
        if choice.runs:
            return UNSELECTED, _unselected(walk, used)
        return MATCH, ""
    if not choice.runs:
        return FALLBACK, ""
    if choice.own:
        return UNSELECTED, _unselected(walk, used)
    if choice.lost:
        return LOST, "the lane's tag does not reach it"
    if choice.later:
        return SHADOWED, "a rule that takes every request stands before its own"
    return UNROUTED, f"{lane} runs there, and no rule leads to it"


def _unselected(walk: Walk, used: list[Weighted]) -> str:
    subsets = {w.destination.name.split(" else ")[0].split("|")[2:3][0] for w in used}
    named = f"subset {', '.join(sorted(subsets))}" if all(subsets) else "its rule"
    return f"{named} selects none of the pods of {walk.lane} that run there"


def _call(
    walk: Walk, url: str, caller: Pod, carried: Mapping[str, str], behind: tuple[Host, ...]
) -> Hop:
    """The hop behind `url`, for a call that has the headers `carried`."""
    port, path = walk.calls.port(url, caller.namespace)
    if port is None or ("://" not in url and url in caller.upstream_urls):
        raise LanesError(
            f"pod {caller.name} calls {url}, which is no Service's http URL in these manifests"
        )
    port = port.seen_by(caller)
    if port.host in behind and url not in caller.upstream_urls:
        # It may know when to stop, and what it calls is told where it was met first.
        walk = replace(walk, calls=walk.calls.none())
    elif port.host in behind:
        chain = " -> ".join(host.name for host in (*behind, port.host))
        raise LanesError(f"lane {walk.lane}: {chain}: the chain never ends; break the loop")
    elif len(behind) > MOST_CALLS:
        way = f"lane {walk.lane or 'untagged'}"
        raise LanesError(f"{way}: a chain of more than {MOST_CALLS} calls is not planned")
    return answer_at(walk, port, Request(carried, path), caller.propagation, behind)


def answer_at(
    walk: Walk,
    port: ServicePort,
    call: Request,
    propagation: Propagation,
    behind: tuple[Host, ...] = (),
) -> Hop:
    """The hop at a Service's port, for a call whose sidecar exchanges `propagation`.

    Raises LanesError where the lane has no one path from there.
    """
    request = call.sent(propagation)
    route = request.rule(port.routes)
    if route is None:
        return Hop(port.host.name, (), NONE, status=404, hosts=(port.host,))
    destinations = route.destinations
    if len(destinations) > 1 and any(w.request != HeaderOps() for w in destinations):
        raise LanesError(
            f"lane {walk.lane}: the rule at {port.host.name} splits the lane and changes headers"
            " by destination, so the lane has no one path; match the lane before splitting"
        )
    choice = _choice(walk, port, route, request, propagation)
    ops = ([destinations[0].request] if len(destinations) == 1 else []) + [route.request]
    return hop_at(walk, port.host, route, request.changed(*ops), choice, behind)


def _choice(
    walk: Walk, port: ServicePort, route: Route, request: Request, propagation: Propagation
) -> Choice:
    """How `route` came to be chosen; what no reason needs is not looked into."""

    def rule(lane: str) -> Route | None:
        """The rule for this request in another lane."""
        return walk.as_lane(request, lane).sent(propagation).rule(port.routes)

    own = route is not Request({}, request.path).rule(port.routes)
    runs = walk.lane in versions_at(walk, port.pods, port.routes)
    if own:
        versions = {pod.version for w in route.destinations for pod in first_pods(w)}
        rivals = walk.others & versions - {walk.lane}
        return Choice(own, runs, of=frozenset(lane for lane in rivals if rule(lane) is route))
    if not runs:
        return Choice(own, runs)
    later = any(
        request.rule((rule,)) is rule and _leads_to(rule, walk.lane)
        for rule in port.routes[port.routes.index(route) + 1 :]
    )
    return Choice(own, runs, later=later, lost=rule(walk.lane) is not route)


def _leads_to(rule: Route, version: str) -> bool:
    pods = [pod for w in rule.destinations for pod in first_pods(w)]
    return bool(pods) and all(pod.version == version for pod in pods)


def versions_at(walk: Walk, selected: tuple[Pod, ...], routes: Iterable[Route]) -> frozenset[str]:
    """The versions of a service: of the pods that its Service selects, and of those of the same
    name, which a Service of a lane's own may select.
    """
    led = (
        endpoint.pod
        for route in routes
        for weighted in route.destinations
        for tier in weighted.destination.tiers
        for endpoint in tier
    )
    names = {(pod.app, pod.namespace) for pod in (*selected, *led)}
    return frozenset(version for name in names for version in walk.running.get(name, ()))


def running(mesh: Mesh) -> Running:
    """The versions that run, by the name that pods answer with and their namespace."""
    found: dict[tuple[str, str], set[str]] = {}
    for pod in mesh.pods:
        found.setdefault((pod.app, pod.namespace), set()).add(pod.version)
    return found
