"""Rules for HTTP at a port that carries something else."""

from collections.abc import Iterator

from lanes.lint.facts import Facts
from lanes.lint.ports import no_http
from lanes.lint.rule import Found, Rule


def check(facts: Facts) -> Iterator[Found]:
    for host in sorted(facts.mesh_hosts.keys() & facts.services.keys()):
        service = facts.services[host]
        rules = [vs for vs, _ in facts.mesh_hosts[host] if vs.spec["http"]]
        if rules and no_http(service):
            port = next(iter(service.spec["ports"]))
            field = port["appProtocol"] or port["name"] or port["port"]
            yield (
                service,
                field,
                f"{field.text} is no HTTP to Istio, so the rules of VirtualService {rules[0].name}"
                " don't count: calls go to any version; name the port http, or http-...",
            )


RULE = Rule(
    code="TL002",
    name="port-not-http",
    severity="error",
    text="""Istio reads a port's protocol off its `appProtocol`, else off its name: `http`,
`http2`, `grpc`, or one of them with a dash behind. At a port of another protocol (`tcp`,
`https`, `mysql`, a well-known number such as 3306) HTTP rules do nothing, and no lane is told
apart.""",
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
    mended=("name: tcp-web", "name: http-web"),
    check=check,
)
