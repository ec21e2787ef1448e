"""Weighted splits at several hops, each drawn separately."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.routing import Destination
from lanes.lint.rule import Rule


def check(facts: Facts) -> Iterator[Violation]:
    by_rule: dict[tuple[int, str], list[Destination]] = {}
    for one in facts.destinations:
        sets = one.http.headers.request.set or one.rule.headers.request.set
        if not one.idle and not (one.routing.at_gateway and sets):
            by_rule.setdefault((id(one.resource), one.rule_field), []).append(one)
    splits = [to for to in by_rule.values() if len({(one.host, one.subset) for one in to}) > 1]
    hosts = {one.host for destinations in splits for one in destinations}
    for destinations in splits:
        first = destinations[0]
        others = sorted(host.name for host in hosts - {one.host for one in destinations} if host)
        if others and first.routing.in_mesh:
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
