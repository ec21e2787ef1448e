"""The warnings of a plan, each at its place in the manifests."""

from collections.abc import Iterator

from lanes.mesh.diagnostics import Finding, Place
from lanes.mesh.model import Mesh, Pod
from lanes.planning.call_graph import call_graph
from lanes.planning.result import Plan

ASSUMED = "assumed"
BAGGAGE_DROPPED = "baggage-dropped"
FAILING = "failing"
NO_PORT = "no-port"
SHORT_NAME = "short-name"


def warnings(mesh: Mesh, plan: Plan) -> tuple[Finding, ...]:
    """Return all warnings, each once."""
    of_plan = (*_misrouted(plan), *_assumed(plan), *_dropped(mesh))
    return tuple(dict.fromkeys((*of_manifests(mesh), *of_plan)))


def of_manifests(mesh: Mesh) -> tuple[Finding, ...]:
    """Return the warnings that need no plan: of reading, and of calls without Service or port."""
    return tuple(dict.fromkeys((*mesh.warnings, *_no_port(mesh), *_short_names(mesh))))


def _short_names(mesh: Mesh) -> Iterator[Finding]:
    calls = call_graph(mesh)
    for pod in mesh.pods:
        for variable, name, host in calls.missing_namespaces(pod):
            message = (
                f"{variable} names {name}, which is not a Service in namespace {pod.namespace}, so"
                f" this is not planned as a call; did you mean {name}.{host.namespace}?"
            )
            yield _finding(SHORT_NAME, pod.place, message)


def _no_port(mesh: Mesh) -> Iterator[Finding]:
    calls = call_graph(mesh)
    for pod in mesh.pods:
        for missing in calls.missing_ports(pod):
            service, ports = missing.host.name, ", ".join(map(str, missing.known))
            message = (
                f"{missing.variable} names {service}:{missing.port}, and {service} has port"
                f" {ports} alone, so this is not planned as a call"
            )
            yield _finding(NO_PORT, pod.place, message)


def _misrouted(plan: Plan) -> Iterator[Finding]:
    for lane in plan.lanes:
        for hop in lane.path:
            if hop.misrouted:
                message = f"lane {lane.name} at {hop.service}: {hop.misrouted!s}"
                yield _finding(hop.misrouted.reason, hop.place, message)
            for part in hop.failing:
                message = f"lane {lane.name} at {hop.service}: {part.share:.1%} gets {part.status}"
                yield _finding(FAILING, hop.place, message)


def _assumed(plan: Plan) -> Iterator[Finding]:
    for service, carrier in plan.assumed.items():
        message = (
            f"{service} is assumed to propagate {carrier}. No manifest shows it: check the code"
        )
        yield _finding(ASSUMED, Place(), message)


def _dropped(mesh: Mesh) -> Iterator[Finding]:
    for pod in dropping(mesh):
        yield _finding(BAGGAGE_DROPPED, pod.place, lanes_end(pod.app))


def dropping(mesh: Mesh) -> Iterator[Pod]:
    """Yield the pods that call others and do not propagate baggage."""
    calls = call_graph(mesh)
    dropped = (pod for pod in mesh.pods if pod.carries_baggage is False)
    return (pod for pod in dropped if calls.of((), (pod,)))


def lanes_end(services: str) -> str:
    """Return the warning that lanes end at these services."""
    return f"lanes end at {services}: OpenTelemetry is set to propagate no baggage there"


def _finding(rule: str, place: Place, message: str) -> Finding:
    return Finding(rule, place.file, place.resource, place.field, message)
