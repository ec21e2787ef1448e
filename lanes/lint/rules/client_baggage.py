"""A gateway that lets clients choose a lane by the lane header."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.routing import HttpRule
from lanes.lint.rule import Rule
from lanes.mesh.traffic import HeaderOps


def check(facts: Facts) -> Iterator[Violation]:
    matched = {header for _, match in facts.mesh_matches for header in match.conditions.headers}
    lane_headers = sorted(filter(facts.propagates, matched & facts.set_headers))
    for routing in facts.routing:
        for header in lane_headers if routing.at_gateway else ():
            rule = next((rule for rule in routing.rules if _passes_on(rule, header)), None)
            if rule:
                yield (
                    routing.resource,
                    rule.field,
                    f"a client's own {header} passes here and chooses the lane at the next hop; set"
                    f" or remove {header} in each rule of the gateway",
                )


def _passes_on(rule: HttpRule, header: str) -> bool:
    """Tell whether a destination of a rule gets the header that the client sent."""
    if _replaces(rule.changes, header):
        return False
    return any(not _replaces(changes, header) for changes in rule.destination_changes)


def _replaces(changes: HeaderOps, header: str) -> bool:
    return header in changes.set or header in changes.remove


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
