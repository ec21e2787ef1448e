"""A workload that does not select its own pods."""

from collections.abc import Iterator

from lanes.lint.facts import Facts
from lanes.lint.rule import Found, Rule


def check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        asked = workload.resource.spec["selector"]["matchLabels"]
        missing = [n for n, v in asked.texts.items() if workload.labels.get(n) != v]
        if workload.resource.kind != "Pod" and missing:
            said = ", ".join(f"{name}: {asked[name].text}" for name in missing)
            yield (
                workload.resource,
                asked[missing[0]],
                f"the template's labels lack {said}, so the API server refuses it, and the"
                " version does not run; let both be alike",
            )


RULE = Rule(
    code="TL022",
    name="selector-misfit",
    severity="error",
    text="""A Deployment's selector has to select the pods of its own template. A version that
was copied and renamed in one of the two places is refused.""",
    bad="""
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart-v2}
spec:
  selector: {matchLabels: {app: cart, version: v1}}
  template:
    metadata: {labels: {app: cart, version: v2}}
""",
    mended=("matchLabels: {app: cart, version: v1}", "matchLabels: {app: cart, version: v2}"),
    check=check,
)
