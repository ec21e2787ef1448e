"""One resource, told in two ways."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Found
from lanes.lint.rule import Rule


def check(facts: Facts) -> Iterator[Found]:
    if facts.has_kind("Kustomization"):
        return  # whose patches are parts of resources
    for resource, first in facts.manifests.twice:
        also = "" if first.source == resource.source else f"in {first.source}, "
        if resource.kind != "Namespace":
            yield (
                resource,
                "metadata.name",
                f"stands twice: also {also}line {first.line('')}, and what is applied last counts"
                " alone; keep one",
            )


RULE = Rule(
    code="TL033",
    name="stands-twice",
    severity="warning",
    text="""A resource is its kind, namespace and name: of two that share them the one that is
applied last is left. A lane that is told by the other alone is no lane. It is a warning, since
alternatives may lie beside each other; give those one at a time. Two that are alike are one.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart}
spec:
  host: cart
  subsets: [{name: v1, labels: {version: v1}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart}
spec:
  host: cart
  subsets: [{name: v2, labels: {version: v2}}]
""",
    mended=(
        """v1}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart}
spec:
  host: cart
  subsets: [{name: v2, labels: {version: v2}}]
""",
        """v1}}, {name: v2, labels: {version: v2}}]
""",
    ),
    check=check,
)
