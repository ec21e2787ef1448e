"""HTTP rules at a port of another protocol."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.reading.protocols import has_http


def check(facts: Facts) -> Iterator[Violation]:
    for host, rules in facts.rules_by_service.items():
        resource, service = facts.services[host]
        if not has_http(service.spec):
            port = service.spec.ports[0]
            said = {"appProtocol": port.app_protocol, "name": port.name, "port": str(port.port)}
            field, text = next((field, text) for field, text in said.items() if text)
            yield (
                resource,
                f"spec.ports[0].{field}",
                f"{text} is not HTTP to Istio, so the rules of {rules[0]}"
                " have no effect: calls go to any version; name the port http, or http-...",
            )


RULE = Rule(
    code="TL002",
    name="port-not-http",
    severity="error",
    text="""Istio takes a port's protocol from its `appProtocol`, or else from its name: `http`,
`http2`, `grpc`, or one of them followed by a dash. At a port of another protocol (`tcp`,
`https`, `mysql`, a well-known number such as 3306) HTTP rules have no effect, and lanes do not
hold.""",
    bad="""
apiVersion: v1
kind: Service
metadata: {name: cart}
spec:
  ports:
    - {name: tcp-web, port: 8080}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - route: [{destination: {host: cart}}]
""",
    fix=("name: tcp-web", "name: http-web"),
    check=check,
)
