"""A DestinationRule for a host that is not there."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.lint.rules import destination_rule_elsewhere
from lanes.reading import kinds


def check(facts: Facts) -> Iterator[Violation]:
    seen = {id(rule) for rule, _, _ in facts.violations(destination_rule_elsewhere.check)}
    for resource, rule in facts.of(kinds.DestinationRule):
        absent = facts.absent_hosts.reason(rule.spec.host, resource)
        if absent and id(resource) not in seen:
            yield resource, "spec.host", absent.sentence("it applies to nothing")


RULE = Rule(
    code="TL030",
    name="destination-rule-absent",
    severity="warning",
    text="""Subsets and policies apply to the host that a DestinationRule names. If that host is
no Service and no ServiceEntry, they apply to nothing, and the Service that was meant has none.
It is a warning, since the cluster may have the Service. Where TL028 has a finding, this rule
has none.""",
    bad="""
apiVersion: v1
kind: Service
metadata: {name: orders}
spec: {selector: {app: orders}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: orders}
spec:
  host: order
  subsets: [{name: v1, labels: {version: v1}}]
""",
    fix=("host: order\n", "host: orders\n"),
    check=check,
)
