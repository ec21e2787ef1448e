"""A subset that no DestinationRule defines."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.lint.subsets import is_open


def check(facts: Facts) -> Iterator[Violation]:
    for one in facts.destinations:
        if not one.host or not one.subset or not one.live or one.http.fallback:
            continue
        rules, defined = facts.subsets.rules(one.host), facts.subsets.defined(one.host)
        if one.subset in defined or not (rules or one.host in facts.services):
            continue
        if any(resource.lacks("spec.subsets") for resource, _ in rules):
            continue
        anywhere = is_open(one.resource, one.name)
        if facts.subsets.may_define(one.host, one.subset, anywhere=anywhere):
            continue
        if rules:
            names = ", ".join(defined) or "none"
            problem = f"DestinationRule {rules[0][0].name} has no subset {one.subset} ({names})"
        else:
            problem = f"no DestinationRule here is for {one.host.name}, so there is no such subset"
        field = f"{one.field}.destination.subset"
        yield one.resource, field, f"{problem}: requests get 503; define it, or name another"


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
