"""Subsets of a Service whose callers resolve a pod's address."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.mesh.model import Host


def check(facts: Facts) -> Iterator[Violation]:
    reported: set[Host] = set()
    for one in facts.destinations:
        if one.host not in facts.services or not one.subset or one.host in reported:
            continue
        spec = facts.services[one.host][1].spec
        external = spec.type == "ExternalName"
        if external or (spec.cluster_ip == "None" and one.routing.in_mesh):
            reported.add(one.host)
            why = (
                "is another host's name, and has no pods of its own"
                if external
                else "is headless: its callers resolve one pod's address, and get that pod"
            )
            yield (
                one.resource,
                f"{one.field}.destination.subset",
                f"Service {one.host.name} {why}, whatever subset {one.subset} selects; route to a"
                " Service with a cluster address",
            )
    for host, resources in facts.rules_by_service.items():
        routes = [resource for resource in resources if resource.kind == "HTTPRoute"]
        if routes and facts.services[host][1].spec.cluster_ip == "None":
            yield (
                routes[0],
                "spec.parentRefs",
                f"Service {host.name} is headless: its callers resolve one pod's address, and get"
                " that pod, whatever the rules say; bind them to a Service with a cluster address",
            )


RULE = Rule(
    code="TL010",
    name="headless-service",
    severity="error",
    text="""A caller of a headless Service (`clusterIP: None`) looks up one pod's address and
calls that pod. Istio permits it, so subsets, weights and lanes have no effect there. An
ExternalName is another host's name and has no pods of its own.""",
    bad="""
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {clusterIP: None, selector: {app: cart}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart}
spec:
  host: cart
  subsets: [{name: v2, labels: {version: v2}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - route: [{destination: {host: cart, subset: v2}}]
""",
    fix=("clusterIP: None, ", ""),
    check=check,
)
