"""A destination's port that its Service does not have."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule


def check(facts: Facts) -> Iterator[Violation]:
    for one in facts.destinations:
        if one.port is None or one.host not in facts.services:
            continue
        ports = facts.ports(one.host)
        if one.live and not one.http.fallback and ports and one.port not in ports:
            listed = ", ".join(map(str, ports))
            yield (
                one.resource,
                f"{one.field}.destination.port.number",
                f"Service {one.host.name} has no port {one.port} ({listed}), so requests get 503;"
                " name one that it has",
            )


RULE = Rule(
    code="TL031",
    name="port-absent",
    severity="error",
    text="""A destination's port is a port of the Service, not of its pods (`targetPort`). If
the Service does not have it, requests get 503.""",
    bad="""
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {selector: {app: cart}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - route: [{destination: {host: cart, port: {number: 8080}}}]
""",
    fix=("{number: 8080}", "{number: 80}"),
    check=check,
)
