"""A rule that no request reaches."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.routing import HttpRule, Routing
from lanes.lint.rule import Rule
from lanes.lint.rules.shadowed_match import effects
from lanes.reading import kinds


def check(facts: Facts) -> Iterator[Violation]:
    for routing in facts.routing:
        reported: set[int] = set()
        for field, this, taker in (*_whole_rules(routing), *_single_matches(routing)):
            other = routing.rules[taker]
            if taker not in reported and not _matches_headers(other):
                reported.add(taker)
                yield (
                    routing.resource,
                    field,
                    f"rule {other.title} precedes this {this} and matches all of its requests, so"
                    " none reaches it; put the rule that matches more last",
                )


def _whole_rules(routing: Routing) -> Iterator[tuple[str, str, int]]:
    """Yield the field of each unreachable rule, what it is, and the number of its taker."""
    for number, taker in routing.unreachable.items():
        yield f"spec.http[{number}]", "one", taker


def _single_matches(routing: Routing) -> Iterator[tuple[str, str, int]]:
    """Yield the unreachable matches of reachable rules, if the taker does something else."""
    body = routing.resource.body
    if not isinstance(body, kinds.VirtualService):
        return
    rules = body.spec.http
    for number, takers in enumerate(routing.taken_before):
        for index, taker in enumerate(takers if number not in routing.unreachable else ()):
            if taker is not None and effects(rules[taker]) != effects(rules[number]):
                yield f"spec.http[{number}].match[{index}]", "match", taker


def _matches_headers(rule: HttpRule) -> bool:
    """Tell whether a rule matches a header: those rules are TL012's."""
    return any(match.conditions.headers for match in rule.matches)


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
