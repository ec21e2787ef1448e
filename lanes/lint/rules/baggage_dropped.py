"""Pods that hand no baggage on."""

from collections.abc import Iterator

from lanes.lint.documents import Resource
from lanes.lint.facts import Facts, Workload
from lanes.lint.rule import Found, Rule
from lanes.lint.value import Value

_INJECT = "instrumentation.opentelemetry.io/inject-"
_PROPAGATORS = "OTEL_PROPAGATORS"


def check(facts: Facts) -> Iterator[Found]:
    by_baggage = any("baggage" in match.headers for _, match in facts.matched)
    if not by_baggage and not any(facts.propagated):
        return
    told: set[tuple[str, int]] = set()
    pods = {id(pod): pod for host in sorted(facts.routed) for pod in facts.pods(host)}
    some = any(_injected(pod) or _env(pod.spec, "OTEL_") for pod in pods.values())
    for pod in pods.values():
        for resource, value, problem in (*_own(pod), *_by_operator(facts, pod, some)):
            if (resource.file, value.line) not in told:
                told.add((resource.file, value.line))
                yield resource, value, problem


def _own(pod: Workload) -> Iterator[Found]:
    """What a pod's own environment says."""
    for variable in _env(pod.spec, _PROPAGATORS):
        if variable["value"] and not _has_baggage(variable["value"].text.split(",")):
            yield (
                pod.resource,
                variable["value"],
                "the lane ends at these pods: their propagators lack baggage; add it",
            )


def _by_operator(facts: Facts, pod: Workload, some: bool) -> Iterator[Found]:
    """What the OpenTelemetry Operator would inject, and whether it would at all."""
    asked = _injected(pod)
    if not asked:
        if some and not _env(pod.spec, "OTEL_"):
            yield (
                pod.resource,
                pod.template["metadata"],
                "OpenTelemetry is set up in other pods and not in these, so the lane ends here"
                f" unless they hand baggage on themselves; annotate them {_INJECT}...",
            )
        return
    found = list(_instrumentations(facts, pod, asked.text))
    for instrumentation in found:
        propagators = instrumentation.spec["propagators"]
        named = [value.text for value in propagators]
        if named and not _has_baggage(named) and not list(_env(pod.spec, _PROPAGATORS)):
            yield (
                instrumentation,
                propagators,
                f"the lane ends at pods of {pod.resource.name}: the propagators lack baggage;"
                " add it",
            )


def _instrumentations(facts: Facts, pod: Workload, asked: str) -> Iterator[Resource]:
    namespace, _, name = asked.rpartition("/")
    for resource in facts.of("opentelemetry.io", "Instrumentation"):
        here = resource.namespace == (namespace or pod.namespace)
        if here and name in ("true", resource.name):
            yield resource


def _injected(pod: Workload) -> Value | None:
    """The annotation that asks for an agent."""
    for name, value in pod.template["metadata"]["annotations"].items():
        if name.startswith(_INJECT) and value.text != "false":
            return value
    return None


def _env(spec: Value, start: str) -> list[Value]:
    """The variables of all containers whose names begin with `start`."""
    return [
        variable
        for container in spec["containers"]
        for variable in container["env"]
        if variable["name"].text.startswith(start)
    ]


def _has_baggage(propagators: list[str]) -> bool:
    return "baggage" in {name.strip() for name in propagators}


RULE = Rule(
    code="TL024",
    name="baggage-dropped",
    severity="warning",
    text="""A lane's tag travels in `baggage`, which OpenTelemetry hands on where it is set up
to: the `baggage` propagator is among its own by default, and gone where `OTEL_PROPAGATORS`, or
an Instrumentation's `propagators`, name others. A service that is not instrumented drops it.""",
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
    mended=("[tracecontext]", "[tracecontext, baggage]"),
    check=check,
)
