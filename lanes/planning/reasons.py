"""Why a rule takes a lane's requests, and why the versions behind it answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from lanes.mesh.model import Host, Route, ServicePort
from lanes.mesh.traffic import Propagation
from lanes.planning.hop import Misrouted, Reason, Unanswered
from lanes.planning.lane_context import LaneContext
from lanes.planning.request import Request
from lanes.planning.shares import Part, first_pods


@dataclass(frozen=True)
class Choice:
    """Why a rule takes a lane's requests.

    - specific: it matches because of the request's headers; without them another rule would
    - runs: the lane's version runs at the service
    - also_matched: other lanes that the rule also matches, and whose versions it leads to
    - later: a rule behind it is the lane's own
    - lost: with the lane header, another rule would match
    """

    specific: bool
    runs: bool = False
    also_matched: frozenset[str] = frozenset()
    later: bool = False
    lost: bool = False


def choice_of(
    lane: LaneContext, port: ServicePort, route: Route, request: Request, propagation: Propagation
) -> Choice:
    """Return why `route` takes the request. Fields that no reason needs keep their defaults."""

    def rule(other: str) -> Route | None:
        """Return the rule that takes this request in another lane."""
        return lane.as_lane(request, other).sent(propagation).rule(port.routes)

    specific = route is not Request({}, request.path).rule(port.routes)
    runs = lane.version in lane.versions_of(port.names)
    if specific:
        versions = {pod.version for w in route.destinations for pod in first_pods(w)}
        others = lane.others & versions - {lane.version}
        also_matched = frozenset(other for other in others if rule(other) is route)
        return Choice(specific, runs, also_matched)
    if not runs:
        return Choice(specific, runs)
    later = any(
        request.rule((rule,)) is rule and _leads_to(rule, lane.version)
        for rule in port.routes[port.routes.index(route) + 1 :]
    )
    return Choice(specific, runs, later=later, lost=rule(lane.version) is not route)


def _leads_to(rule: Route, version: str) -> bool:
    pods = [pod for w in rule.destinations for pod in first_pods(w)]
    return bool(pods) and all(pod.version == version for pod in pods)


def reason_for(
    lane: LaneContext,
    parts: Sequence[Part],
    versions: Sequence[str],
    choice: Choice,
    *,
    split: bool,
) -> tuple[Reason, Misrouted | None]:
    """Return why the `versions` of the `parts` answer the lane.

    `split`: several Services answer, and the versions do not identify them.
    """
    if tuple(versions) == (lane.version,):
        return (Reason.SPLIT if split else Reason.MATCH), None
    if not lane.version:
        return (Reason.SPLIT if split or len(versions) > 1 else Reason.MATCH), None
    if len(versions) > 1 and (not choice.specific or len(parts) > 1):
        return Reason.SPLIT, None
    if choice.specific and versions[0] in choice.also_matched:
        return Reason.CAUGHT, Misrouted(Reason.CAUGHT, versions[0])
    if not choice.runs:
        by_rule = choice.specific and all(part.tier == 0 for part in parts)
        return (Reason.MATCH if by_rule else Reason.FALLBACK), None
    misrouted = _misrouted(lane, parts, choice)
    return misrouted.reason, misrouted


def _misrouted(lane: LaneContext, parts: Sequence[Part], choice: Choice) -> Misrouted:
    """Return why the lane does not get its version, which runs there."""
    if choice.specific:
        return unselected(lane, parts)
    if choice.lost:
        return Misrouted(Reason.LOST)
    if choice.later:
        return Misrouted(Reason.SHADOWED)
    return Misrouted(Reason.UNROUTED, lane.version)


def unselected(lane: LaneContext, parts: Sequence[Part]) -> Misrouted:
    """Return why the rule of these parts does not select the lane's pods alone."""
    subsets = {part.weighted.destination.subset for part in parts}
    named = tuple(sorted(subsets)) if all(subsets) else ()
    reason = Reason.UNSELECTED
    if any(lane.version in part.versions for part in parts):
        failing = any(part.weighted.destination.no_failover for part in parts)
        reason = Reason.NO_FAILOVER if failing else Reason.MIXED
    return Misrouted(reason, lane.version, named)


def why_unanswered(
    lane: LaneContext, rule: Route, hosts: tuple[Host, ...], status: int, misrouted: bool
) -> Unanswered:
    """Return why no pod answers behind a rule that leads to these hosts."""
    ports = lane.plan.graph.ports
    # A host that only rules name has no pods.
    existing = {h for h, of in ports.items() if h.namespace or any(p.pods for p in of.values())}
    absent = tuple(host for host in hosts if host not in existing)
    if not hosts:
        return Unanswered("no-weight" if rule.has_no_weight else "answers-itself")
    if len(absent) == len(hosts):
        return Unanswered("no-service", absent)
    if status == 500:
        return Unanswered("not-permitted")
    destinations = [weighted.destination for weighted in rule.destinations]
    if any(destination.tls_refused for destination in destinations):
        return Unanswered("tls-refused")
    if all(destination.missing == "port" for destination in destinations):
        return Unanswered("no-port", hosts)
    if all(d.missing == "subset" and d.subset != lane.version for d in destinations):
        return Unanswered("no-subset")
    ports_here = (port for host in hosts for port in ports.get(host, {}).values())
    running = {version for port in ports_here for version in lane.versions_of(port.names)}
    lacks = running and lane.version and lane.version not in running and not misrouted
    return Unanswered("no-version" if lacks else "no-pods")
