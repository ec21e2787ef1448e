"""Several DestinationRules for one host."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Found
from lanes.lint.rule import Rule
from lanes.mesh.hostnames import host_in_manifest
from lanes.mesh.model import Host
from lanes.reading import kinds
from lanes.reading.manifests import Resource


def check(facts: Facts) -> Iterator[Found]:
    first: dict[tuple[Host, str, frozenset[str]], Resource] = {}
    for resource, rule in facts.of(kinds.DestinationRule):
        host = host_in_manifest(rule.spec.host, resource.namespace)
        if host is None or resource.lacks("spec.workloadSelector"):
            continue
        key = (host, resource.namespace, frozenset(rule.spec.export_to or ["*"]))
        other = first.setdefault(key, resource)
        if other is not resource:
            yield (
                resource,
                "spec.host",
                f"DestinationRule {other.name} is for {host.name} too: Istio takes subsets of both,"
                " and of two with one name, and of two policies, the older's; merge them",
            )


RULE = Rule(
    code="TL017",
    name="two-destination-rules",
    severity="warning",
    text="""Istio merges the DestinationRules that a namespace has for one host. Of two subsets
with one name, the older rule's counts. Of two traffic policies, the older rule's counts for all
subsets. Where no `metadata.creationTimestamp` says which is older, the plan takes the first by
name.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart}
spec:
  host: cart
  subsets:
    - {name: v1, labels: {version: v1}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart-v2}
spec:
  host: cart.default.svc.cluster.local
  subsets: [{name: v2, labels: {version: v2}}]
""",
    fix=(
        """
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart-v2}
spec:
  host: cart.default.svc.cluster.local
  subsets: [{name: v2, labels: {version: v2}}]
""",
        """
    - {name: v2, labels: {version: v2}}
""",
    ),
    check=check,
)
