"""The context of a lane: what the answers depend on besides each service's rules."""

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

# The most lanes times rules, which takes some seconds. A hop costs as much as 12 rules.
MOST_TRIALS = 2_000_000
_RULES_PER_SERVICE = 12


@dataclass(frozen=True)
class PlanContext:
    """The context that all lanes of a plan share.

    - running: the versions that run, by the pods' app and namespace
    - lanes: the lanes that the gateway sets
    - assumed: the headers that services may propagate
    - untagged: the names of the destinations of requests without a lane
    - entry_names: the names in the plan of the entry Services
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
    """One lane, its version ("" for requests without a lane), and the other lanes."""

    plan: PlanContext
    spec: LaneSpec
    version: str
    others: frozenset[str]

    @property
    def carrier(self) -> str:
        """The header that carries the lane header from hop to hop."""
        return self.spec.header if self.spec.header in self.plan.assumed else "baggage"

    def versions_of(self, names: Iterable[tuple[str, str]]) -> frozenset[str]:
        """Return the versions that run with these names and namespaces."""
        running = self.plan.running
        return frozenset(version for name in names for version in running.get(name, ()))

    def as_lane(self, request: Request, lane: str) -> Request:
        """Return `request` with the lane header of another lane."""
        header, value = self.carrier, lane
        if header == "baggage":
            value = baggage.with_member(request.headers.get(header, ""), self.spec.header, lane)
        return replace(request, headers={**request.headers, header: value})


def plan_context(graph: CallGraph, ingress: Ingress, lanes: Lanes) -> PlanContext:
    """Return the context that all lanes of a plan share."""
    running: dict[tuple[str, str], set[str]] = {}
    for pod in graph.mesh.pods:
        running.setdefault((pod.app, pod.namespace), set()).add(pod.version)
    untagged = (spec for spec in lanes.specs if spec.name == UNTAGGED)
    names = (one.weighted.destination.name for spec in untagged for one in spec.forwarded)
    entry_names = _entry_names(ingress, graph)
    return PlanContext(graph, running, lanes.names, ingress.assumed, frozenset(names), entry_names)


def _entry_names(ingress: Ingress, graph: CallGraph) -> dict[Host, str]:
    """Return the names of the Services to which the gateway forwards.

    A Service for one version has the name of its app, if the app is a Service or has several such
    Services. Any other has its own name.
    """
    alternatives = (*ingress.alternatives, *ingress.other_hosts)
    forwarded = (*ingress.default, *(one for other in alternatives for one in other.forwarded))
    destinations = (one.weighted.destination for one in forwarded)
    apps = {destination.host: _app(destination) for destination in destinations}
    services = Counter(apps.values())
    return {
        host: app.name if services[app] > 1 or app in graph.ports else host.name
        for host, app in apps.items()
    }


def _app(destination: Destination) -> Host:
    """Return the app of a destination, in the namespace of its Service, or else of its pods."""
    namespaces = (endpoint.pod.namespace for endpoint in destination.endpoints)
    return Host(destination.app, destination.host.namespace or next(namespaces, ""))


def require_feasible(mesh: Mesh, lanes: int) -> None:
    """Raise PlanError if there are too many lanes, services and rules to plan in some seconds."""
    rules = sum(max(1, len(route.matches)) for port in mesh.ports for route in port.all_routes)
    services = len(mesh.ports)
    if lanes * (rules + services * _RULES_PER_SERVICE) > MOST_TRIALS:
        counts = {"lanes": lanes, "services": services, "rules": rules}
        raise PlanError(Problem.TOO_MUCH_TO_PLAN, sources=" ".join(mesh.sources), **counts)
