"""The picture that the browser draws: the mesh, its lanes and its pods at one moment, as JSON."""

from collections.abc import Collection, Iterable, Mapping

from lanes.envoy import Json
from lanes.mesh.model import Mesh, Pod
from lanes.page.calls import GATEWAY, node
from lanes.page.counts import Counts, Link, Tally
from lanes.page.curl import curl
from lanes.planning.hop import MISROUTED, Hop, Reason
from lanes.planning.result import Lane, Plan
from lanes.verification import split
from lanes.verification.gateway import Gateway

# Folding fewer services than these saves no space.
_FEWEST_FOLDED = 3


def services(mesh: Mesh, planned: Plan) -> list[Json]:
    """Return the services on lanes' paths: their depth, whether they fold, and their versions."""
    folds = _folding(planned)
    return [
        {
            "name": name,
            "depth": depth,
            "folds": name in folds,
            "versions": [
                {"version": version, "node": node(name, version)}
                for version in rows(mesh, planned)
                if any(pod.app == name and pod.version == version for pod in mesh.pods)
            ],
        }
        for name, depth in depths(planned).items()
    ]


def depths(planned: Plan) -> dict[str, int]:
    """Return how many hops each service is behind the entry service, at most."""
    services = {name: 0 for lane in planned.lanes for hop in lane.path for name in _names(hop)}
    for lane in planned.lanes:
        hops = {id(lane.entry): 0}
        for hop in sorted(lane.path, key=lambda hop: hop.depth, reverse=True):  # callers first
            depth = hops[id(hop)]
            services |= {name: max(depth, services[name]) for name in _names(hop)}
            for upstream in hop.upstreams:
                hops[id(upstream)] = max(depth + 1, hops.get(id(upstream), 0))
    return services


def _folding(planned: Plan) -> set[str]:
    """Return the services that no lane changes: the same one version answers every lane.

    Entry services never fold. Returns an empty set if all services or fewer than three would fold.
    """
    answers_at: dict[str, list[frozenset[tuple[str, str]]]] = {}
    for lane in planned.lanes:
        answering = {name: hop.answering for hop in lane.path for name in _names(hop)}
        for name, versions in answering.items():
            answers_at.setdefault(name, []).append(versions)
    unchanged = {
        name
        for name, answers in answers_at.items()
        if len(answers) == len(planned.lanes) and len(set(answers)) == len(answers[0]) == 1
    }
    if unchanged == answers_at.keys():
        return set()
    folding = unchanged - {name for lane in planned.lanes for name in _names(lane.entry)}
    return folding if len(folding) >= _FEWEST_FOLDED else set()


def rows(mesh: Mesh, planned: Plan) -> list[str]:
    """Return every version once: those with a lane in the order of lanes, then the others."""
    versions = {pod.version for pod in mesh.pods}
    named = [lane.name for lane in planned.lanes if lane.name in versions]
    return [*named, *sorted(versions - set(named))]


def planned_links(lane: Lane) -> list[Link]:
    """Return the links of a lane's planned path."""
    calls: list[tuple[tuple[str, ...], Hop]] = [((GATEWAY,), lane.entry)]
    calls += [(_nodes(hop), upstream) for hop in lane.path for upstream in hop.upstreams]
    return [
        Link(lane.name, caller, callee.partition("/")[0] if callee else hop.service, callee)
        for callers, hop in calls
        for caller in callers
        for callee in _nodes(hop) or (None,)
    ]


def _nodes(hop: Hop) -> tuple[str, ...]:
    return tuple(node(*answering) for answering in sorted(hop.answering))


def _names(hop: Hop) -> tuple[str, ...]:
    """Return the services whose pods answer at the hop; the called Service if none does."""
    return tuple(sorted({name for name, _ in hop.answering})) or (hop.service,)


class Lanes:
    """Draws lanes: the links of recent requests, or the planned ones without requests.

    `whole` is the plan of the mesh with all its pods. `gateway` is where requests enter lanes.
    """

    def __init__(self, whole: Plan, gateway: Gateway) -> None:
        self._whole = whole
        self._gateway = gateway
        self._hops = {
            lane.name: {name: hop for hop in lane.path for name in _names(hop)}
            for lane in whole.lanes
        }
        self._depths = depths(whole)

    def draw(
        self, current: Plan | None, weights: Mapping[str, int], counts: Counts, now: float
    ) -> list[Json]:
        """Return each lane at the moment `now`.

        `current` is the plan of the mesh with the pods that are ready; None if there is no plan.
        """
        planned = {lane.name: planned_links(lane) for lane in current.lanes} if current else {}
        total, drawn = sum(weights.values()), sum(counts.drawn.values())
        failing = counts.failing(now)
        return [
            {
                "name": lane.name,
                "weight": weights.get(lane.name),
                "share": weights[lane.name] / total if lane.name in weights else None,
                "enter": [
                    {"rule": str(rule), "curl": curl(self._gateway, rule)}
                    for rule in lane.entry_rules
                ],
                "drawn": counts.drawn.get(lane.name, 0),
                "interval": split.interval(counts.drawn[lane.name], drawn, len(weights))
                if drawn and lane.name in weights
                else None,
                "links": self._links(lane.name, planned.get(lane.name, []), counts, failing, now),
                **numbers(counts.lanes.get(lane.name)),
            }
            for lane in self._whole.lanes
        ]

    def _links(
        self,
        lane: str,
        planned: Iterable[Link],
        counts: Counts,
        failing: Collection[Link],
        now: float,
    ) -> list[Json]:
        fresh = sorted(counts.fresh(lane, now), key=lambda link: self._depths.get(link.service, 0))
        return [
            {
                "from": link.caller,
                "to": link.callee,
                "service": link.service,
                "why": self._why(link),
                "seen": bool(fresh),
                "count": tally.count if tally else 0,
                "failing": link in failing,
            }
            for link in fresh or planned
            for tally in [counts.links.get(link)]
        ]

    def _why(self, link: Link) -> str:
        if link.callee is None:
            return Reason.NONE
        hop = self._hops.get(link.lane, {}).get(link.service)
        if hop and hop.reason in MISROUTED:
            return "misrouted"
        matching = _nodes(hop) if hop and hop.reason in (Reason.MATCH, Reason.SPLIT) else ()
        return Reason.MATCH if link.callee in matching else Reason.FALLBACK


def numbers(tally: Tally | None) -> Json:
    """Return a tally's figures, with times in milliseconds."""
    times = tally.milliseconds if tally else None
    return {
        "requests": tally.count if tally else 0,
        "failed": tally.failed if tally else 0,
        "median": round(times[0], 1) if times else None,
        "p99": round(times[1], 1) if times else None,
    }


def nodes(mesh: Mesh, counts: Counts, now: float) -> Json:
    """Return the figures of each node, as its callers see it, and whether requests fail there."""
    failing = {link.callee for link in counts.failing(now)}
    names = dict.fromkeys(node(pod.app, pod.version) for pod in mesh.pods)
    return {name: numbers(counts.nodes.get(name)) | {"failing": name in failing} for name in names}


def state(pod_runs: bool, stopped: bool, healthy: bool) -> str:
    """Return the state of a pod in one or two words."""
    if stopped:
        return "stopping" if pod_runs else "stopped"
    if not pod_runs:
        return "crashed"
    return "ready" if healthy else "not ready"


def fault_of(pod: Pod) -> Json:
    """Return the fault of the pod's manifest."""
    return {
        "delay": pod.env.get("fault_delay") or "0",
        "rate": float(pod.env.get("fault_rate") or 0),
    }
