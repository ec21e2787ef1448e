"""Subsets of a Service that the caller resolves."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, in_mesh
from lanes.lint.rule import Found, Rule


def check(facts: Facts) -> Iterator[Found]:
    told: set[str] = set()
    for leg in facts.legs:
        service = facts.services.get(leg.host) if leg.host else None
        if service is None or not leg.subset or service.name in told:
            continue
        external = service.spec["type"].text == "ExternalName"
        headless = service.spec["clusterIP"].text == "None" and in_mesh(leg.service)
        if external or headless:
            told.add(service.name)
            why = (
                "is another host's name, behind which no pods are told apart"
                if external
                else "is headless: its callers resolve one pod's address, and get that pod"
            )
            yield (
                leg.service,
                leg.value["destination"]["subset"],
                f"Service {service.name} {why}, whatever subset {leg.subset} selects; lead to a"
                " Service with a cluster address",
            )


RULE = Rule(
    code="TL010",
    name="headless-hop",
    severity="error",
    text="""A caller of a headless Service (`clusterIP: None`) looks up one pod's address and
calls that, and Istio lets it: subsets, weights and lanes don't hold there. An ExternalName is
another host's name, with no pods of its own.""",
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
    mended=("clusterIP: None, ", ""),
    check=check,
)
