"""Destinations that a canary left behind."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule


def check(facts: Facts) -> Iterator[Violation]:
    if facts.kind_names & {"Rollout", "Canary"}:  # they set weights themselves
        return
    for one in facts.destinations:
        if one.idle and not one.http.headers.request.set:
            yield (
                one.resource,
                f"{one.field}.weight",
                f"{one.subset or one.name} has weight 0 here and gets no request by this rule;"
                " remove it, or give it its share",
            )


RULE = Rule(
    code="TL006",
    name="weight-zero",
    severity="warning",
    text="""A destination of weight 0 beside others gets no requests. Usually a canary left it
behind, and it looks as if the version were in use. A destination that sets a lane is no
finding: entry rules lead to that lane.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - route:
        - {destination: {host: cart, subset: v1}, weight: 100}
        - {destination: {host: cart, subset: v2}, weight: 0}
""",
    fix=(
        "        - {destination: {host: cart, subset: v2}, weight: 0}\n",
        "",
    ),
    check=check,
)
