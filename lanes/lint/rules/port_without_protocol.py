"""A port whose protocol Istio has to guess."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.reading.protocols import is_guessed, says_http


def check(facts: Facts) -> Iterator[Violation]:
    for host in facts.rules_by_service:
        resource, service = facts.services[host]
        if any(map(says_http, service.spec.ports)):
            continue
        for index, port in enumerate(service.spec.ports):
            if is_guessed(port):
                yield (
                    resource,
                    f"spec.ports[{index}].{'name' if port.name else 'port'}",
                    "it names no protocol, so Istio guesses one from each connection's first bytes;"
                    " where it cannot, lanes do not hold; name the port http, or http-...",
                )


RULE = Rule(
    code="TL003",
    name="port-without-protocol",
    severity="warning",
    text="""Without a protocol in a port's name or its `appProtocol`, Istio looks at the first
bytes that a client sends. That works for plain HTTP. It waits where the server sends first. It
treats an unknown protocol as TCP, to which no HTTP rule applies.""",
    bad="""
apiVersion: v1
kind: Service
metadata: {name: cart}
spec:
  ports:
    - {name: web, port: 8080}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - route: [{destination: {host: cart}}]
""",
    fix=("{name: web, port: 8080}", "{name: web, port: 8080, appProtocol: http}"),
    check=check,
)
