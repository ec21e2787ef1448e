"""A rule that no request reaches."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Found
from lanes.lint.rule import Rule


def check(facts: Facts) -> Iterator[Found]:
    for routing in facts.routing:
        told: set[int] = set()
        for number, other in facts.unreachable(routing.resource).items():
            first = routing.rules[other]
            if other not in told and not any(asked.match.headers for asked in first.asked):
                told.add(other)
                name = first.name or first.field.removeprefix("spec.")
                yield (
                    routing.resource,
                    f"spec.http[{number}]",
                    f"rule {name} precedes this one and matches all of its requests, so none"
                    " reaches it; put the rule that matches more last",
                )


RULE = Rule(
    code="TL014",
    name="unreachable-rule",
    severity="error",
    text="""A rule without a match, or with one for the prefix `/` alone, matches every request.
The rules after it get none, so a lane's rule there makes no lane.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: ["*"]
  gateways: [istio-system/web]
  http:
    - route: [{destination: {host: shop, subset: v1}}]
    - match: [{headers: {x-lane: {exact: v2}}}]
      route: [{destination: {host: shop, subset: v2}}]
""",
    mended=(
        """    - route: [{destination: {host: shop, subset: v1}}]
    - match: [{headers: {x-lane: {exact: v2}}}]
      route: [{destination: {host: shop, subset: v2}}]
""",
        """    - match: [{headers: {x-lane: {exact: v2}}}]
      route: [{destination: {host: shop, subset: v2}}]
    - route: [{destination: {host: shop, subset: v1}}]
""",
    ),
    check=check,
)
