"""Several DestinationRules for one host."""

from collections.abc import Iterator
from typing import Any

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.mesh.hostnames import host_in_manifest
from lanes.mesh.model import Host
from lanes.reading import kinds
from lanes.reading.manifests import Resource


def check(facts: Facts) -> Iterator[Violation]:
    first: dict[tuple[Host, str, frozenset[str], str], tuple[Resource, Any]] = {}
    for resource, rule in facts.of(kinds.DestinationRule):
        host = host_in_manifest(rule.spec.host, resource.namespace)
        if host is None or resource.lacks("spec.workloadSelector"):
            continue
        key = (host, resource.namespace, frozenset(rule.spec.export_to or ["*"]))
        for subset, field, content in _parts(resource):
            other, there = first.setdefault((*key, subset), (resource, content))
            if there != content:
                what = f"subset {subset}" if subset else "a traffic policy"
                yield (
                    resource,
                    field,
                    f"DestinationRule {other.name} has {what} for {host.name} too, with other"
                    " contents, and of two the older rule's counts; merge them",
                )


def _parts(resource: Resource) -> Iterator[tuple[str, str, Any]]:
    """Yield what Istio takes of one rule alone: the subsets by name, and as "" the policy."""
    spec = resource.data["spec"]
    if spec.get("trafficPolicy"):
        yield "", "spec.trafficPolicy", spec["trafficPolicy"]
    if not resource.lacks("spec.subsets"):
        for index, subset in enumerate(spec.get("subsets") or ()):
            yield subset["name"], f"spec.subsets[{index}]", subset


RULE = Rule(
    code="TL017",
    name="two-destination-rules",
    severity="warning",
    text="""Istio merges the DestinationRules that a namespace has for one host. Of two subsets
with one name, the older rule's counts. Of two traffic policies, the older rule's counts for all
subsets. Where no `metadata.creationTimestamp` says which is older, the plan takes the first by
name. Subsets with names of their own are no finding.""",
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
  subsets: [{name: v1, labels: {version: v2}}]
""",
    fix=("{name: v1, labels: {version: v2}}", "{name: v2, labels: {version: v2}}"),
    check=check,
)
