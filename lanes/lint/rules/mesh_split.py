"""Splits at several hops, each of which draws by itself."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Found
from lanes.lint.routing import Leg, at_gateway, in_mesh
from lanes.lint.rule import Rule


def check(facts: Facts) -> Iterator[Found]:
    splits: dict[tuple[int, str], list[Leg]] = {}
    for leg in facts.legs:
        sets = leg.http.headers.request.set or leg.rule.headers.request.set
        if not leg.idle and not (at_gateway(leg.service) and sets):
            splits.setdefault((id(leg.resource), leg.rule_field), []).append(leg)
    split = [legs for legs in splits.values() if len({(leg.host, leg.subset) for leg in legs}) > 1]
    hosts = {leg.host for legs in split for leg in legs}
    for legs in split:
        first = legs[0]
        others = sorted({h.name for h in hosts if h and h not in {leg.host for leg in legs}})
        if others and in_mesh(first.service):
            yield (
                first.resource,
                f"{first.rule_field}.route",
                f"each call draws by itself, here and at {', '.join(others)}, so one request meets"
                " versions of several lanes; split once, at the gateway, set the lane there, and"
                " match it here",
            )


RULE = Rule(
    code="TL004",
    name="mesh-split",
    severity="warning",
    text="""A split inside the mesh draws for each call. One split is a canary. Two in one chain
give every mixture: a request gets v2 of the first service and v1 of the second. A lane draws
once, at the gateway. The gateway sets the lane header, and every hop matches it.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop]
  http:
    - route:
        - {destination: {host: shop, subset: v1}, weight: 80}
        - {destination: {host: shop, subset: v2}, weight: 20}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - route:
        - {destination: {host: cart, subset: v1}, weight: 80}
        - {destination: {host: cart, subset: v2}, weight: 20}
""",
    fix=(
        """
        - {destination: {host: cart, subset: v1}, weight: 80}
        - {destination: {host: cart, subset: v2}, weight: 20}
""",
        """
        - {destination: {host: cart, subset: v1}}
""",
    ),
    check=check,
)
