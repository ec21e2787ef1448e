"""Pods on a lane's path that have no sidecar."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.reading import kinds
from lanes.reading.sidecars import injection_off, without_sidecar

_LOST = "so they call any version of the next service"


def check(facts: Facts) -> Iterator[Violation]:
    unlabeled: dict[str, str] = {}
    for pod, host in facts.routed_workloads:
        off = without_sidecar(pod.template)
        if off:
            yield (
                pod.resource,
                pod.field(off),
                f"no sidecar is injected into {host.name}'s pods, {_LOST}; remove this",
            )
        elif off is None:
            unlabeled[pod.resource.namespace] = host.name
    for resource, namespace in facts.of(kinds.Namespace):
        name, labels = namespace.metadata.name, namespace.metadata.labels
        if name in unlabeled and injection_off(labels):
            yield (
                resource,
                "metadata.labels",
                f"sidecar injection is not on here, and {unlabeled[name]} has pods here, {_LOST};"
                " label it istio-injection: enabled",
            )


RULE = Rule(
    code="TL005",
    name="no-sidecar",
    severity="warning",
    text="""The caller's sidecar chooses the version. A pod has no sidecar if a label or an
annotation turns injection off, if it has `hostNetwork`, or if its Namespace does not turn
injection on. Lanes reach such a pod, and its own calls pass all rules: the lane ends there.
Running pods get a sidecar only when they are created again.""",
    bad="""
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {selector: {app: cart}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - route: [{destination: {host: cart}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart}
spec:
  template:
    metadata:
      labels: {app: cart, version: v1, sidecar.istio.io/inject: "false"}
    spec: {containers: [{name: cart}]}
""",
    fix=(', sidecar.istio.io/inject: "false"', ""),
    check=check,
)
