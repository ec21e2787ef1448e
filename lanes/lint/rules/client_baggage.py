"""A gateway that lets clients choose a lane by the lane header."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Found
from lanes.lint.routing import HttpRule
from lanes.lint.rule import Rule
from lanes.mesh.traffic import HeaderOps


def check(facts: Facts) -> Iterator[Found]:
    matched = {header for _, asked in facts.asked_in_mesh for header in asked.match.headers}
    tags = sorted(filter(facts.propagates, matched & facts.set_headers))
    for routing in facts.routing:
        for tag in tags if routing.at_gateway else ():
            rule = next((rule for rule in routing.rules if rule.legs and _open(rule, tag)), None)
            if rule:
                yield (
                    routing.resource,
                    rule.field,
                    f"a client's own {tag} passes here and chooses the lane at the next hop; set"
                    f" or remove {tag} in each rule of the gateway",
                )


def _open(rule: HttpRule, tag: str) -> bool:
    """Tell whether a request keeps the tag that its client gave it."""
    return not _decides(rule.request, tag) and not all(_decides(leg, tag) for leg in rule.legs)


def _decides(changes: HeaderOps, tag: str) -> bool:
    """Tell whether a rule or a destination sets the header, or takes it away."""
    return tag in changes.set or tag in changes.remove


RULE = Rule(
    code="TL026",
    name="client-baggage",
    severity="warning",
    text="""The gateway decides the lane. A gateway rule that neither sets nor removes the lane
header passes on what the client sent. Then any client that knows a lane's name can enter the
lane.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: ["*"]
  gateways: [istio-system/web]
  http:
    - match: [{headers: {x-lane: {exact: v2}}}]
      headers: {request: {set: {baggage: version=v2}}}
      route: [{destination: {host: shop}}]
    - route: [{destination: {host: shop}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - match: [{headers: {baggage: {exact: version=v2}}}]
      route: [{destination: {host: cart, subset: v2}}]
    - route: [{destination: {host: cart, subset: v1}}]
""",
    fix=(
        "    - route: [{destination: {host: shop}}]\n",
        "    - headers: {request: {remove: [baggage]}}\n"
        "      route: [{destination: {host: shop}}]\n",
    ),
    check=check,
)
