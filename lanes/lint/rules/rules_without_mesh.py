"""Rules for a Service that callers in the mesh do not have."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.lint.rules.mesh_rules_bypassed import chooses, has_versions
from lanes.mesh.hostnames import host_in_manifest


def check(facts: Facts) -> Iterator[Violation]:
    for resource, service in facts.virtual_services:
        for name in service.spec.hosts:
            host = host_in_manifest(name, resource.namespace)
            if host is None or host in facts.rules_by_service or not has_versions(facts, host):
                continue
            if chooses(resource, host):
                yield (
                    resource,
                    "spec.gateways",
                    f"these rules apply at the gateway alone, so callers in the mesh get any"
                    f" version of {host.name}; add mesh to the gateways",
                )
                break


RULE = Rule(
    code="TL046",
    name="rules-without-mesh",
    severity="warning",
    text="""A VirtualService with `gateways` applies to callers in the mesh only where `mesh` is
among them. Rules for a Service that a gateway alone has choose no version for those who call the
Service by its name.""",
    bad="""
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {selector: {app: cart}, ports: [{name: http, port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart-v1}
spec:
  template:
    metadata: {labels: {app: cart, version: v1}}
    spec: {containers: [{name: cart}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart-v2}
spec:
  template:
    metadata: {labels: {app: cart, version: v2}}
    spec: {containers: [{name: cart}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart}
spec:
  host: cart
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart, cart.example.com]
  gateways: [istio-system/web]
  http:
    - route:
        - {destination: {host: cart, subset: v1}, weight: 90}
        - {destination: {host: cart, subset: v2}, weight: 10}
""",
    fix=("[istio-system/web]", "[istio-system/web, mesh]"),
    check=check,
)
