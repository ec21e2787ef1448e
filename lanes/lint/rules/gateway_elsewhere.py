"""A Gateway that a rule looks for in the wrong namespace."""

from collections.abc import Iterator

from lanes.lint.documents import Resource
from lanes.lint.facts import ISTIO, Facts
from lanes.lint.rule import Found, Rule
from lanes.lint.value import Value


def absent(facts: Facts) -> Iterator[tuple[Resource, Value, str, str]]:
    """Each VirtualService that names a Gateway which is not here, with its namespace and name."""
    there = {(gateway.namespace, gateway.name) for gateway in facts.of(ISTIO, "Gateway")}
    for service in facts.virtual_services:
        for value in service.spec["gateways"]:
            namespace, _, name = value.text.rpartition("/")
            namespace = service.namespace if namespace in ("", ".") else namespace
            if name != "mesh" and (namespace, name) not in there:
                yield service, value, namespace, name


def check(facts: Facts) -> Iterator[Found]:
    for service, value, namespace, name in absent(facts):
        others = [g.namespace for g in facts.of(ISTIO, "Gateway") if g.name == name]
        if others:
            yield (
                service,
                value,
                f"Gateway {name} is in namespace {others[0]}, and this means one in {namespace}:"
                f" no gateway has these rules, requests get 404; write {others[0]}/{name}",
            )


RULE = Rule(
    code="TL018",
    name="gateway-elsewhere",
    severity="error",
    text="""A name without a namespace means a Gateway of the VirtualService's own namespace.
One that is not there binds to nothing, and nothing says so: the gateway answers 404.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: web, namespace: istio-system}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: ["*"]
  gateways: [web]
  http:
    - route: [{destination: {host: shop}}]
""",
    mended=("gateways: [web]", "gateways: [istio-system/web]"),
    check=check,
)
