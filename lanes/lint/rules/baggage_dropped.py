"""Pods that do not propagate baggage."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.lint.workloads import Workload
from lanes.mesh.model import Pod
from lanes.reading import kinds
from lanes.reading.instrumentation import INJECT
from lanes.reading.manifests import Resource
from lanes.reading.providers import has_asm_resources

_PROPAGATORS = "OTEL_PROPAGATORS"


def check(facts: Facts) -> Iterator[Violation]:
    by_baggage = any("baggage" in match.conditions.headers for _, match in facts.mesh_matches)
    if not by_baggage and not has_asm_resources(facts.manifests):
        return
    workloads = [(w, host, pod) for w, host in facts.routed_workloads if (pod := facts.pod_of(w))]
    instrumented = any(_is_set_up(pod) for _, _, pod in workloads)
    first: dict[int, Violation] = {}
    for workload, host, pod in workloads:
        found = None if facts.is_leaf(host, pod) else _violation(facts, workload, pod, instrumented)
        if found:
            first.setdefault(id(found[0]), found)
    yield from first.values()


def _is_set_up(pod: Pod) -> bool:
    return bool(pod.injected or any(name.startswith("OTEL_") for name in pod.env))


def _violation(facts: Facts, workload: Workload, pod: Pod, instrumented: bool) -> Violation | None:
    """Return why pods drop baggage; None if they propagate it."""
    if pod.carries_baggage is None and instrumented and not _is_set_up(pod):
        return (
            workload.resource,
            workload.field("metadata"),
            "OpenTelemetry is set up in other pods and not in these, so the lane ends here"
            f" unless they propagate baggage themselves; annotate them {INJECT}...",
        )
    if pod.carries_baggage is not False:
        return None
    if field := _propagators_field(workload):
        problem = "the lane ends at these pods: their propagators lack baggage; add it"
        return workload.resource, field, problem
    for resource, body in facts.of(kinds.Instrumentation):
        if _lack_baggage(",".join(body.spec.propagators)) and _may_request(workload, resource):
            return (
                resource,
                "spec.propagators",
                f"the lane ends at pods of {workload.resource.name}: the propagators lack baggage;"
                " add it",
            )
    return (
        workload.resource,
        workload.field("spec.containers"),
        "the lane ends at these pods: OpenTelemetry is set to carry no baggage here; change that",
    )


def _propagators_field(workload: Workload) -> str:
    """Return the field of the pods' propagators that lack baggage; "" if there is none."""
    for index, container in enumerate(workload.template.spec.containers):
        for number, variable in enumerate(container.env):
            if variable.name == _PROPAGATORS and _lack_baggage(variable.value):
                return workload.field(f"spec.containers[{index}].env[{number}].value")
    return ""


def _lack_baggage(propagators: str) -> bool:
    names = {name.strip() for name in propagators.split(",")} - {""}
    return bool(names) and "baggage" not in names


def _may_request(workload: Workload, instrumentation: Resource) -> bool:
    """Tell whether a workload's annotations may ask for an Instrumentation."""
    for name, value in workload.template.metadata.annotations.items():
        namespace, _, asked = value.rpartition("/")
        here = instrumentation.namespace == (namespace or workload.resource.namespace)
        if name.startswith(INJECT) and here and asked in ("true", instrumentation.name):
            return True
    return False


RULE = Rule(
    code="TL024",
    name="baggage-dropped",
    severity="warning",
    text="""The lane is a member of `baggage`, which OpenTelemetry propagates. The `baggage`
propagator is on by default, and off if `OTEL_PROPAGATORS` or an Instrumentation's `propagators`
name others. A service that is not instrumented drops baggage.""",
    bad="""
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {selector: {app: cart}, ports: [{name: http, port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart}
spec:
  template:
    metadata:
      labels: {app: cart, version: v1}
      annotations: {instrumentation.opentelemetry.io/inject-java: "true"}
    spec: {containers: [{name: cart}]}
---
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {name: agents}
spec: {propagators: [tracecontext]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - match: [{headers: {baggage: {exact: version=v2}}}]
      headers: {request: {set: {baggage: version=v2}}}
      route: [{destination: {host: cart}}]
    - route: [{destination: {host: cart}}]
""",
    fix=("[tracecontext]", "[tracecontext, baggage]"),
    check=check,
)
