"""A Gateway name in the wrong namespace."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.mesh.hostnames import gateway_meant
from lanes.reading import kinds
from lanes.reading.manifests import Resource


def absent(facts: Facts) -> Iterator[tuple[Resource, str, str, tuple[str, str]]]:
    """Yield what names a Gateway that is not here, the field, its text, and the Gateway it means.

    A Gateway is its namespace and name.
    """
    there = {(resource.namespace, resource.name) for resource, _ in facts.of(kinds.Gateway)}
    there |= {
        (o.namespace or "default", o.name) for o in facts.manifests.others if o.kind == "Gateway"
    }
    for resource, service in facts.virtual_services:
        for index, text in enumerate(service.spec.gateways):
            meant = gateway_meant(text, resource.namespace)
            if text != "mesh" and meant not in there:
                yield resource, f"spec.gateways[{index}]", text, meant


def check(facts: Facts) -> Iterator[Violation]:
    for resource, field, _, (namespace, name) in absent(facts):
        others = [g for g, _ in facts.of(kinds.Gateway) if g.name == name]
        short = namespace == resource.namespace
        if others and all(one.namespaced for one in (*others, *([resource] if short else []))):
            there = others[0].namespace
            yield (
                resource,
                field,
                f"Gateway {name} is in namespace {there}, and this means one in {namespace}:"
                f" no gateway has these rules, requests get 404; write {there}/{name}",
            )


RULE = Rule(
    code="TL018",
    name="gateway-elsewhere",
    severity="error",
    text="""A name without a namespace means a Gateway in the VirtualService's own namespace. If
that Gateway does not exist, the rules are bound to nothing, no message says so, and the gateway
answers 404.""",
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
    fix=("gateways: [web]", "gateways: [istio-system/web]"),
    check=check,
)
