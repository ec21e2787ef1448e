"""What decides, besides a service's rules, how one lane's requests are answered."""

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace

from lanes.mesh import baggage
from lanes.mesh.model import Destination, Host, Mesh
from lanes.planning.call_graph import CallGraph
from lanes.planning.ingress import Ingress
from lanes.planning.lanes import UNTAGGED, Lanes, LaneSpec
from lanes.planning.messages import PlanError, Problem
from lanes.planning.request import Request

# Lanes times rules: some seconds. A hop takes as long as so many rules.
MOST_TRIALS = 2_000_000
_RULES_PER_SERVICE = 12


@dataclass(frozen=True)
class PlanContext:
    """What is the same for every lane of a plan.

    `running`: the versions that run, by the name that pods answer with and their namespace.
    `lanes`: those that the gateway sets. `assumed`: the headers that services may hand on by
    themselves. `untagged`: the destinations, by name, of requests without a lane. `entry_names`:
    what the Services are called that the gateway leads to.
    """

    graph: CallGraph
    running: Mapping[tuple[str, str], Set[str]]
    lanes: frozenset[str]
    assumed: frozenset[str]
    untagged: frozenset[str]
    entry_names: Mapping[Host, str]

    def of(self, spec: LaneSpec) -> "LaneContext":
        """Return the context of one lane."""
        return LaneContext(self, spec, spec.version, self.lanes - {spec.name})


@dataclass(frozen=True)
class LaneContext:
    """One lane, its version ("": that of requests without a lane), and the lanes beside it."""

    plan: PlanContext
    spec: LaneSpec
    version: str
    others: frozenset[str]

    @property
    def carrier(self) -> str:
        """The header that carries the lane header from hop to hop."""
        return self.spec.header if self.spec.header in self.plan.assumed else "baggage"

    def versions_of(self, names: Iterable[tuple[str, str]]) -> frozenset[str]:
        """Return the versions that run of pods with these names and namespaces."""
        running = self.plan.running
        return frozenset(version for name in names for version in running.get(name, ()))

    def as_lane(self, request: Request, lane: str) -> Request:
        """Return `request` as it would be in another lane."""
        header, value = self.carrier, lane
        if header == "baggage":
            value = baggage.with_member(request.headers.get(header, ""), self.spec.header, lane)
        return replace(request, headers={**request.headers, header: value})


def plan_context(graph: CallGraph, ingress: Ingress, lanes: Lanes) -> PlanContext:
    """Return what every lane of a plan has in common."""
    running: dict[tuple[str, str], set[str]] = {}
    for pod in graph.mesh.pods:
        running.setdefault((pod.app, pod.namespace), set()).add(pod.version)
    untagged = (spec for spec in lanes.specs if spec.name == UNTAGGED)
    names = (one.weighted.destination.name for spec in untagged for one in spec.forwarded)
    entry_names = _entry_names(ingress, graph)
    return PlanContext(graph, running, lanes.names, ingress.assumed, frozenset(names), entry_names)


def _entry_names(ingress: Ingress, graph: CallGraph) -> dict[Host, str]:
    """Return the names of the Services that the gateway leads to.

    Services for one version each have the name of their app, where it is a Service, or theirs.
    """
    led = [
        one for other in (*ingress.alternatives, *ingress.other_hosts) for one in other.forwarded
    ]
    apps = {
        to.host: _app(to) for one in (*ingress.default, *led) for to in [one.weighted.destination]
    }
    alike = Counter(apps.values())
    return {
        host: app.name if alike[app] > 1 or app in graph.ports else host.name
        for host, app in apps.items()
    }


def _app(destination: Destination) -> Host:
    """Return the app of a destination, in the namespace of its Service, or else of its pods."""
    pods = (endpoint.pod.namespace for endpoint in destination.endpoints)
    return Host(destination.app, destination.host.namespace or next(pods, ""))


def require_feasible(mesh: Mesh, lanes: int) -> None:
    """Raise PlanError for more lanes, services and rules than are planned in some seconds."""
    rules = sum(max(1, len(route.matches)) for port in mesh.ports for route in port.all_routes)
    services = len(mesh.ports)
    if lanes * (rules + services * _RULES_PER_SERVICE) > MOST_TRIALS:
        counts = {"lanes": lanes, "services": services, "rules": rules}
        raise PlanError(Problem.TOO_MUCH_TO_PLAN, sources=" ".join(mesh.sources), **counts)
