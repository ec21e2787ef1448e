"""Pods that request instrumentation, and get none."""

import re
from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule


def check(facts: Facts) -> Iterator[Violation]:
    """Yield what the reader finds, which knows what the operator injects."""
    made = {(w.resource.source, str(w.resource)): w.resource for w in facts.workloads}
    for one in facts.mesh.warnings:
        resource = made.get((one.file, one.resource))
        if one.rule == "injection" and resource:
            yield resource, re.sub(r"\[(.*)\]$", r".\1", one.field), one.message


RULE = Rule(
    code="TL045",
    name="not-instrumented",
    severity="warning",
    text="""The OpenTelemetry Operator injects an agent into the pods whose own annotations
request it, by a language that it knows. The container has to be there, and an Instrumentation
in the pods' namespace has the settings. Where one of these is missing it injects nothing, and
the lane ends at these pods.""",
    bad="""
apiVersion: apps/v1
kind: Deployment
metadata:
  name: cart
  annotations: {instrumentation.opentelemetry.io/inject-java: "true"}
spec:
  template:
    metadata:
      labels: {app: cart, version: v1}
    spec: {containers: [{name: cart}]}
---
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {name: agents}
spec: {propagators: [tracecontext, baggage]}
""",
    fix=(
        """  annotations: {instrumentation.opentelemetry.io/inject-java: "true"}
spec:
  template:
    metadata:
""",
        """spec:
  template:
    metadata:
      annotations: {instrumentation.opentelemetry.io/inject-java: "true"}
""",
    ),
    check=check,
)
