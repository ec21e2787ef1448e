"""A lane's rule whose requests another's rule takes first."""

from collections.abc import Iterator

from lanes.lint.facts import Facts
from lanes.lint.routing import HttpRule
from lanes.lint.rule import Found, Rule
from lanes.mesh.examples import example
from lanes.mesh.matching import Match, covers, meets
from lanes.reading import kinds


def check(facts: Facts) -> Iterator[Found]:
    for routing in facts.routing:
        if not isinstance(routing.resource.body, kinds.VirtualService):
            continue
        leads = [_leads(http) for http in routing.resource.body.spec.http]
        before: list[tuple[int, HttpRule, Match]] = []
        for number, rule in enumerate(routing.rules):
            for asked in rule.asked:
                for index, other, earlier in before:
                    text = _caught(earlier, asked.match)
                    if text and leads[index] != leads[number]:
                        name = other.name or other.field.removeprefix("spec.")
                        yield (
                            routing.resource,
                            asked.field,
                            f"rule {name} stands before this one and takes {text} as well, which"
                            " never gets here; put this rule first, or match whole values",
                        )
                    if text:
                        break
            before += [(number, rule, asked.match) for asked in rule.asked if not asked.narrow]


def _leads(http: kinds.HttpRoute) -> tuple[object, ...]:
    """What two rules share that do the same with a request, as far as lanes go."""
    return http.route, http.redirect, http.direct_response, http.rewrite, http.headers


def _caught(earlier: Match, later: Match) -> str | None:
    """The headers of a request that `later` is for, and that `earlier` takes."""
    sample = {name: example(asked) for name, asked in later.headers.items()}
    sent = {name: value for name, value in sample.items() if value is not None}
    if not earlier.headers or not earlier.headers.keys() <= sent.keys():
        return None
    rest = Match(uri=earlier.uri, method=earlier.method, query=earlier.query)
    if not covers(rest, later):
        return None
    if not meets(Match(earlier.headers, without=earlier.without), sent, "GET", "/"):
        return None
    return " and ".join(f"{name}: {sent[name]}" for name in earlier.headers)


RULE = Rule(
    code="TL012",
    name="caught-earlier",
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
    mended=("{prefix: v1}", "{exact: v1}"),
    check=check,
)
