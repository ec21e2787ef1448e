"""A rule that no request reaches."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Found
from lanes.lint.routing import HttpRule, Routing
from lanes.lint.rule import Rule
from lanes.lint.rules.shadowed_match import leads
from lanes.reading import kinds


def check(facts: Facts) -> Iterator[Found]:
    for routing in facts.routing:
        reported: set[int] = set()
        unreachable = facts.unreachable(routing.resource)
        for number, other in unreachable.items():
            if other not in reported and _by_place(routing.rules[other]):
                reported.add(other)
                yield (
                    routing.resource,
                    f"spec.http[{number}]",
                    f"rule {routing.rules[other].title} precedes this one and matches all of its"
                    " requests, so none reaches it; put the rule that matches more last",
                )
        for number, index, other in _partly(facts, routing):
            if (
                other not in reported
                and number not in unreachable
                and _by_place(routing.rules[other])
            ):
                reported.add(other)
                yield (
                    routing.resource,
                    f"spec.http[{number}].match[{index}]",
                    f"rule {routing.rules[other].title} precedes this match and matches all of its"
                    " requests, so none reaches it; put the rule that matches more last",
                )


def _partly(facts: Facts, routing: Routing) -> Iterator[tuple[int, int, int]]:
    """Yield the numbers of a rule, of one of its matches, and of the rule that takes that."""
    body = routing.resource.body
    if not isinstance(body, kinds.VirtualService):
        return
    for number, taken in enumerate(facts.taken_before(routing.resource)):
        for index, other in enumerate(taken):
            if other is not None and leads(body.spec.http[other]) != leads(body.spec.http[number]):
                yield number, index, other


def _by_place(rule: HttpRule) -> bool:
    """Tell whether a rule matches no header: of those that do, TL012 tells."""
    return not any(asked.match.headers for asked in rule.asked)


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
    fix=(
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
