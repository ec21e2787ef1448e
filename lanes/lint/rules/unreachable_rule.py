"""A rule that no request gets to."""

from collections.abc import Iterator

from lanes.lint.facts import Facts
from lanes.lint.rule import Found, Rule


def check(facts: Facts) -> Iterator[Found]:
    for service in facts.virtual_services:
        for rule in facts.unreached(service)[:1]:
            yield (
                service,
                rule,
                "a rule before this one takes everything, so no request gets here; put the rule"
                " that takes everything last",
            )


RULE = Rule(
    code="TL014",
    name="unreachable-rule",
    severity="error",
    text="""A rule without a match, or with one for the prefix `/` alone, takes everything. What
stands behind it never sees a request: a lane's rule there is no lane.""",
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
