"""Why a rule was chosen for a lane, and why the versions behind it answer."""

from dataclasses import dataclass

from lanes.model import Propagation, Route, ServicePort, Weighted
from lanes.planning.hop import CAUGHT, FALLBACK, LOST, MATCH, SHADOWED, SPLIT, UNROUTED, UNSELECTED
from lanes.planning.request import Request
from lanes.planning.shares import first_pods
from lanes.planning.walk import Walk


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


def choice_of(
    walk: Walk, port: ServicePort, route: Route, request: Request, propagation: Propagation
) -> Choice:
    """How `route` came to be chosen; what no reason needs is not looked into."""

    def rule(lane: str) -> Route | None:
        """The rule for this request in another lane."""
        return walk.as_lane(request, lane).sent(propagation).rule(port.routes)

    own = route is not Request({}, request.path).rule(port.routes)
    runs = walk.lane in walk.versions_of(port.names)
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


def why(
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
            return UNSELECTED, unselected(walk, used)
        return MATCH, ""
    if not choice.runs:
        return FALLBACK, ""
    if choice.own:
        return UNSELECTED, unselected(walk, used)
    if choice.lost:
        return LOST, "the lane's tag does not reach it"
    if choice.later:
        return SHADOWED, "a rule that takes every request stands before its own"
    return UNROUTED, f"{lane} runs there, and no rule leads to it"


def unselected(walk: Walk, used: list[Weighted]) -> str:
    subsets = {w.destination.subset for w in used}
    named = f"subset {', '.join(sorted(subsets))}" if all(subsets) else "its rule"
    return f"{named} selects none of the pods of {walk.lane} that run there"
