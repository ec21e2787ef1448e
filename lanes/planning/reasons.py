"""Why a rule was chosen for a lane, and why the versions behind it answer."""

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
    """How a rule came to be chosen for a lane.

    `own`: it was chosen for what the request carries, and does not match every request. `rivals`:
    the other lanes that it also matches. `later`: a rule behind it is the lane's own. `lost`: with
    the lane header another rule would be chosen. `runs`: the lane's version runs at the service.
    """

    own: bool
    runs: bool = False
    rivals: frozenset[str] = frozenset()
    later: bool = False
    lost: bool = False


def choice_of(
    lane: LaneContext, port: ServicePort, route: Route, request: Request, propagation: Propagation
) -> Choice:
    """Tell how `route` came to be chosen; what no reason needs is not looked into."""

    def rule(other: str) -> Route | None:
        """Return the rule for this request in another lane."""
        return lane.as_lane(request, other).sent(propagation).rule(port.routes)

    own = route is not Request({}, request.path).rule(port.routes)
    runs = lane.version in lane.versions_of(port.names)
    if own:
        versions = {pod.version for w in route.destinations for pod in first_pods(w)}
        others = lane.others & versions - {lane.version}
        return Choice(own, runs, rivals=frozenset(one for one in others if rule(one) is route))
    if not runs:
        return Choice(own, runs)
    later = any(
        request.rule((rule,)) is rule and _leads_to(rule, lane.version)
        for rule in port.routes[port.routes.index(route) + 1 :]
    )
    return Choice(own, runs, later=later, lost=rule(lane.version) is not route)


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
    """Return why these versions of the answering `parts` answer the lane.

    `split`: between Services that the versions do not tell apart.
    """
    if tuple(versions) == (lane.version,):
        return (Reason.SPLIT if split else Reason.MATCH), None
    if not lane.version:
        return (Reason.SPLIT if split or len(versions) > 1 else Reason.MATCH), None
    if len(versions) > 1 and (not choice.own or len(parts) > 1):
        return Reason.SPLIT, None
    if choice.own and versions[0] in choice.rivals:
        return Reason.CAUGHT, Misrouted(Reason.CAUGHT, versions[0])
    if not choice.runs:
        by_rule = choice.own and all(part.tier == 0 for part in parts)
        return (Reason.MATCH if by_rule else Reason.FALLBACK), None
    misrouted = _misrouted(lane, parts, choice)
    return misrouted.reason, misrouted


def _misrouted(lane: LaneContext, parts: Sequence[Part], choice: Choice) -> Misrouted:
    """Return what keeps the lane from its version, which runs there."""
    if choice.own:
        return unselected(lane, parts)
    if choice.lost:
        return Misrouted(Reason.LOST)
    if choice.later:
        return Misrouted(Reason.SHADOWED)
    return Misrouted(Reason.UNROUTED, lane.version)


def unselected(lane: LaneContext, parts: Sequence[Part]) -> Misrouted:
    """Return that the rule of these parts selects no pod of the lane, or not these alone."""
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
    """Return why nothing answers where a rule leads to these hosts."""
    ports = lane.plan.graph.ports
    # A name that only rules know has no pods of its own.
    there = {h for h, of in ports.items() if h.namespace or any(p.pods for p in of.values())}
    absent = tuple(host for host in hosts if host not in there)
    if not hosts:
        return Unanswered("no-weight" if rule.has_no_weight else "answers-itself")
    if len(absent) == len(hosts):
        return Unanswered("no-service", absent)
    if status == 500:
        return Unanswered("not-permitted")
    if any(one.destination.tls_refused for one in rule.destinations):
        return Unanswered("tls-refused")
    to = [one.destination for one in rule.destinations]
    if all(one.missing == "port" for one in to):
        return Unanswered("no-port", hosts)
    if all(one.missing == "subset" and one.subset != lane.version for one in to):
        return Unanswered("no-subset")
    known = (port for host in hosts for port in ports.get(host, {}).values())
    running = {version for port in known for version in lane.versions_of(port.names)}
    lacks = running and lane.version and lane.version not in running and not misrouted
    return Unanswered("no-version" if lacks else "no-pods")
