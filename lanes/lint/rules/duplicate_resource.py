"""One resource with two contents."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule


def check(facts: Facts) -> Iterator[Violation]:
    if "Kustomization" in facts.kind_names:
        return  # whose patches are parts of resources
    for resource, before in facts.manifests.duplicates:
        if resource.kind != "Namespace":
            yield (
                resource,
                "metadata.name",
                f"occurs twice, first at {before.source}:{before.line('')}, and only the one that"
                " is applied last counts; keep one",
            )


RULE = Rule(
    code="TL033",
    name="duplicate-resource",
    severity="warning",
    text="""Kind, namespace and name identify a resource. Of two with the same identity, the one
that is applied last remains: `kubectl apply` reads files by name. A lane that only the other
defines is no lane. It is a warning, since alternatives may be in one folder: lint those one at a
time. Two with the same content are no finding.""",
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
    fix=(
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
