"""A lane's rule whose requests another's rule takes first."""

from collections.abc import Iterator
from dataclasses import replace

from lanes.lint.facts import Facts, Found
from lanes.lint.routing import HttpRule, Routing
from lanes.lint.rule import Rule
from lanes.mesh.examples import example
from lanes.mesh.match_index import MatchIndex
from lanes.mesh.matching import Match, StringMatch, covers, meets
from lanes.reading import kinds


def check(facts: Facts) -> Iterator[Found]:
    for routing in facts.routing:
        body = routing.resource.body
        if isinstance(body, kinds.VirtualService):
            yield from _shadowed(routing, [leads(http) for http in body.spec.http])


def _shadowed(routing: Routing, led: list[tuple[object, ...]]) -> Iterator[Found]:
    """Yield the matches that a rule before them takes; `led`: where each of the rules leads."""
    before: MatchIndex[tuple[int, HttpRule]] = MatchIndex()
    for number, rule in enumerate(routing.rules):
        for asked in rule.asked:
            caught = next(_caught(before, asked.match), None)
            if caught and led[caught[0]] != led[number]:
                _, other, text = caught
                yield (
                    routing.resource,
                    asked.field,
                    f"rule {other.title} stands before this one and takes {text} as well, which"
                    " never gets here; put this rule first, or match whole values",
                )
        for asked in rule.asked:
            if not asked.narrow:
                before.add(asked.match, (number, rule))


def leads(http: kinds.HttpRoute) -> tuple[object, ...]:
    """What two rules share that do the same with a request, as far as lanes go."""
    return http.route, http.redirect, http.direct_response, http.rewrite, http.headers


def _caught(
    before: MatchIndex[tuple[int, HttpRule]], later: Match
) -> Iterator[tuple[int, HttpRule, str]]:
    """Yield the rules that take a request for `later`, and the headers by which they do."""
    sample = {name: example(asked) for name, asked in later.headers.items()}
    sent = {name: value for name, value in sample.items() if value is not None}
    request = replace(later, headers={n: StringMatch("exact", v) for n, v in sent.items()})
    for earlier, (number, rule) in before.near(request):
        if not earlier.headers or not earlier.headers.keys() <= sent.keys():
            continue
        rest = Match(uri=earlier.uri, method=earlier.method, query=earlier.query)
        by_headers = Match(earlier.headers, without=earlier.without)
        if covers(rest, later) and meets(by_headers, sent, "", ""):
            yield number, rule, " and ".join(f"{name}: {sent[name]}" for name in earlier.headers)


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
