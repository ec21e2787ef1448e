"""Pods in a lane's way that have no proxy."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Workload
from lanes.lint.rule import Found, Rule
from lanes.lint.value import Value

_INJECT = "sidecar.istio.io/inject"
_LOST = "so they call any version of what comes next"


def check(facts: Facts) -> Iterator[Found]:
    seen: set[int] = set()
    unlabelled: dict[str, str] = {}
    for host in sorted(facts.routed):
        for pod in facts.pods(host):
            if id(pod) in seen:
                continue
            seen.add(id(pod))
            off = _off(pod)
            if off:
                yield (
                    pod.resource,
                    off,
                    f"no sidecar is injected into {host.name}'s pods, {_LOST}; take this out",
                )
            elif pod.labels.get(_INJECT) != "true" and "istio.io/rev" not in pod.labels:
                unlabelled.setdefault(pod.namespace, host.name)
    for namespace in facts.of("", "Namespace"):
        labels = namespace.body["metadata"]["labels"].texts
        told = labels.get("istio-injection") == "enabled" or "istio.io/rev" in labels
        ambient = labels.get("istio.io/dataplane-mode") == "ambient"
        if namespace.name in unlabelled and not (told or ambient):
            yield (
                namespace,
                namespace.body["metadata"]["labels"],
                f"sidecar injection is not on here, and {unlabelled[namespace.name]} has pods here,"
                f" {_LOST}; label it istio-injection: enabled",
            )


def _off(pod: Workload) -> Value | None:
    """What keeps the sidecar away from a pod."""
    metadata = pod.template["metadata"]
    # Istio asks the annotation only where there is no label.
    asked = metadata["labels"][_INJECT] or metadata["annotations"][_INJECT]
    if asked.text == "false":
        return asked
    network = pod.spec["hostNetwork"]
    return network if network.text == "true" else None


RULE = Rule(
    code="TL005",
    name="no-sidecar",
    severity="warning",
    text="""The caller's sidecar chooses the version. A pod without one (injection off by a
label or an annotation, `hostNetwork`, a Namespace that does not ask for it) is called by lanes,
and calls past all rules: the lane ends there. Pods that are running get a sidecar only when they
are made anew.""",
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
""",
    mended=(', sidecar.istio.io/inject: "false"', ""),
    check=check,
)
