"""What of a plan is worth a warning, each at its place in the manifests."""

from collections.abc import Iterator

from lanes.mesh.diagnostics import Finding
from lanes.model import Mesh, Place
from lanes.planning.call_graph import call_graph
from lanes.planning.result import Plan

ASSUMED = "on-trust"
BAGGAGE_DROPPED = "baggage-dropped"
FAILING = "failing"
NO_PORT = "no-port"


def warnings(mesh: Mesh, plan: Plan) -> tuple[Finding, ...]:
    """What a reader of the plan should look at: lanes astray, and where their tag is lost."""
    told = (*of_manifests(mesh), *_astray(plan), *_trusted(plan), *_dropped(mesh))
    return tuple(dict.fromkeys(told))


def of_manifests(mesh: Mesh) -> tuple[Finding, ...]:
    """What needs no plan to be told: what reading found, and calls that reach no port."""
    return tuple(dict.fromkeys((*mesh.warnings, *_no_port(mesh))))


def _no_port(mesh: Mesh) -> Iterator[Finding]:
    calls = call_graph(mesh)
    for pod in mesh.pods:
        for missing in calls.missing_ports(pod):
            service, ports = missing.host.name, ", ".join(map(str, missing.known))
            message = (
                f"{missing.variable} leads to {service}:{missing.port}, and {service} has port"
                f" {ports} alone: not taken for a call"
            )
            yield finding(NO_PORT, pod.place, message)


def _astray(plan: Plan) -> Iterator[Finding]:
    for lane in plan.lanes:
        for hop in lane.path:
            if hop.misrouted:
                message = f"lane {lane.name} at {hop.service}: {hop.misrouted!s}"
                yield finding(hop.misrouted.reason, hop.place, message)
            for one in hop.failing:
                message = f"lane {lane.name} at {hop.service}: {one.share:.1%} gets {one.status}"
                yield finding(FAILING, hop.place, message)


def _trusted(plan: Plan) -> Iterator[Finding]:
    for service, tag in plan.assumed.items():
        message = f"nothing tells that {service} hands {tag} on; the plan takes it on trust"
        yield finding(ASSUMED, Place(), message)


def _dropped(mesh: Mesh) -> Iterator[Finding]:
    for pod in mesh.pods:
        if pod.upstream_urls and pod.carries_baggage is False:
            message = f"lanes end at {pod.app}: OpenTelemetry is set to carry no baggage there"
            yield finding(BAGGAGE_DROPPED, pod.place, message)


def finding(rule: str, place: Place, message: str) -> Finding:
    return Finding(rule, place.file, place.resource, place.field, message)
