"""A subset that no DestinationRule defines."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Found
from lanes.lint.rule import Rule
from lanes.lint.subsets import open_to_any


def check(facts: Facts) -> Iterator[Found]:
    for leg in facts.legs:
        if not leg.host or not leg.subset or not leg.live or leg.http.fallback:
            continue
        rules, known = facts.subsets.rules(leg.host), facts.subsets.defined(leg.host)
        if leg.subset in known or not (rules or leg.host in facts.services):
            continue
        if any(resource.lacks("spec.subsets") for resource, _ in rules):
            continue
        anywhere = open_to_any(leg.resource, leg.http.destination.host)
        if facts.subsets.may_define(leg.host, leg.subset, anywhere=anywhere):
            continue
        if rules:
            named = ", ".join(known) or "none"
            problem = f"DestinationRule {rules[0][0].name} has no subset {leg.subset} ({named})"
        else:
            problem = f"no DestinationRule here is for {leg.host.name}, so there is no such subset"
        field = f"{leg.field}.destination.subset"
        yield leg.resource, field, f"{problem}: requests get 503; define it, or name another"


RULE = Rule(
    code="TL015",
    name="undefined-subset",
    severity="error",
    text="""A rule names a subset, and a DestinationRule for the same host says which pods
belong to it. A subset that none defines has no endpoints, so requests get 503. Only ASM's
`fallback` helps then.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart}
spec:
  host: cart
  subsets: [{name: v1, labels: {version: v1}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - route: [{destination: {host: cart, subset: v2}}]
""",
    fix=("{host: cart, subset: v2}", "{host: cart, subset: v1}"),
    check=check,
)
