"""A workload that does not select its own pods."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule


def check(facts: Facts) -> Iterator[Violation]:
    for workload in facts.workloads:
        missing = {n: v for n, v in workload.match_labels.items() if workload.labels.get(n) != v}
        if missing:
            said = ", ".join(f"{name}: {value}" for name, value in missing.items())
            yield (
                workload.resource,
                f"spec.selector.matchLabels.{next(iter(missing))}",
                f"the template's labels lack {said}, so the API server rejects it, and the"
                " version does not run; make them the same",
            )


RULE = Rule(
    code="TL022",
    name="selector-mismatch",
    severity="error",
    text="""A Deployment's selector has to select the pods of its own template. The API server
rejects a version that was copied and renamed in one of the two places only.""",
    bad="""
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart-v2}
spec:
  selector: {matchLabels: {app: cart, version: v1}}
  template:
    metadata: {labels: {app: cart, version: v2}}
    spec: {containers: [{name: cart}]}
""",
    fix=("matchLabels: {app: cart, version: v1}", "matchLabels: {app: cart, version: v2}"),
    check=check,
)
