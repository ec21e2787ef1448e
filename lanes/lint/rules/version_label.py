"""Pods without the version label."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule

_LABELS = ("version", "app.kubernetes.io/version")


def check(facts: Facts) -> Iterator[Violation]:
    for host in facts.routed_services:
        pods = facts.workloads_of(host)
        subsets = [one for each in facts.subsets.defined(host).values() for _, _, one in each]
        for pod in pods:
            labeled = any(label in pod.labels for label in _LABELS)
            chosen = any(subset.labels.items() <= pod.labels.items() for subset in subsets)
            alone = len(pods) == 1 and not subsets
            if not (labeled or chosen or alone):
                yield (
                    pod.resource,
                    pod.field("metadata.labels"),
                    f"no version label, so no subset of {host.name} selects these pods and they get"
                    " no lane's requests; label them, version: v1 for instance",
                )


RULE = Rule(
    code="TL001",
    name="version-label",
    severity="warning",
    text="""A lane selects pods by a label, usually `version`. A rule with a subset never
reaches pods without the label, and a rule without a subset mixes them in. So these pods belong
to no lane.""",
    bad="""
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {selector: {app: cart}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart}
spec:
  host: cart
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - route: [{destination: {host: cart, subset: v2}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart-v2}
spec:
  template:
    metadata: {labels: {app: cart, version: v2}}
    spec: {containers: [{name: cart}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart}
spec:
  template:
    metadata: {labels: {app: cart}}
    spec: {containers: [{name: cart}]}
""",
    fix=("metadata: {labels: {app: cart}}", "metadata: {labels: {app: cart, version: v1}}"),
    check=check,
)
