"""What the browser draws: the mesh, its lanes and its pods at one moment, as JSON."""

from collections.abc import Collection, Iterable, Mapping

from lanes.envoy import Json
from lanes.mesh.model import Mesh, Pod
from lanes.page.calls import GATEWAY, room
from lanes.page.counts import Counts, Tally, Way
from lanes.page.curl import curl
from lanes.planning.hop import MISROUTED, Hop, Reason
from lanes.planning.result import Lane, Plan
from lanes.verification import split
from lanes.verification.gateway import Gateway

# A line in the place of fewer services than these saves nothing.
_FEWEST_FOLDED = 3


def services(mesh: Mesh, planned: Plan) -> list[Json]:
    """The services that requests meet, each with its depth in the chain, whether it folds, and
    its versions.
    """
    folds = _folding(planned)
    return [
        {
            "name": name,
            "depth": depth,
            "folds": name in folds,
            "versions": [
                {"version": version, "room": room(name, version)}
                for version in rows(mesh, planned)
                if any(pod.app == name and pod.version == version for pod in mesh.pods)
            ],
        }
        for name, depth in depths(planned).items()
    ]


def depths(planned: Plan) -> dict[str, int]:
    """How many hops each service is behind the gateway's first, at most."""
    found = {name: 0 for lane in planned.lanes for hop in lane.path for name in _named(hop)}
    for lane in planned.lanes:
        ahead = {id(lane.entry): 0}
        for hop in sorted(lane.path, key=lambda hop: hop.depth, reverse=True):  # callers first
            depth = ahead[id(hop)]
            found |= {name: max(depth, found[name]) for name in _named(hop)}
            for upstream in hop.upstreams:
                ahead[id(upstream)] = max(depth + 1, ahead.get(id(upstream), 0))
    return found


def _folding(planned: Plan) -> set[str]:
    """The services that no lane changes: every lane finds the same one version there.

    Entry services are none of them, and none are where that leaves no service or saves none.
    """
    found: dict[str, list[frozenset[tuple[str, str]]]] = {}
    for lane in planned.lanes:
        met = {name: hop.answering for hop in lane.path for name in _named(hop)}
        for name, answering in met.items():
            found.setdefault(name, []).append(answering)
    same = {
        name
        for name, answers in found.items()
        if len(answers) == len(planned.lanes) and len(set(answers)) == len(answers[0]) == 1
    }
    if same == found.keys():
        return set()
    folding = same - {name for lane in planned.lanes for name in _named(lane.entry)}
    return folding if len(folding) >= _FEWEST_FOLDED else set()


def rows(mesh: Mesh, planned: Plan) -> list[str]:
    """Every version once: those that lanes are named after in the lanes' order, then the others."""
    versions = {pod.version for pod in mesh.pods}
    named = [lane.name for lane in planned.lanes if lane.name in versions]
    return [*named, *sorted(versions - set(named))]


def planned_ways(lane: Lane) -> list[Way]:
    """The ways that a lane's requests should take."""
    calls: list[tuple[tuple[str, ...], Hop]] = [((GATEWAY,), lane.entry)]
    calls += [(_rooms(hop), upstream) for hop in lane.path for upstream in hop.upstreams]
    return [
        Way(lane.name, caller, callee.partition("/")[0] if callee else hop.service, callee)
        for callers, hop in calls
        for caller in callers
        for callee in _rooms(hop) or (None,)
    ]


def _rooms(hop: Hop) -> tuple[str, ...]:
    return tuple(room(*answering) for answering in sorted(hop.answering))


def _named(hop: Hop) -> tuple[str, ...]:
    """What its pods are called on the map; where none answers, the Service."""
    return tuple(sorted({name for name, _ in hop.answering})) or (hop.service,)


class Lanes:
    """The lanes as drawn: where requests went a moment ago, or should go where none did.

    `whole` is the plan with all pods there: what it calls a lane's own version is that. `gateway`:
    where requests enter lanes.
    """

    def __init__(self, whole: Plan, gateway: Gateway) -> None:
        self._whole = whole
        self._gateway = gateway
        self._hops = {
            lane.name: {name: hop for hop in lane.path for name in _named(hop)}
            for lane in whole.lanes
        }
        self._depths = depths(whole)

    def draw(
        self, current: Plan | None, weights: Mapping[str, int], counts: Counts, now: float
    ) -> list[Json]:
        """Each lane at the moment `now`. `current`: the plan with the pods that are there; None
        where it makes none.
        """
        planned = {lane.name: planned_ways(lane) for lane in current.lanes} if current else {}
        total, asked = sum(weights.values()), sum(counts.drawn.values())
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
                "interval": split.interval(counts.drawn[lane.name], asked, len(weights))
                if asked and lane.name in weights
                else None,
                "ways": self._drawn(lane.name, planned.get(lane.name, []), counts, failing, now),
                **numbers(counts.lanes.get(lane.name)),
            }
            for lane in self._whole.lanes
        ]

    def _drawn(
        self,
        lane: str,
        planned: Iterable[Way],
        counts: Counts,
        failing: Collection[Way],
        now: float,
    ) -> list[Json]:
        fresh = sorted(counts.fresh(lane, now), key=lambda w: self._depths.get(w.service, 0))
        return [
            {
                "from": way.caller,
                "to": way.callee,
                "service": way.service,
                "why": self._why(way),
                "seen": bool(fresh),
                "count": tally.count if tally else 0,
                "failing": way in failing,
            }
            for way in fresh or planned
            for tally in [counts.ways.get(way)]
        ]

    def _why(self, way: Way) -> str:
        if way.callee is None:
            return Reason.NONE
        hop = self._hops.get(way.lane, {}).get(way.service)
        if hop and hop.reason in MISROUTED:
            return "astray"
        own = _rooms(hop) if hop and hop.reason in (Reason.MATCH, Reason.SPLIT) else ()
        return Reason.MATCH if way.callee in own else Reason.FALLBACK


def numbers(tally: Tally | None) -> Json:
    """A tally's figures; times in milliseconds."""
    times = tally.milliseconds if tally else None
    return {
        "requests": tally.count if tally else 0,
        "failed": tally.failed if tally else 0,
        "median": round(times[0], 1) if times else None,
        "p99": round(times[1], 1) if times else None,
    }


def rooms(mesh: Mesh, counts: Counts, now: float) -> Json:
    """The figures of each version, as those see it who call it, and whether requests fail there."""
    failing = {way.callee for way in counts.failing(now)}
    names = dict.fromkeys(room(pod.app, pod.version) for pod in mesh.pods)
    return {name: numbers(counts.rooms.get(name)) | {"failing": name in failing} for name in names}


def state(pod_runs: bool, stopped: bool, healthy: bool) -> str:
    """One word for how a pod is."""
    if stopped:
        return "stopping" if pod_runs else "stopped"
    if not pod_runs:
        return "crashed"
    return "ready" if healthy else "not ready"


def fault_of(pod: Pod) -> Json:
    """The fault that a pod starts with."""
    return {
        "delay": pod.env.get("fault_delay") or "0",
        "rate": float(pod.env.get("fault_rate") or 0),
    }
