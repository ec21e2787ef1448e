"""A lane's rule whose requests an earlier rule takes."""

from collections.abc import Iterator
from dataclasses import replace

from lanes.lint.facts import Facts, Violation
from lanes.lint.routing import Routing
from lanes.lint.rule import Rule
from lanes.mesh.examples import example
from lanes.mesh.match_index import MatchIndex
from lanes.mesh.matching import Match, StringMatch, covers, meets
from lanes.reading import kinds


def check(facts: Facts) -> Iterator[Violation]:
    for routing in facts.routing:
        body = routing.resource.body
        if isinstance(body, kinds.VirtualService):
            yield from _shadowed(routing, [effects(rule) for rule in body.spec.http])


def _shadowed(routing: Routing, rule_effects: list[tuple[object, ...]]) -> Iterator[Violation]:
    """Yield the matches whose requests an earlier rule takes, and handles in another way."""
    earlier: MatchIndex[int] = MatchIndex()
    for number, rule in enumerate(routing.rules):
        for match in rule.matches:
            taker, text = next(_takers(earlier, match.conditions), (number, ""))
            if rule_effects[taker] != rule_effects[number]:
                yield (
                    routing.resource,
                    match.field,
                    f"rule {routing.rules[taker].title} stands before this one and takes {text} as"
                    " well, which never gets here; put this rule first, or match whole values",
                )
        for match in rule.matches:
            if not match.narrow:
                earlier.add(match.conditions, number)


def effects(rule: kinds.HttpRoute) -> tuple[object, ...]:
    """Return what a rule does with a request, as far as lanes depend on it."""
    return rule.route, rule.redirect, rule.direct_response, rule.rewrite, rule.headers


def _takers(earlier: MatchIndex[int], later: Match) -> Iterator[tuple[int, str]]:
    """Yield the rules that take a request for `later` by its headers, and those headers."""
    examples = {name: example(condition) for name, condition in later.headers.items()}
    sent = {name: value for name, value in examples.items() if value is not None}
    request = replace(later, headers={n: StringMatch("exact", v) for n, v in sent.items()})
    for match, number in earlier.near(request):
        if not match.headers or not match.headers.keys() <= sent.keys():
            continue
        rest = Match(uri=match.uri, method=match.method, query=match.query)
        by_headers = Match(match.headers, without=match.without)
        if covers(rest, later) and meets(by_headers, sent, "", ""):
            yield number, " and ".join(f"{name}: {sent[name]}" for name in match.headers)


RULE = Rule(
    code="TL012",
    name="shadowed-match",
    severity="error",
    text="""The first rule that matches takes the request. A prefix `v1` before an exact `v10`
takes both lanes; so does an expression that is too wide, or the same match twice.
Rules that lead to the very same destination are left alone.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: ["*"]
  gateways: [istio-system/web]
  http:
    - match: [{headers: {x-lane: {prefix: v1}}}]
      route: [{destination: {host: shop, subset: v1}}]
    - match: [{headers: {x-lane: {exact: v10}}}]
      route: [{destination: {host: shop, subset: v10}}]
    - route: [{destination: {host: shop, subset: v1}}]
""",
    fix=("{prefix: v1}", "{exact: v1}"),
    check=check,
)
